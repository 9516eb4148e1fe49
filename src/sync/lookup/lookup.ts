import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Corp } from '../../core/model.ts';
import type { Coverage, PhoneBook, PhoneMatch } from '../../core/ports/looking-up.ts';
import type { Clock } from '../../core/ports/system.ts';
import type { LiveQuestion, LiveStep } from './live.ts';
import { withSighting } from './sighting.ts';
import { findUnconfigured, judgeCoverage, withAnswersOf } from './unknown.ts';
import type { UnknownCorp } from './unknown.ts';

/** A member with the number. */
export interface LookupMatch extends PhoneMatch {
  /** Whether the configuration names the corp, so that runs keep this true. */
  readonly configured: boolean;
}

/** The answer to a lookup. */
export interface LookupAnswer {
  /** The number in E.164. */
  readonly phone: string;
  /** Current members first, then departed ones, the latest first. With a live answer: as it was written, or would have been. */
  readonly matches: readonly LookupMatch[];
  /** WeCom's answers, corp by corp, in the order of asking; null without `--live`. */
  readonly live: readonly LiveStep[] | null;
  /** The corps that could not know the number, neither by the store nor by WeCom's answer. */
  readonly unknown: readonly UnknownCorp[];
}

export interface LookupDeps {
  readonly store: PhoneBook;
  readonly clock: Pick<Clock, 'now'>;
  /** The configured corps, or those named by hand. */
  readonly corps: readonly Corp[];
  /** Whether the corps were named by hand: then only these are looked into, else all corps in the store. */
  readonly named: boolean;
  /** How old the last success of a corp may be, in milliseconds. */
  readonly staleAfterMs: number;
  /** Asks WeCom; missing when only the store is asked. */
  readonly ask?: LiveQuestion;
}

/** How many numbers one query of the store contains, and how many are held in memory. */
const NUMBERS_AT_ONCE = 1_000;

/** A number to look up. Callers may add fields of their own. */
export interface Wanted {
  /** Undefined when it is not a phone number: then it is returned in its place without an answer. */
  readonly phone: string | undefined;
}

/** Looks up many numbers, and yields the answers in order. The store is asked for a thousand numbers at a time, WeCom for one at a time. */
export async function* lookupMany<T extends Wanted>(
  wanted: AsyncIterable<T> | Iterable<T>,
  deps: LookupDeps,
): AsyncGenerator<{ readonly of: T; readonly answer: LookupAnswer | undefined }> {
  const knowledge = await readKnowledge(deps);
  for await (const piece of inPieces(wanted, NUMBERS_AT_ONCE)) {
    // SQLite answers synchronously: without this pause, signals and progress would wait until the last number.
    await nextTurn();
    let stored = await findAll(piece, deps);
    for (const [index, of] of piece.entries()) {
      if (deps.ask !== undefined) await nextTurn();
      const answer = of.phone === undefined ? undefined : await answerTo(of.phone, stored.get(of.phone) ?? [], knowledge, deps);
      // The answer may have changed who has one of the remaining numbers.
      if (answer !== undefined && isWritten(answer.live)) stored = await findAll(piece.slice(index + 1), deps);
      yield { of, answer };
    }
  }
}

/** Looks up a number in the store and, with `ask`, in WeCom, whose answer is then written to the store. */
export async function lookup(phone: string, deps: LookupDeps): Promise<LookupAnswer> {
  const knowledge = await readKnowledge(deps);
  const stored = await findAll([{ phone }], deps);
  return answerTo(phone, stored.get(phone) ?? [], knowledge, deps);
}

/** What the store can know of the corps. */
interface Knowledge {
  readonly coverage: readonly Coverage[];
  readonly unknown: readonly UnknownCorp[];
}

/** Read before the numbers: a first load that is committed in between must not make an older answer look complete. */
async function readKnowledge({ store, corps, clock, staleAfterMs }: LookupDeps): Promise<Knowledge> {
  const coverage = await store.readCoverage();
  return { coverage, unknown: judgeCoverage(corps, coverage, { now: clock.now(), staleAfterMs }) };
}

async function answerTo(phone: string, stored: readonly PhoneMatch[], knowledge: Knowledge, deps: LookupDeps): Promise<LookupAnswer> {
  const live = (await deps.ask?.(phone, stored)) ?? null;
  const steps = live ?? [];
  const found = isWritten(live) ? ((await findAll([{ phone }], deps)).get(phone) ?? []) : stored;
  const configured = new Set(deps.corps.map(({ id }) => id.toLowerCase()));
  const matches = withSighting(found, steps).map((match) => ({ ...match, configured: configured.has(match.corp.id.toLowerCase()) }));
  const unknown = withAnswersOf(steps, knowledge.unknown, knowledge.coverage);
  return { phone, matches, live, unknown: [...unknown, ...findUnconfigured(matches, knowledge.coverage)] };
}

function isWritten(steps: LookupAnswer['live']): boolean {
  return steps?.some((step) => 'written' in step && step.written) ?? false;
}

async function findAll(wanted: readonly Wanted[], { store, corps, named }: LookupDeps): Promise<ReadonlyMap<string, readonly PhoneMatch[]>> {
  const phones = [...new Set(wanted.flatMap(({ phone }) => phone ?? []))];
  if (phones.length === 0) return new Map();
  return store.findByPhones(phones, named ? corps.map(({ id }) => id) : undefined);
}

async function* inPieces<T>(items: AsyncIterable<T> | Iterable<T>, size: number): AsyncGenerator<readonly T[]> {
  let piece: T[] = [];
  for await (const item of items) {
    if (piece.push(item) < size) continue;
    yield piece;
    piece = [];
  }
  if (piece.length > 0) yield piece;
}
