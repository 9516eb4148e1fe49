import { OrgsyncError } from '../errors.ts';
import type { ChangeFilter, Changes, History, Person } from '../core/ports/history.ts';
import { parsePhone } from '../core/phone.ts';
import type { PhoneBook } from '../core/ports/looking-up.ts';
import type { Tables } from '../core/ports/tables.ts';
import type { Clock, Log } from '../core/ports/system.ts';

/** Where people are looked for. */
export interface PeopleDeps {
  readonly store: PhoneBook;
  readonly history: Pick<History, 'findPeople'>;
  /** The country of numbers written without one. */
  readonly region: string;
}

/** Everyone whom `typed` may mean: a userid, whatever its case, or the phone number that somebody has now or had last. */
export async function findPeople(typed: string, corpIds: readonly string[] | undefined, { store, history, region }: PeopleDeps): Promise<readonly Person[]> {
  const people = new Map<string, Person>();
  const add = (person: Person): unknown => people.set(`${person.corpId} ${person.userid}`.toLowerCase(), person);
  if (/^[\w.@-]{1,64}$/u.test(typed)) (await history.findPeople(typed, corpIds)).forEach(add);
  const parsed = parsePhone(typed, region);
  if ('e164' in parsed) {
    const matches = await store.findByPhones([parsed.e164], corpIds);
    for (const { corp, member } of matches.get(parsed.e164) ?? []) add({ corpId: corp.id, userid: member.userid });
  }
  return [...people.values()];
}

/** Which changes are wanted; `member` is a userid or a phone number as typed. */
export interface ChangesRequest extends Omit<ChangeFilter, 'people'> {
  readonly member?: string;
}

/** What `orgsync changes` works with. */
export interface ChangesDeps extends PeopleDeps {
  readonly store: Tables & PhoneBook;
  readonly history: History;
}

/** The changes asked for, oldest first. Throws `failed` / `unknown_member` when nobody is known by `member`. */
export async function readChanges({ member, ...filter }: ChangesRequest, deps: ChangesDeps): Promise<Changes> {
  await deps.store.ensureReady();
  if (member === undefined) return await deps.history.changes(filter);
  const people = await findPeople(member, filter.corpIds, deps);
  if (people.length === 0) throw unknownMember();
  return await deps.history.changes({ ...filter, people });
}

/** What was typed is not repeated: it may be a phone number, and this may be logged. */
export function unknownMember(): OrgsyncError {
  return new OrgsyncError('failed', {
    code: 'unknown_member',
    message: 'nobody is known by this userid or phone number',
    hint: 'give a userid, or a number that somebody has now or had last; orgsync lookup PHONE --live asks WeCom',
  });
}

/** What keeping the history within its bounds needs. */
export interface PruneDeps {
  readonly history: Pick<History, 'prune'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Steps in one run, a few hundred rows each: a history that has become too long shrinks over some runs. */
const STEPS = 20;

/**
 * Forgets changes and runs older than `keepMs`, a little in each run. Never rejects: what is left is for the next run,
 * and no run fails because of it.
 */
export async function pruneHistory(keepMs: number, { history, clock, log, signal }: PruneDeps): Promise<void> {
  const before = new Date(clock.now() - keepMs);
  const pruned = { changes: 0, runs: 0 };
  try {
    for (let step = 0; step < STEPS && !signal.aborted; step += 1) {
      const { changes, runs } = await history.prune(before, 1);
      if (changes + runs === 0) break;
      pruned.changes += changes;
      pruned.runs += runs;
    }
  } catch (error) {
    log('warn', 'history_not_pruned', error instanceof Error ? error.message : String(error));
  }
  if (pruned.changes + pruned.runs > 0) log('info', 'history_pruned', 'forgot what is older than history.keep', pruned);
}
