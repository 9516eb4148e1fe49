import { asWecomMobile } from '../../core/mobile.ts';
import type { Corp } from '../../core/model.ts';
import type { Directory } from '../../core/ports/directory.ts';
import type { Ration, RationTicket } from '../../core/ports/ration.ts';
import type { Mark, PhoneMatch, Sightings } from '../../core/ports/looking-up.ts';
import type { Records } from '../../core/ports/records.ts';
import type { Writer } from '../../core/ports/writing.ts';
import type { Clock, Log } from '../../core/ports/system.ts';
import { rationBudget } from '../../core/ration.ts';
import { sightKeys } from '../../core/sighting.ts';
import type { Sight } from '../../core/sighting.ts';
import { OrgsyncError, WecomError, asOrgsyncError } from '../../errors.ts';
import { compareFound, compareHolders } from './compare.ts';
import type { HolderNews, Sighting } from './compare.ts';

/** The result of asking one corp. */
export type LiveStep =
  /** This member has the number. */
  | { readonly corp: Corp; readonly is: 'found'; readonly sighting: Sighting; readonly written: boolean; readonly writeError: OrgsyncError | null }
  /** The application sees no member with the number; `holders` are the members who have it in the store. */
  | { readonly corp: Corp; readonly is: 'nobody'; readonly holders: readonly HolderNews[]; readonly written: boolean; readonly writeError: OrgsyncError | null }
  /** WeCom says that this userid has the number, and shows no such member, or one that cannot be stored. Nothing is written. */
  | { readonly corp: Corp; readonly is: 'unreadable'; readonly userid: string }
  /** Not asked, because the number was wrong a short time ago. */
  | { readonly corp: Corp; readonly is: 'known_wrong' }
  /** Not asked, because the ration of wrong numbers is used up for today. */
  | { readonly corp: Corp; readonly is: 'ration_spent'; readonly budget: number }
  | { readonly corp: Corp; readonly is: 'failed'; readonly error: OrgsyncError };

/** Asks WeCom who has a number, corp by corp; `stored` is the answer of the store. Returns the steps in the order of asking. */
export type LiveQuestion = (phone: string, stored: readonly PhoneMatch[]) => Promise<readonly LiveStep[]>;

export interface LiveDeps {
  /** The corps that may be asked, in their order. */
  readonly corps: readonly Corp[];
  readonly directory: Pick<Directory, 'findUseridByMobile' | 'findMember'>;
  readonly ration: Ration;
  readonly store: Pick<Records, 'corps'> & Sightings;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether answers are only shown, and not written. */
  readonly readOnly: boolean;
  /** The country of phone numbers without a country code, such as `CN`. */
  readonly region: string;
  /** How many wrong numbers may be sent a day, as a share of the corp's members, 0 … 1. */
  readonly maxWrongShare: number;
  readonly forgetWrongAfterMs: number;
  readonly signal: AbortSignal;
}

/** How long before a spent ration is checked again: other processes may give back what they booked. */
const SPENT_FOR_MS = 1_000;

/**
 * Creates the function that asks WeCom about numbers, one after the other. It asks the corps in turn, the likeliest first,
 * until one has the number. A corp that failed is not asked again, because the next number would probably fail as well.
 */
export function createLiveQuestion(deps: LiveDeps): LiveQuestion {
  const session = new LiveSession(deps);
  return (phone, stored) => session.ask(phone, stored);
}

class LiveSession {
  readonly #deps: LiveDeps;
  readonly #failed = new Map<string, OrgsyncError>();
  /** The error of the ration, if it failed. Then no corp is asked. */
  #uncounted: OrgsyncError | undefined;
  /** Until when a corp's ration counts as spent, on the monotonic clock. */
  readonly #spentUntil = new Map<string, number>();
  #memberCounts: Promise<ReadonlyMap<string, number>> | undefined;

  constructor(deps: LiveDeps) {
    this.#deps = deps;
  }

