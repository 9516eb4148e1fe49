import { concernsDepartment } from '../../core/changes/memberships.ts';
import type { ChangeFilter, ChangeRecord, Changes, DepartmentSize, History, Person } from '../../core/ports/history.ts';
import { erasePerson } from './erase.ts';
import type { Connection, Database, Row, SqlValue } from '../engine/database.ts';
import { changedValuesFromRow } from './rows.ts';
import { marks, pieces } from '../engine/statements.ts';
import { neededNumber, neededText, neededTime, numberOf, textOf, timeText } from '../engine/values.ts';

/** Opens the history in a database. Does not close the database. */
export function openHistory(database: Database): History {
  return {
    changes: (filter) => database.read((connection) => readChanges(connection, filter)),
    findPeople: (userid, corpIds) => database.read((connection) => findPeople(connection, userid, corpIds)),
    departments: (corpId) => database.read((connection) => readDepartments(connection, corpId)),
    now: () => database.read(readNow),
    prune: (before, steps) => prune(database, before, steps),
    erase: (person) => database.transaction((connection) => erasePerson(connection, person)),
  };
}

async function readNow(connection: Connection): Promise<Date> {
  const [row = {}] = await connection.query(`SELECT ${connection.dialect.now} AS now`);
  return neededTime(row, 'now');
}

/** Rows read at a time. */
const PAGE = 1_000;
/** Rows deleted in one transaction: few enough not to delay a run. */
const PRUNED_AT_ONCE = 500;

/** Reads pages from the newest backwards, so that no more is read than the limit needs. */
async function readChanges(connection: Connection, filter: ChangeFilter): Promise<Changes> {
  const newest: Row[] = [];
  let below = Number.MAX_SAFE_INTEGER;
  while (newest.length <= filter.limit) {
    const page = await readPage(connection, filter, below);
    newest.push(...page.filter((row) => concerns(row, filter)));
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) break;
    below = neededNumber(last, 'id');
  }
  const rows = newest.slice(0, filter.limit).reverse();
  const names = await readNames(connection, rows);
  return {
    records: rows.map((row) => named(row, names)),
    more: newest.length > filter.limit,
    departmentNames: names.departments,
  };
}

async function readPage(connection: Connection, filter: ChangeFilter, below: number): Promise<readonly Row[]> {
  const { sql, values } = conditions(filter);
  return await connection.query(
    `SELECT id, run_id, corp_id, at, entity, entity_id, action, old_values, new_values
     FROM changes WHERE id < ?${sql} ORDER BY id DESC LIMIT ${PAGE}`,
    [below, ...values],
  );
}

function conditions({ since, corpIds, people, actions }: ChangeFilter): { readonly sql: string; readonly values: readonly SqlValue[] } {
  const parts: (readonly [string, readonly SqlValue[]])[] = [];
  if (since !== undefined) parts.push(['at >= ?', [timeText(since.getTime())]]);
  if (corpIds !== undefined) parts.push([`corp_id IN (${marks(corpIds.length)})`, corpIds]);
  if (actions !== undefined) parts.push([`action IN (${marks(actions.length)})`, actions]);
  if (people !== undefined) {
    const each = people.map(() => "(corp_id = ? AND entity = 'member' AND entity_id = ?)").join(' OR ');
    parts.push([`(${each === '' ? '1 = 0' : each})`, people.flatMap(({ corpId, userid }) => [corpId, userid])]);
  }
  return { sql: parts.map(([sql]) => ` AND ${sql}`).join(''), values: parts.flatMap(([, values]) => values) };
}

/** Whether a change matches the department filter. This is not done in SQL, because memberships are JSON, which each engine searches differently. */
function concerns(row: Row, { departmentId }: ChangeFilter): boolean {
  return departmentId === undefined || concernsDepartment(recordOf(row), departmentId);
}

interface Names {
  readonly corps: ReadonlyMap<string, string>;
  readonly departments: ReadonlyMap<string, ReadonlyMap<number, string>>;
  readonly members: ReadonlyMap<string, string>;
}

async function readNames(connection: Connection, rows: readonly Row[]): Promise<Names> {
  const { dialect } = connection;
  const corps = new Map<string, string>();
  for (const row of await connection.query(`SELECT id, ${dialect.exactText('name')} FROM corps`)) corps.set(key(neededText(row, 'id')), neededText(row, 'name'));
  const departments = new Map<string, Map<number, string>>();
  const members = new Map<string, string>();
  for (const corpId of new Set(rows.map((row) => key(neededText(row, 'corp_id'))))) {
    const named = await connection.query(`SELECT id, ${dialect.exactText('name')} FROM departments WHERE corp_id = ?`, [corpId]);
    departments.set(corpId, new Map(named.flatMap((row) => withName(neededNumber(row, 'id'), row))));
    const userids = new Set(rows.filter((row) => row['entity'] === 'member' && key(neededText(row, 'corp_id')) === corpId).map((row) => key(neededText(row, 'entity_id'))));
    for (const some of pieces([...userids], PRUNED_AT_ONCE)) {
      const found = await connection.query(`SELECT userid, ${dialect.exactText('name')} FROM members WHERE corp_id = ? AND userid IN (${marks(some.length)})`, [corpId, ...some]);
      for (const [userid, name] of found.flatMap((row) => withName(key(neededText(row, 'userid')), row))) members.set(`${corpId} ${userid}`, name);
    }
  }
  return { corps, departments, members };
}

