import { describe, expect, test } from 'vitest';
import { openDatabase as openUnits } from '../../../src/store/engine/transaction.ts';
import { systemClock } from '../../../src/local/clock.ts';
import { createMigrator, MIGRATIONS } from '../../../src/store/schema/migrate.ts';
import { createStore } from '../../../src/store/store.ts';
import { type Bench, CORP, openBench, type OpenEngine, rowsOf, sync, WRITER } from '../../support/stores.ts';
import { DEPARTMENTS, LI, ZHANG } from './people.ts';

/** How every store makes its tables, and who may change them. */
export function describeTables(name: string, place: () => Promise<OpenEngine>): void {
  const open = (): Promise<Bench> => openBench(place());

  describe(`the tables of ${name}`, () => {
    test('are said to be missing, outdated or too new', async () => {
      const { database, openEngine } = await open();
      const store = createStore(openUnits(openEngine(), { clock: systemClock }), { now: () => 0, allowTakeover: false });
      await store.ensureReady();
      await database.transaction((connection) => connection.write("INSERT INTO schema_migrations (name, applied_at) VALUES ('9999_future', '2030-01-01 00:00:00.000')"));
      await expect(store.ensureReady()).rejects.toMatchObject({ kind: 'refused', code: 'tables_too_new', message: expect.stringContaining('9999_future') as string });
      await expect(createMigrator(database, () => 0).migrate()).rejects.toMatchObject({ kind: 'refused', code: 'tables_too_new' });
      await database.transaction((connection) => connection.write("UPDATE schema_migrations SET name = '0000_ancient'"), ).catch(() => undefined);
      await database.transaction((connection) => connection.write('DELETE FROM schema_migrations'));
      await expect(store.ensureReady()).rejects.toMatchObject({ kind: 'config', code: 'tables_missing', hint: 'run `orgsync migrate`' });
      await database.transaction((connection) => connection.write('DROP TABLE schema_migrations'));
      await expect(store.ensureReady()).rejects.toMatchObject({ kind: 'config', code: 'tables_missing', hint: 'run `orgsync migrate`' });
    });

    test('are made once by two who migrate at the same time, and a second migration does nothing', async () => {
      const openEngine = await place();
      const migrators = [1, 2, 3].map(() => createMigrator(openUnits(openEngine(), { clock: systemClock }), () => 0));
      const applied = await Promise.all(migrators.map((migrator) => migrator.migrate()));
      expect(applied.flat()).toEqual(MIGRATIONS.map(({ name: migration }) => migration));
      expect(await migrators[0]?.migrate()).toEqual([]);
    });

    test('are the same when a DBA runs the printed SQL', async () => {
      const openEngine = await place();
      const database = openUnits(openEngine(), { clock: systemClock });
      const migrator = createMigrator(database, () => 0);
      const statements = migrator.sql().split(/;\n/).filter((statement) => statement.trim() !== '');
      await database.alone(async (connection) => {
        for (const statement of statements) await connection.write(statement);
      });
      expect(await migrator.migrate()).toEqual([]);
      const store = createStore(database, { now: () => 0, allowTakeover: false });
      await store.ensureReady();
      await sync(store, [ZHANG], { departments: DEPARTMENTS });
    });
  });

  describe(`${name} opened for reading only`, () => {
    test('answers lookups, and refuses to write anything', async () => {
      const { store, another, database } = await open();
      await sync(store, [ZHANG]);
      const reader = another({ readOnly: true });
      await reader.ensureReady();
      expect((await reader.findByPhones(['+8613800138000'])).size).toBe(1);
      const rows = await rowsOf(database, 'corps');
      await expect(reader.begin(CORP, WRITER)).rejects.toMatchObject({ code: 'read_only', hint: expect.any(String) as string });
      await expect(reader.commitLive(CORP, { phone: '+8613900139000', region: 'CN', found: LI, holders: [], losers: [] }, { mark: await reader.mark(CORP), writer: WRITER })).rejects.toMatchObject({ code: 'read_only' });
      expect(await rowsOf(database, 'corps')).toEqual(rows);
    });
  });
}