  async ask(phone: string, stored: readonly PhoneMatch[]): Promise<readonly LiveStep[]> {
    const steps: LiveStep[] = [];
    for (const corp of likeliestFirst(this.#deps.corps, stored)) {
      const step = await this.#askCorp(corp, phone, stored);
      steps.push(step);
      if (step.is === 'found') break;
    }
    return steps;
  }

  async #askCorp(corp: Corp, phone: string, stored: readonly PhoneMatch[]): Promise<LiveStep> {
    const known = this.#uncounted ?? this.#failed.get(corp.id);
    if (known !== undefined) return { corp, is: 'failed', error: known };
    try {
      const budget = await this.#budget(corp);
      const holders = currentIn(corp, stored);
      const ticket = await this.#book({ corpId: corp.id, e164: phone, budget, held: holders.length > 0 });
      if (ticket === 'known_wrong') return { corp, is: 'known_wrong' };
      if (ticket === 'spent') return { corp, is: 'ration_spent', budget };
      const mark = this.#deps.readOnly ? null : await this.#deps.store.mark(corp);
      const userid = await this.#question(corp, phone, ticket);
      return await this.#judge(corp, phone, { userid, holders, mark });
    } catch (thrown) {
      this.#deps.signal.throwIfAborted();
      const error = asOrgsyncError(thrown);
      if (error.kind === 'defect') throw error;
      this.#failed.set(corp.id, error);
      return { corp, is: 'failed', error };
    }
  }

  async #budget({ id }: Corp): Promise<number> {
    const { store, maxWrongShare } = this.#deps;
    this.#memberCounts ??= store.corps().then((corps) => new Map(corps.map(({ corp, memberCount }) => [corp.id.toLowerCase(), memberCount])));
    return rationBudget((await this.#memberCounts).get(id.toLowerCase()) ?? 0, maxWrongShare);
  }

  async #book(question: Parameters<Ration['book']>[0]): Promise<RationTicket | 'known_wrong' | 'spent'> {
    const { ration, clock } = this.#deps;
    if ((this.#spentUntil.get(question.corpId) ?? -Infinity) > clock.monotonic()) return 'spent';
    const booking = await ration.book(question).catch((thrown: unknown) => {
      this.#uncounted = asOrgsyncError(thrown);
      throw thrown;
    });
    if (booking.is === 'booked') return booking.ticket;
    if (booking.is === 'spent') this.#noteSpent(question);
    return booking.is;
  }

  /** Remembered for a while, and logged only once, because it concerns every number of a batch. */
  #noteSpent({ corpId, budget }: Parameters<Ration['book']>[0]): void {
    const { clock, log } = this.#deps;
    if (!this.#spentUntil.has(corpId)) log('warn', 'ration_spent', 'the ration of wrong numbers is used up for today: WeCom is not asked any more', { corp: corpId, budget });
    this.#spentUntil.set(corpId, clock.monotonic() + SPENT_FOR_MS);
  }

  /** Asks, and settles the ticket. A number that was found, or a refused request, is given back. A request without an answer stays booked, because WeCom may have counted it. */
  async #question(corp: Corp, phone: string, ticket: RationTicket): Promise<string | undefined> {
    const { directory, ration, forgetWrongAfterMs, signal } = this.#deps;
    try {
      const userid = await directory.findUseridByMobile(corp, asWecomMobile(phone), signal);
      await this.#settle(corp, userid === undefined ? ration.rememberWrong(ticket, phone, forgetWrongAfterMs) : ration.giveBack(ticket));
      return userid;
    } catch (error) {
      if (error instanceof WecomError) await this.#settle(corp, ration.giveBack(ticket));
      throw error;
    }
  }

  /** Settles a ticket. If that fails, the ticket stays booked, and the answer is still used. */
  async #settle(corp: Corp, settling: Promise<void>): Promise<void> {
    try {
      await settling;
    } catch (error) {
      this.#deps.log('warn', 'ration_not_settled', 'a question to WeCom could not be settled in the ration and stays spent', { corp: corp.id, code: asOrgsyncError(error).code });
    }
  }

