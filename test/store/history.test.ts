import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import type { ChangeFilter } from '../../src/core/ports/history.ts';
import type { Json } from '../../src/core/model.ts';
import type { Database, SqlValue } from '../../src/store/engine/database.ts';
import { openHistory } from '../../src/store/organisation/history.ts';
import { createMigrator } from '../../src/store/schema/migrate.ts';
import { openMysql } from '../../src/store/engine/mysql/mysql.ts';
import { openSqlite } from '../../src/store/engine/sqlite/sqlite.ts';
import { openDatabase as openStore } from '../../src/store/engine/transaction.ts';
import { OrgsyncError } from '../../src/errors.ts';
import { pruneHistory } from '../../src/sync/changes.ts';
import { createTestClock } from '../support/clock.ts';
import { openDatabase } from '../support/database.ts';

const HOME = 'wwHome';
const AWAY = 'wwAway';
const ALL: ChangeFilter = { limit: 1_000 };

describe.each([
  ['MariaDB', async () => openMysql({ clock: systemClock, url: await openDatabase(), readOnly: false, silenceMs: 20_000, connectMs: 10_000, statementMs: 10_000 })],
  ['SQLite', async () => openSqlite({ clock: systemClock, file: path.join(await folder(), 'orgsync.sqlite'), readOnly: false, lockWaitMs: 5_000 })],
])('the history in %s', (_engine, openEngine) => {
  async function open(): Promise<{ database: Database; history: ReturnType<typeof openHistory> }> {
    const database = openStore(await openEngine(), { clock: systemClock });
    await createMigrator(database, () => 0).migrate();
    onTestFinished(() => database.close());
    await fill(database);
    return { database, history: openHistory(database) };
  }

  test('tells changes oldest first, with the names of corps, members and departments', async () => {
    const { history } = await open();
    const { records, more, departmentNames } = await history.changes(ALL);
    expect(records.map(({ entityId, action, name, corp }) => [corp.name, entityId, action, name])).toEqual([
      ['Home', '2', 'created', '研发'],
      ['Home', 'ZhangSan', 'joined', '张三'],
      ['Home', 'lisi', 'joined', '李四'],
      ['Away', 'zhangsan', 'joined', '远方张三'],
      ['Home', 'zhangsan', 'changed', '张三'],
      ['Home', 'lisi', 'changed', '李四'],
      ['Home', 'lisi', 'departed', '李四'],
    ]);
    expect(more).toBe(false);
    expect(departmentNames.get(HOME.toLowerCase())?.get(3)).toBe('市场');
    expect(records[4]?.newValues).toEqual({ memberships: [{ departmentId: 3, sortOrder: 0, isLeader: false }], mobile: '13900000001' });
    expect(records[4]?.at).toEqual(new Date('2026-03-05T00:00:00.000Z'));
  });

  test('keeps the newest when there are more than asked for, and says so', async () => {
    const { history } = await open();
    const { records, more } = await history.changes({ limit: 2 });
    expect(records.map(({ action }) => action)).toEqual(['changed', 'departed']);
    expect(more).toBe(true);
  });

  test('is narrowed by time, corp, action and person, whatever the case of a userid', async () => {
    const { history } = await open();
    const ids = async (filter: Partial<ChangeFilter>): Promise<readonly number[]> => (await history.changes({ ...ALL, ...filter })).records.map(({ id }) => id);
    expect(await ids({ since: new Date('2026-03-05T00:00:00.000Z') })).toEqual([5, 6, 7]);
    expect(await ids({ corpIds: [AWAY] })).toEqual([4]);
    expect(await ids({ actions: ['joined'] })).toEqual([2, 3, 4]);
    expect(await ids({ people: [{ corpId: HOME, userid: 'ZHANGSAN' }] })).toEqual([2, 5]);
    expect(await ids({ people: [] })).toEqual([]);
  });

  test('knows who came to and who left a department', async () => {
    const { history } = await open();
    const ids = async (departmentId: number): Promise<readonly number[]> => (await history.changes({ ...ALL, departmentId })).records.map(({ id }) => id);
    expect(await ids(2)).toEqual([1, 2, 5]);
    expect(await ids(3)).toEqual([3, 5, 7]);
  });

  test('finds a person by userid, also one of whom only changes are left', async () => {
    const { database, history } = await open();
    expect(await history.findPeople('ZHANGsan')).toEqual([{ corpId: AWAY, userid: 'zhangsan' }, { corpId: HOME, userid: 'ZhangSan' }]);
    await database.transaction((connection) => connection.write('DELETE FROM members'));
    expect(await history.findPeople('zhangsan', [HOME])).toHaveLength(1);
    expect(await history.findPeople('nobody')).toEqual([]);
  });

  test('counts who is directly in each present department', async () => {
    const { history } = await open();
    expect(await history.departments(HOME)).toEqual([
      { id: 1, parentId: 0, name: 'Home', sortOrder: 0, members: 0 },
      { id: 2, parentId: 1, name: '研发', sortOrder: 0, members: 0 },
      { id: 3, parentId: 1, name: '市场', sortOrder: 0, members: 1 },
    ]);
  });

  test('is pruned of what is too old, in steps, but never of the run that a corp was written by last', async () => {
    const { database, history } = await open();
    const old = Array.from({ length: 1_200 }, (_, index) => [1_000 + index, null, HOME, '2020-01-01 00:00:00.000', 'member', `old${index}`, 'joined', null, '{}']);
    await insert(database, 'changes', old);
    expect(await history.prune(new Date('2026-03-02T00:00:00Z'), 1)).toEqual({ changes: 500, runs: 0 });
    expect(await history.prune(new Date('2026-03-02T00:00:00Z'), 50)).toEqual({ changes: 701, runs: 2 });
    expect(await history.prune(new Date('2026-03-02T00:00:00Z'), 50)).toEqual({ changes: 0, runs: 0 });
    expect((await history.changes(ALL)).records.map(({ id }) => id)).toEqual([2, 3, 4, 5, 6, 7]);
    expect((await database.read((connection) => connection.query('SELECT id FROM runs ORDER BY id'))).map((row) => Number(row['id']))).toEqual([2, 3]);
  });

  test('erases a person in one corp: row, memberships, changes, wrong numbers and mentions, and nobody else', async () => {
    const { database, history } = await open();
    const digest = Buffer.alloc(16, 7);
    for (const [userid, leaders, departed_at] of [['left', ['ZhangSan'], '2026-03-02 00:00:00.000'], ['here', ['wangwu', 'zhangsan'], null], ['other', ['zhangsanfeng'], null]] as const) {
      await put(database, 'members', { corp_id: HOME, userid, direct_leaders: JSON.stringify(leaders), departed_at, digest, created_at: '2026-03-01 00:00:00.000', updated_at: '2026-03-01 00:00:00.000' });
    }
    await put(database, 'members', { corp_id: AWAY, userid: 'far', direct_leaders: '["zhangsan"]', digest, created_at: '2026-03-01 00:00:00.000', updated_at: '2026-03-01 00:00:00.000' });
    await database.transaction(async (connection) => {
      await connection.write(`UPDATE departments SET leaders = '["ZHANGSAN","lisi"]' WHERE corp_id = ? AND id IN (3, 4)`, [HOME]);
    });
    const erased = await history.erase({ corpId: HOME, userid: 'zhangSAN' });
    expect(erased).toEqual({ members: 1, memberships: 1, changes: 2, mentions: 5 });
    const leaders = await database.read((connection) => connection.query('SELECT userid, direct_leaders, digest IS NULL AS compared FROM members WHERE direct_leaders IS NOT NULL ORDER BY userid'));
    expect(leaders.map(({ userid, direct_leaders: of, compared }) => [userid, jsonValue(of), Number(compared)])).toEqual([
      ['far', ['zhangsan'], 0],
      ['here', ['wangwu', '(erased)'], 1],
      ['left', ['(erased)'], 1],
      ['other', ['zhangsanfeng'], 0],
    ]);
    const leading = await database.read((connection) => connection.query('SELECT leaders FROM departments WHERE leaders IS NOT NULL'));
    expect(leading.map(({ leaders: of }) => jsonValue(of))).toEqual([['(erased)', 'lisi'], ['(erased)', 'lisi']]);
    const everything = JSON.stringify(await database.read(async (connection) => [
      await connection.query('SELECT * FROM members WHERE corp_id = ?', [HOME]),
      await connection.query('SELECT * FROM memberships WHERE corp_id = ?', [HOME]),
      await connection.query('SELECT * FROM changes WHERE corp_id = ?', [HOME]),
      await connection.query('SELECT * FROM wrong_numbers'),
    ]));
    expect(everything).not.toMatch(/zhangsan\b|张三|13900000001/iu);
    expect(everything).toMatch(/李四/u);
    expect((await history.changes({ ...ALL, actions: ['changed'] })).records[0]?.newValues).toEqual({ directLeaders: ['(erased)', 'wangwu'] });
    expect(await history.findPeople('zhangsan')).toEqual([{ corpId: AWAY, userid: 'zhangsan' }]);
    expect(await history.erase({ corpId: HOME, userid: 'zhangsan' })).toEqual({ members: 0, memberships: 0, changes: 0, mentions: 0 });
  });
});

