import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Corp } from '../../core/model.ts';
import type { PhoneBook, PhoneMatch } from '../../core/ports/looking-up.ts';
import type { LiveQuestion, LiveStep } from './live.ts';
import { withSighting } from './sighting.ts';

/** The answer to a lookup. */
export interface LookupAnswer {
  /** The number in E.164. */
  readonly phone: string;
  /** Current members first, then departed ones, the latest first. With a live answer: as it was written, or would have been. */
  readonly matches: readonly PhoneMatch[];
  /** WeCom's answers, corp by corp, in the order of asking; null without `--live`. */
  readonly live: readonly LiveStep[] | null;
}

export interface LookupDeps {
  readonly store: PhoneBook;
  /** Only these corps; all corps in the store by default. */
  readonly corps?: readonly Corp[];
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
  for await (const piece of inPieces(wanted, NUMBERS_AT_ONCE)) {
    // SQLite answers synchronously: without this pause, signals and progress would wait until the last number.
    await nextTurn();
    let stored = await findAll(piece, deps);
    for (const [index, of] of piece.entries()) {
      if (deps.ask !== undefined) await nextTurn();
      const answer = of.phone === undefined ? undefined : await answerTo(of.phone, stored.get(of.phone) ?? [], deps);
      // The answer may have changed who has one of the remaining numbers.
      if (answer !== undefined && isWritten(answer.live)) stored = await findAll(piece.slice(index + 1), deps);
      yield { of, answer };
    }
  }
}

/** Looks up a number in the store and, with `ask`, in WeCom, whose answer is then written to the store. */
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