function withName<Key>(id: Key, row: Row): readonly (readonly [Key, string])[] {
  const name = textOf(row, 'name');
  return name === null || name === '' ? [] : [[id, name]];
}

function named(row: Row, names: Names): ChangeRecord {
  const record = recordOf(row);
  const corpId = key(record.corp.id);
  const name = record.entity === 'member'
    ? names.members.get(`${corpId} ${key(record.entityId)}`)
    : names.departments.get(corpId)?.get(Number(record.entityId));
  return { ...record, name: name ?? null, corp: { id: record.corp.id, name: names.corps.get(corpId) || record.corp.id } };
}

function recordOf(row: Row): ChangeRecord {
  const corpId = neededText(row, 'corp_id');
  return {
    id: neededNumber(row, 'id'),
    runId: numberOf(row, 'run_id'),
    corp: { id: corpId, name: corpId },
    at: neededTime(row, 'at'),
    entity: neededText(row, 'entity') === 'department' ? 'department' : 'member',
    entityId: neededText(row, 'entity_id'),
    name: null,
    action: neededText(row, 'action') as ChangeRecord['action'],
    oldValues: changedValuesFromRow(row, 'old_values'),
    newValues: changedValuesFromRow(row, 'new_values'),
  };
}

/** Returns the key of a corp id or userid, which are compared without case. */
function key(id: string): string {
  return id.toLowerCase();
}

/** Finds people in `members` and in the history: a person who is not in `members` may still be in `changes`. */
async function findPeople(connection: Connection, userid: string, corpIds?: readonly string[]): Promise<readonly Person[]> {
  const inCorps = corpIds === undefined ? '' : ` AND corp_id IN (${marks(corpIds.length)})`;
  const corps = corpIds ?? (await connection.query('SELECT id FROM corps')).map((row) => neededText(row, 'id'));
  const members = await connection.query(`SELECT corp_id, userid FROM members WHERE userid = ?${inCorps}`, [userid, ...(corpIds ?? [])]);
  const people = new Map(members.map((row) => [key(neededText(row, 'corp_id')), { corpId: neededText(row, 'corp_id'), userid: neededText(row, 'userid') }]));
  for (const corpId of corps) {
    if (people.has(key(corpId))) continue;
    const [past] = await connection.query("SELECT entity_id FROM changes WHERE corp_id = ? AND entity = 'member' AND entity_id = ? LIMIT 1", [corpId, userid]);
    if (past !== undefined) people.set(key(corpId), { corpId, userid: neededText(past, 'entity_id') });
  }
  return [...people.values()].sort((a, b) => (a.corpId < b.corpId ? -1 : 1));
}

async function readDepartments(connection: Connection, corpId: string): Promise<readonly DepartmentSize[]> {
  const counts = await connection.query('SELECT department_id, COUNT(*) AS members FROM memberships WHERE corp_id = ? GROUP BY department_id', [corpId]);
  const members = new Map(counts.map((row) => [neededNumber(row, 'department_id'), neededNumber(row, 'members')]));
  const rows = await connection.query(
    `SELECT id, parent_id, ${connection.dialect.exactText('name')}, sort_order FROM departments WHERE corp_id = ? AND removed_at IS NULL ORDER BY id`,
    [corpId],
  );
  return rows.map((row) => ({
    id: neededNumber(row, 'id'),
    parentId: neededNumber(row, 'parent_id'),
    name: textOf(row, 'name'),
    sortOrder: neededNumber(row, 'sort_order'),
    members: members.get(neededNumber(row, 'id')) ?? 0,
  }));
}

/** Reads the ids first and deletes by id. This locks only the deleted rows, and no gaps into which a run may insert. */
async function prune(database: Database, before: Date, steps: number): Promise<{ readonly changes: number; readonly runs: number }> {
  const pruned = { changes: 0, runs: 0 };
  const time = timeText(before.getTime());
  const old = [
    { table: 'changes', by: 'at', but: '' },
    { table: 'runs', by: 'started_at', but: ' AND id NOT IN (SELECT last_run_id FROM corps WHERE last_run_id IS NOT NULL)' },
  ] as const;
  let left = steps;
  for (const rows of old) {
    for (; left > 0; left -= 1) {
      const gone = await pruneSome(database, rows, time);
      pruned[rows.table] += gone;
      if (gone < PRUNED_AT_ONCE) break;
    }
  }
  return pruned;
}

/** Deletes the oldest rows. Their order is that of an index on `by`, so that nothing else is read. */
async function pruneSome(database: Database, { table, by, but }: { readonly table: 'changes' | 'runs'; readonly by: string; readonly but: string }, time: string): Promise<number> {
  const rows = await database.read((connection) => connection.query(`SELECT id FROM ${table} WHERE ${by} < ?${but} ORDER BY ${by} LIMIT ${PRUNED_AT_ONCE}`, [time]));
  const ids = rows.map((row) => neededNumber(row, 'id'));
  if (ids.length === 0) return 0;
  await database.transaction((connection) => connection.write(`DELETE FROM ${table} WHERE id IN (${marks(ids.length)})`, ids));
  return ids.length;
}
