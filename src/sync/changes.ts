import { OrgsyncError } from '../errors.ts';
import type { ChangeFilter, Changes, History, Person } from '../core/ports/history.ts';
import { parsePhone } from '../core/phone.ts';
import type { PhoneBook } from '../core/ports/looking-up.ts';
import type { Tables } from '../core/ports/tables.ts';
import type { Clock, Log } from '../core/ports/system.ts';

/** What {@link findPeople} needs. */
export interface PeopleDeps {
  readonly store: PhoneBook;
  readonly history: Pick<History, 'findPeople'>;
  /** The country of phone numbers without a country code, such as `CN`. */
  readonly region: string;
}

/** Finds the people with this userid (in any case) or phone number (their current or last one). */
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

/** Which changes to read; `member` is a userid or a phone number as typed. */
export interface ChangesRequest extends Omit<ChangeFilter, 'people'> {
  readonly member?: string;
}

export interface ChangesDeps extends PeopleDeps {
  readonly store: Tables & PhoneBook;
  readonly history: History;
}

/** Reads changes, the oldest first. Throws `failed` / `unknown_member` when `member` is not known. */
export async function readChanges({ member, ...filter }: ChangesRequest, deps: ChangesDeps): Promise<Changes> {
  await deps.store.ensureReady();
  if (member === undefined) return await deps.history.changes(filter);
  const people = await findPeople(member, filter.corpIds, deps);
  if (people.length === 0) throw unknownMember();
  return await deps.history.changes({ ...filter, people });
}

/** The error does not repeat what was typed: it may be a phone number, and the error may be logged. */
export function unknownMember(): OrgsyncError {
  return new OrgsyncError('failed', {
    code: 'unknown_member',
    message: 'nobody is known by this userid or phone number',
    hint: 'give a userid, or a number that somebody has now or had last; orgsync lookup PHONE --live asks WeCom',
  });
}

export interface PruneDeps {
  readonly history: Pick<History, 'prune'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Steps in one run, a few hundred rows each: a very long history shrinks over several runs. */
const STEPS = 20;

/**
 * Deletes changes and runs that are older than `keepMs`, a part in each run. Never rejects: a run must not fail because of
 * this, and the next run continues.
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
