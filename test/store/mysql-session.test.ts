import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { memberKey } from '../../src/core/model.ts';
import { SESSION_SETTINGS } from '../../src/store/engine/mysql/settings.ts';
import { type OpenedStore, openStore } from '../../src/store/open.ts';
import { createStoreLeases } from '../../src/store/shared/lease.ts';
import { execute, openDatabase } from '../support/database.ts';
import { department, seen, snapshot } from '../support/organisation.ts';
import { type ServerProcess, startMariadb, withDatabase } from '../support/servers.ts';
import { CORP, rowsOf, sync, WRITER } from '../support/stores.ts';

/** Defaults that are wrong for us, each in a way of its own; most stand in somebody's my.cnf. */
const HOSTILE: Readonly<Record<string, string>> = {
  autocommit: '0',
  completion_type: "'CHAIN'",
  sql_mode: "'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'",
  time_zone: "'+09:30'",
  tx_isolation: "'READ-UNCOMMITTED'",
  tx_read_only: '1',
  innodb_lock_wait_timeout: '1',
  lock_wait_timeout: '1',
  wait_timeout: '2',
  sql_safe_updates: '1',
  sql_select_limit: '2',
  max_join_size: '3',
  sql_auto_is_null: '1',
  group_concat_max_len: '4',
  foreign_key_checks: '0',
  unique_checks: '0',
  max_statement_time: '0.001',
  character_set_server: 'latin1',
  character_set_client: 'latin1',
  character_set_connection: 'latin1',
  character_set_results: 'latin1',
  collation_connection: 'latin1_general_cs',
};

let server: ServerProcess;
beforeAll(async () => {
  server = await startMariadb();
});
afterAll(() => server.close());

async function open(url: string): Promise<OpenedStore> {
  const opened = await openStore({ clock: systemClock, url, readOnly: false });
  onTestFinished(() => opened.store.close());
  return opened;
}

/** An empty database, and an account that `init_connect` is run for: it is not for those who may do everything. */
async function database(empty?: string): Promise<string> {
  const url = new URL(empty ?? (await openDatabase(server.url)));
  const where = empty ?? server.url;
  await execute(where, "CREATE USER IF NOT EXISTS plain IDENTIFIED BY 'secret'");
  await execute(where, `GRANT ALL ON ${url.pathname.slice(1)}.* TO plain`);
  [url.username, url.password] = ['plain', 'secret'];
  return url.href;
}

async function statusOf(name: string): Promise<number> {
  return Number((await execute(server.url, `SHOW GLOBAL STATUS LIKE '${name}'`))[0]?.['Value']);
}

const ODD = seen('odd', { name: '𠮷野家 🦊', alias: String.raw`O'Brien "x" \ || %`, address: 'ŵ'.repeat(9) }, [1, 2, 3]);
const DEPARTMENTS = [department(1, { name: '总部 🦊' }), department(2), department(3)];
const MEMBERS = [ODD, ...Array.from({ length: 12 }, (_, index) => seen(`user${index}`))];