describe('a run’s care for the history', () => {
  const logged: string[] = [];
  const now = (): Promise<Date> => Promise.resolve(new Date('2026-01-02T00:00:01Z'));
  const deps = { clock: createTestClock(Date.UTC(2026, 0, 2)), log: (_level: string, event: string) => logged.push(event), signal: new AbortController().signal };

  test('prunes step by step until nothing is too old, within a bound', async () => {
    const asked: string[] = [];
    let left = 3;
    const prune = (before: Date): Promise<{ changes: number; runs: number }> => {
      asked.push(before.toISOString());
      left -= 1;
      return Promise.resolve(left < 0 ? { changes: 0, runs: 0 } : { changes: 500, runs: 1 });
    };
    await pruneHistory(24 * 3_600_000, { ...deps, history: { now, prune } });
    expect(asked).toEqual(Array(4).fill('2026-01-01T00:00:00.000Z'));
    left = Infinity;
    await pruneHistory(24 * 3_600_000, { ...deps, history: { now, prune } });
    expect(asked).toHaveLength(4 + 20);
    // A host whose clock is years ahead.
    left = 1;
    await pruneHistory(24 * 3_600_000, { ...deps, clock: createTestClock(Date.UTC(2040, 0, 1)), history: { now, prune } });
    expect(asked.at(-1)).toBe('2026-01-01T00:00:01.000Z');
  });

  test('never fails the run, and leaves the rest to the next one', async () => {
    logged.length = 0;
    await pruneHistory(1, { ...deps, history: { now, prune: () => Promise.reject(new OrgsyncError('refused', { code: 'store_denied', message: 'no DELETE', hint: 'grant it' })) } });
    expect(logged).toEqual(['history_not_pruned']);
  });
});

