import { OrgsyncError } from '../errors.ts';
import type { ChangeFilter, Changes, History, Person } from '../core/ports/history.ts';
import type { Corp } from '../core/model.ts';
import { nearest } from '../core/nearest.ts';
import { parsePhone } from '../core/phone.ts';
import type { PhoneBook } from '../core/ports/looking-up.ts';
import type { Records } from '../core/ports/records.ts';
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

/** Which changes to read; `member` is a userid or a phone number, `department` an id or a name, as typed. */
export interface ChangesRequest extends Omit<ChangeFilter, 'people' | 'departmentId'> {
  readonly member?: string;
  readonly department?: string;
}

export interface ChangesDeps extends PeopleDeps {
  readonly store: Tables & PhoneBook & Pick<Records, 'corps'>;
  readonly history: History;
}

/** Reads changes, the oldest first. Throws `failed` / `unknown_member` and `usage` / `unknown_department` when they are not known. */
export async function readChanges({ member, department, ...wanted }: ChangesRequest, deps: ChangesDeps): Promise<Changes> {
  await deps.store.ensureReady();
  const filter = department === undefined ? wanted : { ...wanted, ...(await findDepartment(department, wanted.corpIds, deps)) };
  if (member === undefined) return await deps.history.changes(filter);
  const people = await findPeople(member, filter.corpIds, deps);
  if (people.length === 0) throw unknownMember();
  return await deps.history.changes({ ...filter, people });
}

/** Finds a department by its id, in whatever corp, or by the name that only one has now. */
async function findDepartment(typed: string, corpIds: readonly string[] | undefined, { store, history }: ChangesDeps): Promise<Pick<ChangeFilter, 'departmentId' | 'corpIds'>> {
  if (/^\d{1,10}$/.test(typed)) return { departmentId: Number(typed) };
  const asked = new Set(corpIds?.map((id) => id.toLowerCase()));
  const corps = (await store.corps()).map(({ corp }) => corp).filter(({ id }) => corpIds === undefined || asked.has(id.toLowerCase()));
  const all: { readonly id: number; readonly name: string; readonly corp: Corp }[] = [];
  for (const corp of corps) for (const { id, name } of await history.departments(corp.id)) if (name !== null) all.push({ id, name, corp });
  const found = all.filter(({ name }) => name === typed);
  const [only, ...others] = found.length > 0 ? found : all.filter(({ name }) => name.toLowerCase() === typed.toLowerCase());
  if (only !== undefined && others.length === 0) return { departmentId: only.id, corpIds: [only.corp.id] };
  const near = nearest(typed, all.map(({ name }) => name));
  throw new OrgsyncError('usage', {
    code: 'unknown_department',
    message: only === undefined ? `no department is called ${typed}` : `${others.length + 1} departments are called ${typed}`,
    hint: only === undefined
      ? `${near === undefined ? '' : `did you mean ${near}? If not, `}give its id, or the whole name that it has now`
      : `give its id, and --corp: ${[only, ...others].slice(0, DEPARTMENTS_NAMED).map(({ id, corp }) => `${id} in ${corp.name}`).join(', ')}${others.length < DEPARTMENTS_NAMED ? '' : ', …'}`,
  });
}

/** How many departments of one name are listed. */
const DEPARTMENTS_NAMED = 5;

/** The error does not repeat what was typed: it may be a phone number, and the error may be logged. */
export function unknownMember(): OrgsyncError {
  return new OrgsyncError('failed', {
    code: 'unknown_member',
    message: 'nobody is known by this userid or phone number',
    hint: 'give a userid, or a number that somebody has now or had last; orgsync lookup PHONE --live asks WeCom',
  });
}

export interface PruneDeps {
  readonly history: Pick<History, 'now' | 'prune'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Steps in one run, a few hundred rows each: a very long history shrinks over several runs. */
const STEPS = 20;

/**
 * Deletes changes and runs that are older than `keepMs`, a part in each run. A host whose clock is years ahead deletes no
 * more: the earlier of its clock and the store's counts. Never rejects: a run must not fail because of this, and the next run
 * continues.
 */
export async function pruneHistory(keepMs: number, { history, clock, log, signal }: PruneDeps): Promise<void> {
  const pruned = { changes: 0, runs: 0 };
  try {
    const before = new Date(Math.min(clock.now(), (await history.now()).getTime()) - keepMs);
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