describe('a MariaDB whose defaults are all against us', () => {
  test('stores what it is given, sees one moment, commits what is done, and keeps the time', async () => {
    const hostile = await startMariadb();
    onTestFinished(() => hostile.close());
    await execute(hostile.url, 'CREATE DATABASE orgsync');
    const url = await database(withDatabase(hostile.url, 'orgsync'));
    for (const [name, value] of Object.entries(HOSTILE)) await execute(hostile.url, `SET GLOBAL ${name} = ${value}`);
    await execute(hostile.url, `SET GLOBAL init_connect = "SET NAMES utf8, ${Object.entries(HOSTILE).filter(([name]) => !name.startsWith('c')).map(([name, value]) => `${name} = ${value.replaceAll('"', "'")}`).join(', ')}"`);

    const { store, database: units, migrator } = await open(url);
    await migrator.migrate();
    for (let times = 0; times < 3; times += 1) {
      const { committed } = await sync(store, MEMBERS, { departments: DEPARTMENTS });
      expect(committed).toMatchObject({ memberCount: MEMBERS.length, departmentCount: 3 });
    }
    const again = (await open(url)).store;
    await again.ensureReady();
    expect((await again.findMembers(CORP, [memberKey('odd')])).get(memberKey('odd'))).toMatchObject(ODD);
    expect((await again.readBefore(CORP, snapshot(MEMBERS, DEPARTMENTS))).same.size).toBe(MEMBERS.length);
    const [row] = await units.read((connection) => connection.query(`SELECT ABS(TIMESTAMPDIFF(SECOND, NOW(3), ${connection.dialect.now})) AS apart`));
    expect(Number(row?.['apart'])).toBe(0);
    expect(await rowsOf(units, 'changes', 'id, action')).toHaveLength(MEMBERS.length + DEPARTMENTS.length);
    const moment = await units.read(async (connection) => {
      const count = async (): Promise<unknown> => (await connection.query('SELECT COUNT(*) AS n FROM members'))[0]?.['n'];
      const first = await count();
      await sync(again, [...MEMBERS, seen('late')], { departments: DEPARTMENTS });
      return [first, await count()];
    });
    expect(moment).toEqual([MEMBERS.length, MEMBERS.length]);
  });

  test('says of each setting what it is there for', () => {
    for (const { set, because } of SESSION_SETTINGS) expect([set, because]).toEqual([expect.stringMatching(/\S/) as string, expect.stringMatching(/\w{3}/) as string]);
  });
});

describe('the connections of a store', () => {
  test('are few, are used again, and end as the server wants it', async () => {
    const url = await database();
    const [connections, aborted] = [await statusOf('Connections'), await statusOf('Aborted_clients')];
    const asked = await statusOf('Connections') - connections;
    const opened = await openStore({ clock: systemClock, url, readOnly: false });
    await opened.migrator.migrate();
    const leases = createStoreLeases(opened.database, { host: 'h', pid: 1, ttlMs: 60_000, clock: systemClock, log: () => undefined });
    const lease = await leases.acquire('run', { signal: new AbortController().signal });
    expect(lease.is).toBe('acquired');
    const corps = Array.from({ length: 60 }, (_, index) => ({ id: `ww${index}`, name: `corp ${index}` }));
    await Promise.all(corps.map((corp) => sync(opened.store, MEMBERS, { corp, departments: DEPARTMENTS })));
    await Promise.all(corps.map((corp) => opened.store.runs(corp.id, 5)));
    await leases.close();
    await opened.store.close();
    const used = (await statusOf('Connections')) - connections - 2 * asked;
    expect(used).toBeLessThanOrEqual(10);
    await sleep(200);
    expect(await statusOf('Aborted_clients')).toBe(aborted);
  });

  test('that are idle are ended before the server loses patience, and the next unit of work has a new one', async () => {
    const url = await database();
    const aborted = await statusOf('Aborted_clients');
    const opened = await openStore({ clock: systemClock, url, readOnly: false, leaseTtlMs: 2_000 });
    await opened.migrator.migrate();
    await sleep(2_200);
    await opened.store.begin(CORP, WRITER);
    await opened.store.close();
    expect(await statusOf('Aborted_clients')).toBe(aborted);
  });

  test('are clean for the next unit of work, whatever the last one left', async () => {
    const { database: units, migrator } = await open(await database());
    await migrator.migrate();
    await units.transaction(async (connection) => {
      await connection.write('CREATE TEMPORARY TABLE left_over (id INT)');
      await connection.write("SET @left = 1, SESSION sql_mode = '', SESSION time_zone = '+05:00'");
      await connection.query("SELECT GET_LOCK('left', 0)");
    });
    const [row] = await units.transaction((connection) => connection.query("SELECT @left AS kept, @@sql_mode AS mode, @@time_zone AS zone"));
    expect(row).toMatchObject({ kept: null, mode: 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', zone: '+00:00' });
    // The first session is reset in the background; this unit of work may have had another one.
    await expect.poll(() => units.read((connection) => connection.query("SELECT IS_USED_LOCK('left') AS held"))).toEqual([{ held: null }]);
    await expect(units.transaction((connection) => connection.query('SELECT * FROM left_over'))).rejects.toMatchObject({ code: 'tables_missing' });
  });
});
