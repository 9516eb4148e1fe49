import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Corp } from '../../core/model.ts';
import type { PhoneBook, PhoneMatch } from '../../core/ports/looking-up.ts';
import type { LiveQuestion, LiveStep } from './live.ts';
import { withSighting } from './sighting.ts';

/** Who has a number. */
export interface LookupAnswer {
  /** E.164. */
  readonly phone: string;
  /** Current members first, then the departed, the latest first. After a live answer: as it was written, or would have been. */
  readonly matches: readonly PhoneMatch[];
  /** What WeCom said, corp by corp, in the order of asking; null where it was not to be asked. */
  readonly live: readonly LiveStep[] | null;
}

/** What a lookup works with. */
export interface LookupDeps {
  readonly store: PhoneBook;
  /** Only these corps; all that the store knows when missing. */
  readonly corps?: readonly Corp[];
  /** Asks WeCom; missing when only the store is to be asked. */
  readonly ask?: LiveQuestion;
}

/** A bulk query takes this many numbers, and no more than this many are held in memory. */
const NUMBERS_AT_ONCE = 1_000;

/** A number to be looked up, with whatever the caller wants to find beside its answer. */
export interface Wanted {
  /** Undefined where what was typed is no phone number: handed on without an answer, in its place. */
  readonly phone: string | undefined;
}

/** {@link lookup} of many, in their order: the store is asked for a thousand at a time, WeCom for one after the other. */
export async function* lookupMany<T extends Wanted>(
  wanted: AsyncIterable<T> | Iterable<T>,
  deps: LookupDeps,
): AsyncGenerator<{ readonly of: T; readonly answer: LookupAnswer | undefined }> {
  for await (const piece of inPieces(wanted, NUMBERS_AT_ONCE)) {
    // An embedded store answers within the turn: signals and progress would wait for the last number.
    await nextTurn();
    let stored = await findAll(piece, deps);
    for (const [index, of] of piece.entries()) {
      if (deps.ask !== undefined) await nextTurn();
      const answer = of.phone === undefined ? undefined : await answerTo(of.phone, stored.get(of.phone) ?? [], deps);
      // Whoever got a number may have lost one that is still to come, or this one comes again.
      if (answer !== undefined && isWritten(answer.live)) stored = await findAll(piece.slice(index + 1), deps);
      yield { of, answer };
    }
  }
}

/** Who has this number: the store's word, and on request WeCom's, which is then written back. */
export async function lookup(phone: string, deps: LookupDeps): Promise<LookupAnswer> {
  const stored = await findAll([{ phone }], deps);
  return answerTo(phone, stored.get(phone) ?? [], deps);
}

async function answerTo(phone: string, stored: readonly PhoneMatch[], deps: LookupDeps): Promise<LookupAnswer> {
  if (deps.ask === undefined) return { phone, matches: stored, live: null };
  const steps = await deps.ask(phone, stored);
  const matches = isWritten(steps) ? ((await findAll([{ phone }], deps)).get(phone) ?? []) : stored;
  return { phone, matches: withSighting(matches, steps), live: steps };
}

function isWritten(steps: LookupAnswer['live']): boolean {
  return steps?.some((step) => 'written' in step && step.written) ?? false;
}

async function findAll(wanted: readonly Wanted[], { store, corps }: LookupDeps): Promise<ReadonlyMap<string, readonly PhoneMatch[]>> {
  const phones = [...new Set(wanted.flatMap(({ phone }) => phone ?? []))];
  if (phones.length === 0) return new Map();
  return store.findByPhones(phones, corps?.map(({ id }) => id));
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
