import { readFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { memberKey } from '../../src/core/model.ts';
import type { Corp, SeenDepartment, SeenMember } from '../../src/core/model.ts';
import type { Database, SqlValue } from '../../src/store/engine/database.ts';
import { openDatabase as openUnits } from '../../src/store/engine/transaction.ts';
import { createMigrator, MIGRATIONS } from '../../src/store/schema/migrate.ts';
import { createTable, FIRST_TABLES } from '../../src/store/schema/tables.ts';
import { createStore } from '../../src/store/store.ts';
import { digestOf } from '../../src/store/organisation/digest.ts';
import { snapshot } from '../support/organisation.ts';
import { mariadbPlace, openBench, rowsOf, sqlitePlace, sync } from '../support/stores.ts';
import type { OpenEngine } from '../support/stores.ts';

/**
 * What the first release (0.1.0) wrote of a corp of the sandbox (24 members, 6 departments), and the snapshot that it had
 * compared with: dumped once from its store, column by column. SQLite and MariaDB held the same but for the times.
 */
interface Fixture {
  readonly corp: Corp;
  readonly snapshot: { readonly departments: readonly SeenDepartment[]; readonly members: readonly SeenMember[] };
  readonly tables: Readonly<Record<string, readonly Readonly<Record<string, SqlValue | { readonly hex: string }>>[]>>;
}

const { corp, snapshot: shown, tables } = JSON.parse(readFileSync(new URL('../fixtures/store/first-release.json', import.meta.url), 'utf8')) as Fixture;

describe.each([['SQLite', sqlitePlace], ['MariaDB', () => mariadbPlace()]])('a store in %s that the first release wrote', (_engine, place) => {
  test('holds the digests that are computed today: its members are recognised', async () => {
    const { store, database } = await openBench(place());
    await fill(database);
    const before = await store.readBefore(corp, snapshot(shown.members, shown.departments));
    expect([before.same.size, before.members.size, before.memberCount]).toEqual([shown.members.length, 0, shown.members.length]);
  });

  test('is read to the last field: a run finds nothing to change, with and without its digests', async () => {
    const { store, database } = await openBench(place());
    await fill(database);
    for (const digests of ['digest', 'NULL']) {
      await database.transaction((connection) => connection.write(`UPDATE members SET digest = ${digests}`));
      const { changes } = await sync(store, shown.members, { corp, departments: shown.departments });
      expect([changes.members, changes.departments]).toEqual([[], []]);
    }
    const written = tables['members']?.map(({ userid, digest }) => [userid, digest]);
    expect((await rowsOf(database, 'members', 'userid, digest')).map(({ userid, digest }) => [userid, { hex: Buffer.isBuffer(digest) ? digest.toString('hex') : null }])).toEqual(written);
  });

  test('is upgraded by the SQL that is printed for it', async () => {
    const database = await firstRelease(place);
    const sql = createMigrator(database, () => 0).sql('0001_first_tables');
    await database.alone(async (connection) => {
      for (const statement of sql.split(/;\n/).filter((text) => text.trim() !== '')) await connection.write(statement);
    });
    const store = createStore(database, { now: () => 0, allowTakeover: true });
    await store.ensureReady();
    const { changes } = await sync(store, shown.members, { corp, departments: shown.departments });
    expect([changes.members, changes.departments]).toEqual([[], []]);
    const newest = MIGRATIONS.at(-1)?.name;
    expect(createMigrator(database, () => 0).sql(newest)).toBe(`-- No migration follows ${newest}.\n`);
  });

  test('is upgraded so that its runs under way are fenced off, and the next run repairs what was garbled', async () => {
    const database = await firstRelease(place);
    await database.transaction((connection) => connection.write("UPDATE members SET name = '??', alias = '\uFFFD'"));
    await database.transaction((connection) => connection.write("UPDATE departments SET name = '??'"));
    const store = createStore(database, { now: () => 0, allowTakeover: true });
    await expect(store.ensureReady()).rejects.toMatchObject({ code: 'tables_outdated' });
    const fence = Number((await rowsOf(database, 'corps', 'id, fence'))[0]?.['fence']);
    const migrator = createMigrator(database, () => 0);
    expect(await migrator.migrate()).toEqual(MIGRATIONS.slice(1).map(({ name }) => name));
    expect(await migrator.migrate()).toEqual([]);
    expect(Number((await rowsOf(database, 'corps', 'id, fence'))[0]?.['fence'])).toBeGreaterThan(fence);
    await sync(store, shown.members, { corp, departments: shown.departments });
    const names = new Map(shown.members.map(({ userid, fields }) => [userid, fields.name]));
    const stored = await store.findMembers(corp, shown.members.map(({ userid }) => memberKey(userid)));
    expect(new Map([...stored.values()].map(({ userid, fields }) => [userid, fields.name]))).toEqual(names);
    expect((await store.readBefore(corp, snapshot(shown.members, shown.departments))).same.size).toBe(shown.members.length);
    await database.alone((connection) => connection.write("DELETE FROM schema_migrations WHERE name <> '0001_first_tables'"));
    expect(await migrator.migrate()).toHaveLength(MIGRATIONS.length - 1);
  });
});

test('digests of the first release are those of today', () => {
  const written = new Map(tables['members']?.map(({ userid, digest }) => [userid, digest]));
  expect(new Map(shown.members.map((member) => [member.userid, { hex: digestOf(member) }]))).toEqual(new Map(shown.members.map(({ userid }) => [userid, written.get(userid)])));
});

/** A store of the first release, with its rows. */
async function firstRelease(place: () => Promise<OpenEngine>): Promise<Database> {
  const openEngine = await place();
  const database = openUnits(openEngine(), { clock: systemClock });
  onTestFinished(() => database.close());
  await database.alone(async (connection) => {
    for (const table of FIRST_TABLES) for (const statement of createTable(connection.dialect, table)) await connection.write(statement);
    await connection.write("CREATE TABLE schema_migrations (name VARCHAR(191) PRIMARY KEY, applied_at VARCHAR(30))");
    await connection.write("INSERT INTO schema_migrations (name, applied_at) VALUES ('0001_first_tables', '2026-03-01 08:00:00.000')");
  });
  await fill(database);
  return database;
}

async function fill(database: Database): Promise<void> {
  await database.transaction(async (connection) => {
    for (const [table, rows] of Object.entries(tables)) {
      for (const row of rows) {
        const names = Object.keys(row);
        const values = Object.values(row).map((value) => (typeof value === 'object' && value !== null && 'hex' in value ? Buffer.from(value.hex, 'hex') : value));
        await connection.write(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`, values);
      }
    }
  });
}