  /** Asks WeCom again, once, if a run that was active has committed meanwhile: only WeCom can tell which of the two is newer. */
  async #judge(corp: Corp, phone: string, question: Question): Promise<LiveStep> {
    const first = await this.#look(corp, phone, question);
    if (first.sight === null) return first.step;
    const written = await this.#write(corp, first.sight, question.mark);
    if (written !== 'beside') return { ...first.step, ...written };
    const mark = await this.#deps.store.mark(corp);
    const second = await this.#look(corp, phone, question);
    if (second.sight === null) return second.step;
    const rewritten = await this.#write(corp, second.sight, mark);
    return { ...second.step, ...(rewritten === 'beside' ? overtaken(corp) : rewritten) };
  }

  async #look(corp: Corp, phone: string, { userid, holders }: Question): Promise<Looked> {
    const { directory, signal } = this.#deps;
    const answer = userid === undefined ? undefined : await directory.findMember(corp, userid, signal);
    // WeCom has just said who has the number: that the holder cannot be read is no denial.
    if (userid !== undefined && answer?.is === 'gone' && answer.left !== true) return { step: { corp, is: 'unreadable', userid }, sight: null };
    if (answer?.is !== 'here') {
      const { holders: news, sight } = await compareHolders({ corp, phone, holders }, this.#deps);
      return { step: { corp, is: 'nobody', holders: news }, sight };
    }
    const sighting = await compareFound({ corp, phone, seen: answer.member, holders }, this.#deps);
    return { step: { corp, is: 'found', sighting }, sight: sighting.sight };
  }

  /** Writes an answer. An error does not hide the answer: it is part of the result. */
  async #write(corp: Corp, sight: Sight, mark: Mark | null): Promise<Writing | 'beside'> {
    if (mark === null || sightKeys(sight).length === 0) return NOT_WRITTEN;
    try {
      const end = await this.#deps.store.commitLive(corp, sight, { mark, writer: this.#deps.writer });
      if (end === 'beside') return end;
      return end === 'overtaken' ? overtaken(corp) : { written: end === 'written', writeError: null };
    } catch (thrown) {
      const error = asOrgsyncError(thrown);
      if (error.kind === 'defect') throw error;
      return { written: false, writeError: error };
    }
  }
}

/** A number in one corp, after `user/getuserid`. */
interface Question {
  /** The member that WeCom found. */
  readonly userid: string | undefined;
  /** The current members with the number in the store. */
  readonly holders: readonly PhoneMatch[];
  /** The corp before WeCom was asked; null if nothing is to be written. */
  readonly mark: Mark | null;
}

/** A step without the result of the write. */
type Look =
  | Pick<Extract<LiveStep, { is: 'found' }>, 'corp' | 'is' | 'sighting'>
  | Pick<Extract<LiveStep, { is: 'nobody' }>, 'corp' | 'is' | 'holders'>;

/** A step before the write, and what is to be written. */
type Looked = { readonly step: Look; readonly sight: Sight } | { readonly step: Extract<LiveStep, { is: 'unreadable' }>; readonly sight: null };

/** The result of the write. */
type Writing = Pick<Extract<LiveStep, { is: 'found' }>, 'written' | 'writeError'>;

const NOT_WRITTEN: Writing = { written: false, writeError: null };

/** The store may hold something newer than the answer, so nothing was written. */
function overtaken({ name }: Corp): Writing {
  const writeError = new OrgsyncError('temporary', {
    code: 'run_was_newer',
    message: `a newer run of ${name} was committed, or a person was erased, while WeCom was asked: the answer may be older and was not stored`,
    hint: 'ask again: orgsync lookup --live',
  });
  return { written: false, writeError };
}

/** Sorts the corps: those with a current holder in the store first, then those with a former one, then the others in their order. */
function likeliestFirst(corps: readonly Corp[], stored: readonly PhoneMatch[]): readonly Corp[] {
  const seenIn = [...new Set(stored.map(({ corp }) => corp.id.toLowerCase()))];
  const rank = ({ id }: Corp): number => {
    const place = seenIn.indexOf(id.toLowerCase());
    return place === -1 ? seenIn.length : place;
  };
  return [...corps].sort((a, b) => rank(a) - rank(b));
}

function currentIn(corp: Corp, stored: readonly PhoneMatch[]): readonly PhoneMatch[] {
  return stored.filter((match) => match.departedAt === null && isIn(corp, match));
}

function isIn(corp: Corp, match: PhoneMatch): boolean {
  return match.corp.id.toLowerCase() === corp.id.toLowerCase();
}