function jsonValue(value: SqlValue | undefined): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value;
}

async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'orgsync-history-'));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

async function insert(database: Database, table: string, rows: readonly (readonly SqlValue[])[]): Promise<void> {
  await database.transaction(async (connection) => {
    for (const row of rows) await connection.write(`INSERT INTO ${table} VALUES (${row.map(() => '?').join(', ')})`, row);
  });
}

/** Inserts by name, so that columns which others add do not matter. */
async function put(database: Database, table: string, row: Readonly<Record<string, SqlValue>>): Promise<void> {
  const names = Object.keys(row);
  await database.transaction((connection) => connection.write(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`, Object.values(row)));
}

/** Two corps: in the first, 张三 moved from 研发 to 市场 and 李四 left; in the second somebody else has 张三's userid. */
async function fill(database: Database): Promise<void> {
  const day = (date: number): string => `2026-03-0${date} 00:00:00.000`;
  const times = { created_at: day(1), updated_at: day(1) };
  await put(database, 'corps', { id: HOME, name: 'Home', last_run_id: 2 });
  await put(database, 'corps', { id: AWAY, name: 'Away' });
  for (const [id, name] of [[1, 'Home'], [2, '研发'], [3, '市场']] as const) {
    await put(database, 'departments', { corp_id: HOME, id, parent_id: id === 1 ? 0 : 1, name, sort_order: 0, ...times });
  }
  await put(database, 'departments', { corp_id: HOME, id: 4, parent_id: 1, name: 'gone', sort_order: 0, ...times, removed_at: day(2) });
  const members = [[HOME, 'ZhangSan', '张三', '+8613900000001'], [HOME, 'lisi', '李四', null], [AWAY, 'zhangsan', '远方张三', null]] as const;
  for (const [corp_id, userid, name, mobile_e164] of members) await put(database, 'members', { corp_id, userid, name, mobile_e164, ...times });
  await put(database, 'memberships', { corp_id: HOME, userid: 'ZhangSan', department_id: 3 });
  await put(database, 'wrong_numbers', { corp_id: AWAY, mobile_e164: '+8613900000001', forget_at: day(9) });
  for (const [id, started_at, finished_at] of [[1, day(1), day(1)], [2, day(1), day(1)], [3, day(5), day(5)], [4, day(1), null]] as const) {
    await put(database, 'runs', { id, corp_id: HOME, started_at, finished_at, outcome: finished_at === null ? 'interrupted' : 'ok', fence: id });
  }
  const inDepartment = (id: number): Json => ({ memberships: [{ department_id: id, sort_order: 0, is_leader: false }] });
  const changes: readonly (readonly [number, string, string, string, string, Json, Json])[] = [
    [1, HOME, 'department', '2', 'created', null, { name: '研发', parent_id: 1 }],
    [2, HOME, 'member', 'ZhangSan', 'joined', null, { name: '张三', ...(inDepartment(2) as object) }],
    [3, HOME, 'member', 'lisi', 'joined', null, { name: '李四', ...(inDepartment(3) as object) }],
    [4, AWAY, 'member', 'zhangsan', 'joined', null, { name: '远方张三' }],
    [5, HOME, 'member', 'zhangsan', 'changed', { ...(inDepartment(2) as object), mobile: '' }, { ...(inDepartment(3) as object), mobile: '13900000001' }],
    [6, HOME, 'member', 'lisi', 'changed', { direct_leaders: [] }, { direct_leaders: ['zhangsan', 'wangwu'] }],
    [7, HOME, 'member', 'lisi', 'departed', inDepartment(3), { memberships: [] }],
  ];
  for (const [id, corp_id, entity, entity_id, action, before, after] of changes) {
    const values = { old_values: before === null ? null : JSON.stringify(before), new_values: JSON.stringify(after) };
    await put(database, 'changes', { id, run_id: 1, corp_id, at: day(id === 1 ? 1 : id), entity, entity_id, action, ...values });
  }
}
