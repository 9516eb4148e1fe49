import { createConnection } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Finding } from '../../src/core/finding.ts';
import { memberKey } from '../../src/core/model.ts';
import { systemClock } from '../../src/local/clock.ts';
import type { Database } from '../../src/store/engine/database.ts';
import { inspectStore } from '../../src/store/inspect.ts';
import { type OpenedStore, openStore } from '../../src/store/open.ts';
import { connect, execute, openDatabase } from '../support/database.ts';
import { department, seen, snapshot } from '../support/organisation.ts';
import { serve } from '../support/pretended-mysql.ts';
import { type ServerProcess, startMariadb } from '../support/servers.ts';
import { CORP, sync } from '../support/stores.ts';

const { ORGSYNC_TEST_MYSQL_URL: theirs } = process.env;
const ENGINE = theirs === undefined ? 'MariaDB' : 'MySQL';

/** What can only be chosen when a server starts. */
const AT_START = ['--skip-character-set-client-handshake', '--lower-case-table-names=1', '--log-bin', '--binlog-format=STATEMENT', '--innodb-autoinc-lock-mode=2', '--transaction-isolation=READ-COMMITTED', '--performance-schema=OFF', '--max-connections=20', '--back-log=1', '--table-definition-cache=400'];

let own: ServerProcess | undefined;
let server: string;
beforeAll(async () => {
  own = theirs === undefined ? await startMariadb({ args: AT_START }) : undefined;
  server = own?.url ?? theirs ?? '';
  await execute(server, "CREATE USER IF NOT EXISTS plain IDENTIFIED BY 'secret'");
});
afterAll(async () => {
  await execute(server, 'DROP USER IF EXISTS plain');
  await own?.close();
});

const ODD = seen('odd', { name: '𠮷野家 🦊', alias: String.raw`O'Brien "x" \ || %_`, mobile: '13800138000', address: 'ŵ'.repeat(9), extattr: { attrs: [{ name: '工号', value: '1' }] } }, [1, 2]);
const DEPARTMENTS = [department(1, { name: '总部 🦊' }), department(2)];
const MEMBERS = [ODD, ...Array.from({ length: 20 }, (_, index) => seen(`user${index}`, { alias: `${index} ` }))];

/** An empty database of an account that may do everything in it, and nothing else. */
async function database(charset = 'utf8mb4'): Promise<URL> {
  const url = new URL(await openDatabase(server));
  const name = url.pathname.slice(1);
  await execute(server, `ALTER DATABASE ${name} CHARACTER SET ${charset}`);
  await execute(server, `GRANT ALL ON ${name}.* TO plain`);
  [url.username, url.password] = ['plain', 'secret'];
  return url;
}

async function open(url: URL): Promise<OpenedStore> {
  const opened = await openStore({ clock: systemClock, url: url.href, readOnly: false });
  onTestFinished(() => opened.store.close());
  return opened;
}

/** Uses a store and closes it. A connection that has been used was reset: what init_connect set is gone. */
async function afresh<T>(url: URL, use: (opened: OpenedStore) => Promise<T>): Promise<T> {
  const opened = await openStore({ clock: systemClock, url: url.href, readOnly: false });
  try {
    return await use(opened);
  } finally {
    await opened.store.close();
  }
}

/** Makes the tables, and stores what is given: the first time, unchanged, and changed. */
async function expectAllIsWell(url: URL): Promise<void> {
  await afresh(url, ({ migrator }) => migrator.migrate());
  await afresh(url, expectStored);
  const found = await afresh(url, ({ store }) => store.findMembers(CORP, [memberKey('odd')]));
  expect(found.get(memberKey('odd'))).toMatchObject(ODD);
}

async function expectStored({ store, database: units }: OpenedStore): Promise<void> {
  for (let times = 0; times < 2; times += 1) {
    const { committed } = await sync(store, MEMBERS, { departments: DEPARTMENTS });
    expect(committed).toMatchObject({ memberCount: MEMBERS.length, counts: { joined: times === 0 ? MEMBERS.length : 0, changed: 0 } });
  }
  expect((await store.readBefore(CORP, snapshot(MEMBERS, DEPARTMENTS))).same.size).toBe(MEMBERS.length);
  expect([...(await store.findByPhones(['+8613800138000'])).values()].flat()).toHaveLength(1);
  const { committed } = await sync(store, [...MEMBERS.slice(0, -1), seen('USER19', { alias: 'new' })], { departments: DEPARTMENTS });
  expect(committed).toMatchObject({ memberCount: MEMBERS.length, counts: { joined: 0, changed: 1, departed: 0 } });
  expect(await store.runs(CORP.id, 5)).toMatchObject([{ outcome: 'ok' }, { outcome: 'ok' }, { outcome: 'ok' }]);
  expect(await tableFinding(units)).toMatchObject({ result: 'ok' });
}

/** What doctor says of the tables. */
async function tableFinding(units: Database): Promise<Finding | undefined> {
  const findings = await inspectStore(units, { engine: 'mysql', where: 'here', clock: systemClock, readOnly: true });
  return findings.find(({ title }) => title.startsWith('the tables'));
}

/** What goes wrong with the store at `url` when it is first used. */
async function failure(url: URL): Promise<unknown> {
  const { migrator, store } = await open(url);
  return await migrator.migrate().then(() => store.corps()).catch((error: unknown) => error);
}

/** Sets a global variable until the test is over. */
async function set(name: string, value: string): Promise<void> {
  const [row] = await execute(server, `SELECT @@GLOBAL.${name} AS was`);
  const was = row?.['was'] as string | number | null;
  await execute(server, `SET GLOBAL ${name} = ${value}`);
  onTestFinished(async () => {
    await execute(server, `SET GLOBAL ${name} = ${was === null || /^[\d.]+$/.test(String(was)) ? String(was) : `'${was}'`}`);
  });
}

type Setting = readonly [title: string, name: string, value: string, only?: 'MariaDB' | 'MySQL'];
const SETTINGS: readonly Setting[] = [
  ['sql_mode is empty, as in many my.cnf', 'sql_mode', "''"],
  ['sql_mode TRADITIONAL', 'sql_mode', "'TRADITIONAL'"],
  ['sql_mode ANSI', 'sql_mode', "'ANSI'"],
  ['sql_mode ORACLE', 'sql_mode', "'ORACLE'", 'MariaDB'],
  ['sql_mode MSSQL', 'sql_mode', "'MSSQL'", 'MariaDB'],
  ['sql_mode NO_BACKSLASH_ESCAPES', 'sql_mode', "'NO_BACKSLASH_ESCAPES'"],
  ['sql_mode PAD_CHAR_TO_FULL_LENGTH', 'sql_mode', "'PAD_CHAR_TO_FULL_LENGTH'"],
  ['sql_mode NO_AUTO_VALUE_ON_ZERO,NO_UNSIGNED_SUBTRACTION,IGNORE_SPACE', 'sql_mode', "'NO_AUTO_VALUE_ON_ZERO,NO_UNSIGNED_SUBTRACTION,IGNORE_SPACE,HIGH_NOT_PRECEDENCE'"],
  ['autocommit is off', 'autocommit', '0'],
  ['completion_type RELEASE: every COMMIT ends the connection', 'completion_type', "'RELEASE'"],
  ['time_zone of Shanghai', 'time_zone', "'+08:00'"],
  ['time_zone beyond a day', 'time_zone', "'+13:00'"],
  ['character_set_server latin1', 'character_set_server', 'latin1'],
  ['character_set_server gbk', 'character_set_server', 'gbk'],
  ['collation_server utf8mb4_bin', 'collation_server', 'utf8mb4_bin'],
  ['sql_safe_updates', 'sql_safe_updates', '1'],
  ['sql_select_limit of one row', 'sql_select_limit', '1'],
  ['max_join_size of one row', 'max_join_size', '1'],
  ['group_concat_max_len of four bytes', 'group_concat_max_len', '4'],
  ['sql_auto_is_null', 'sql_auto_is_null', '1'],
  ['foreign_key_checks off', 'foreign_key_checks', '0'],
  ['unique_checks off', 'unique_checks', '0'],
  ['max_statement_time of a millisecond', 'max_statement_time', '0.001', 'MariaDB'],
  ['max_execution_time of a millisecond', 'max_execution_time', '1', 'MySQL'],
  ['innodb_lock_wait_timeout of a second', 'innodb_lock_wait_timeout', '1'],
  ['wait_timeout of a second', 'wait_timeout', '1'],
  ['net_read_timeout of a second', 'net_read_timeout', '1'],
  ['auto_increment_increment 10, as of two primaries', 'auto_increment_increment', '10'],
  ['auto_increment_offset 7', 'auto_increment_offset', '7'],
  ['max_prepared_stmt_count 0', 'max_prepared_stmt_count', '0'],
  ['max_allowed_packet of a megabyte', 'max_allowed_packet', '1048576'],
  ['default_storage_engine MyISAM', 'default_storage_engine', 'MyISAM'],
  ['innodb_default_row_format compact', 'innodb_default_row_format', "'compact'"],
  ['innodb_file_per_table off', 'innodb_file_per_table', '0'],
  ['innodb_strict_mode off', 'innodb_strict_mode', '0'],
  ['explicit_defaults_for_timestamp off', 'explicit_defaults_for_timestamp', '0'],
  ['lc_messages Japanese', 'lc_messages', "'ja_JP'"],
  ['max_sort_length of 64 bytes', 'max_sort_length', '64'],
  ['tmp_table_size as small as it can be', 'tmp_table_size', '16384'],
  ['old_mode UTF8_IS_UTF8MB3', 'old_mode', "'UTF8_IS_UTF8MB3'", 'MariaDB'],
  ['query_cache_type ON', 'query_cache_type', '1', 'MariaDB'],
  ['sql_generate_invisible_primary_key', 'sql_generate_invisible_primary_key', '1', 'MySQL'],
  ['sql_require_primary_key', 'sql_require_primary_key', '1', 'MySQL'],
  ['binlog_transaction_compression', 'binlog_transaction_compression', '1', 'MySQL'],
];

describe('a server stores what it is given, whatever its default:', () => {
  test.runIf(ENGINE === 'MariaDB')('all of this under what only a start decides', async () => {
    const [row] = await execute(server, 'SELECT @@lower_case_table_names AS lower_case, @@log_bin AS log_bin, @@binlog_format AS format, @@innodb_autoinc_lock_mode AS lock_mode');
    expect(row).toEqual({ lower_case: 1, log_bin: 1, format: 'STATEMENT', lock_mode: 2 });
  });

  test.each(SETTINGS.filter(([, , , only = ENGINE]) => only === ENGINE).map(([title, name, value]) => [title, name, value] as const))('%s', async (_, name, value) => {
    const url = await database();
    await set(name, value);
    await expectAllIsWell(url);
  });

  test.each([
    ['READ UNCOMMITTED'],
    ['READ COMMITTED'],
    ['SERIALIZABLE'],
  ])('transactions %s', async (level) => {
    const url = await database();
    await execute(server, `SET GLOBAL TRANSACTION ISOLATION LEVEL ${level}, READ ONLY`);
    onTestFinished(async () => {
      await execute(server, 'SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE');
    });
    await expectAllIsWell(url);
  });

  test.each([
    ['in latin1, as old panels make it', 'latin1 COLLATE latin1_swedish_ci'],
    ['in gbk', 'gbk'],
    ['in utf8mb3', 'utf8mb3'],
    ['in utf8mb4_bin', 'utf8mb4 COLLATE utf8mb4_bin'],
    ['in ucs2', 'ucs2'],
  ])('a database that was made %s', async (_, charset) => {
    await expectAllIsWell(await database(charset));
  });

  test.each([
    ['SET NAMES utf8', 'SET NAMES utf8mb3'],
    ['SET NAMES gbk', 'SET NAMES gbk'],
    ['SET autocommit = 0', 'SET autocommit = 0'],
    ['a read-only transaction', 'SET SESSION TRANSACTION READ ONLY'],
  ])('init_connect = %s', async (_, statement) => {
    const url = await database();
    await set('init_connect', `'${statement}'`);
    await expectAllIsWell(url);
  });
});

describe('a server that will not is told as such:', () => {
  test('init_connect with a mistake in it ends every connection', async () => {
    const url = await database();
    await set('init_connect', "'SELEC 1'");
    expect(await failure(url)).toMatchObject({ kind: 'unavailable', code: 'store_unreachable' });
  });

  test('require_secure_transport wants ?ssl=true', async () => {
    const url = await database();
    if (url.searchParams.has('ssl')) return;
    await execute(server, 'SET GLOBAL require_secure_transport = 1');
    const found = await failure(url);
    await relax();
    // MariaDB says no more than that access is denied.
    expect(found).toMatchObject({ code: ENGINE === 'MariaDB' ? 'store_denied' : 'store_tls', hint: expect.stringContaining('?ssl=true') as string });
  });

  test.runIf(ENGINE === 'MariaDB')('enforce_storage_engine takes the tables away from InnoDB', async () => {
    const url = await database();
    await set('enforce_storage_engine', 'Aria');
    expect(await failure(url)).toMatchObject({ kind: 'config', code: 'store_unsupported' });
  });
});

/** A proxy before the server that changes what is said to it, byte for byte as long as before. */
async function swallowing(url: URL, from: string, to: string): Promise<URL> {
  const port = await serve((client) => {
    const behind = createConnection({ port: Number(url.port), host: '127.0.0.1' });
    behind.on('error', () => client.destroy()).pipe(client);
    client.on('data', (bytes: Buffer) => behind.write(Buffer.from(bytes.toString('latin1').replace(from, to.padEnd(from.length)), 'latin1')));
    client.once('close', () => behind.destroy());
  });
  const through = new URL(url);
  through.port = String(port);
  return through;
}

describe('a proxy that says OK to SET and does not hand it on is told as such:', () => {
  test.each([
    ['the character set', 'SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci', 'SET NAMES latin1 COLLATE latin1_swedish_ci'],
    ['the mode', "sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'", "sql_mode = ''"],
    ['autocommit', 'SESSION autocommit = 1', 'SESSION autocommit = 0'],
    ['the time zone', "SESSION time_zone = '+00:00'", "SESSION time_zone = '+08:00'"],
  ])('%s', async (_, from, to) => {
    const url = await database();
    if (url.searchParams.has('ssl')) return;
    expect(await failure(await swallowing(url, from, to))).toMatchObject({ kind: 'config', code: 'store_unsupported', message: expect.stringContaining('no effect') as string });
  });
});

/** Takes require_secure_transport away again, for which one has to come over TLS or a socket. */
async function relax(): Promise<void> {
  const secure = new URL(server);
  secure.searchParams.set('ssl', 'unverified');
  const connection = await (own === undefined ? connect(secure.href) : connect(server, { socketPath: path.join(own.dir, 'sock') }));
  await connection.query('SET GLOBAL require_secure_transport = 0');
  await connection.end();
}

describe('an account', () => {
  /** An account with this in its CREATE USER, and all rights on an empty database. */
  async function account(name: string, how: string, host = '%'): Promise<URL> {
    const url = await database();
    const who = `'${name}'@'${host}'`;
    await execute(server, `DROP USER IF EXISTS ${who}`);
    await execute(server, `CREATE USER ${who} ${how}`);
    onTestFinished(async () => {
      await execute(server, `DROP USER IF EXISTS ${who}`);
    });
    await execute(server, `GRANT ALL ON ${url.pathname.slice(1)}.* TO ${who}`);
    url.username = name;
    return url;
  }

  test('of which one connection is allowed at a time does all that a run needs', async () => {
    await expectAllIsWell(await account('lonely', "IDENTIFIED BY 'secret' WITH MAX_USER_CONNECTIONS 1"));
  });

  test('whose rights come by a role does all that a run needs', async () => {
    const url = await account('actor', "IDENTIFIED BY 'secret'");
    const name = url.pathname.slice(1);
    await execute(server, 'DROP ROLE IF EXISTS writers');
    await execute(server, 'CREATE ROLE writers');
    onTestFinished(async () => {
      await execute(server, 'DROP ROLE IF EXISTS writers');
    });
    await execute(server, `REVOKE ALL ON ${name}.* FROM actor`);
    await execute(server, `GRANT ALL ON ${name}.* TO writers`);
    await execute(server, 'GRANT writers TO actor');
    await execute(server, ENGINE === 'MariaDB' ? 'SET DEFAULT ROLE writers FOR actor' : 'ALTER USER actor DEFAULT ROLE writers');
    await expectAllIsWell(url);
  });

  test.each<[string, string, string, Readonly<Record<string, unknown>>]>([
    ['whose password has expired is refused, and told to change it', "IDENTIFIED BY 'secret' PASSWORD EXPIRE", '%', { kind: 'refused', code: 'store_denied', hint: expect.stringContaining('expired') }],
    ['that is locked is refused', "IDENTIFIED BY 'secret' ACCOUNT LOCK", '%', { kind: 'refused', code: 'store_denied' }],
    ['for another host only is refused', "IDENTIFIED BY 'secret'", '192.0.2.1', { kind: 'refused', code: 'store_denied' }],
    ['with another password is refused', "IDENTIFIED BY 'another'", '%', { kind: 'refused', code: 'store_denied' }],
    ['without a password is refused one', "IDENTIFIED BY ''", '%', { kind: 'refused', code: 'store_denied' }],
    ['that must come over TLS is refused, and told how', "IDENTIFIED BY 'secret' REQUIRE SSL", '%', { kind: 'refused', code: 'store_denied', hint: expect.stringContaining('ssl=true') }],
  ])('%s', async (_, how, host, expected) => {
    const url = await account('odd_one', how, host);
    if (url.searchParams.has('ssl') && how.includes('SSL')) return;
    expect(await failure(url)).toMatchObject(expected);
  });
});

describe('tables that a DBA has', () => {
  async function altered(...statements: readonly string[]): Promise<URL> {
    const url = await database();
    await (await open(url)).migrator.migrate();
    const name = url.pathname.slice(1);
    const admin = new URL(server);
    admin.pathname = `/${name}`;
    for (const statement of statements) await execute(admin.href, statement);
    return url;
  }

  test.each<[string, readonly string[]]>([
    ['given a column with a default', ['ALTER TABLE members ADD cost_centre VARCHAR(9) NOT NULL DEFAULT \'none\' FIRST']],
    ['given a computed column and an index', ['ALTER TABLE members ADD short_name VARCHAR(5) AS (LEFT(name, 5)) STORED, ADD INDEX by_name (name)']],
    ['joined by foreign keys', ['ALTER TABLE memberships ADD CONSTRAINT to_member FOREIGN KEY (corp_id, userid) REFERENCES members (corp_id, userid)']],
    ['given a trigger that keeps a record', ['CREATE TABLE audit (id BIGINT AUTO_INCREMENT PRIMARY KEY, userid VARCHAR(64))', 'CREATE TRIGGER keep AFTER INSERT ON members FOR EACH ROW INSERT INTO audit (userid) VALUES (NEW.userid)']],
    ['given a view and rows of their own tables', ['CREATE VIEW people AS SELECT userid FROM members', 'CREATE TABLE z_notes (id INT PRIMARY KEY, note TEXT)']],
    ['turned to another collation', ['ALTER TABLE members CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin']],
  ])('%s take what a run writes', async (_, statements) => {
    await expectAllIsWell(await altered(...statements));
  });

  test('moved to another storage engine are found by doctor', async () => {
    const { database: units } = await open(await altered('ALTER TABLE members ENGINE=MyISAM'));
    expect(await tableFinding(units)).toMatchObject({ result: 'failed', kind: 'config', detail: expect.stringContaining('members (MyISAM)') as string });
  });

  test.each<[string, readonly string[]]>([
    ['given a column without a default', ['ALTER TABLE members ADD cost_centre VARCHAR(9) NOT NULL']],
    ['given a trigger that refuses', ["CREATE TRIGGER refuse BEFORE INSERT ON members FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not on a weekend'"]],
    ['joined to a table that lacks the rows', ['CREATE TABLE staff (userid VARCHAR(64) CHARACTER SET ascii COLLATE ascii_general_ci PRIMARY KEY) ENGINE=InnoDB', 'ALTER TABLE members ADD CONSTRAINT to_staff FOREIGN KEY (userid) REFERENCES staff (userid)']],
    ['turned to utf8mb3, which lacks emoji', ['ALTER TABLE members CONVERT TO CHARACTER SET utf8mb3']],
  ])('%s say so with 78, and nothing is written', async (_, statements) => {
    const url = await altered(...statements);
    const { store, database: units } = await open(url);
    await expect(sync(store, MEMBERS, { departments: DEPARTMENTS })).rejects.toMatchObject({ kind: 'config', code: 'tables_altered', hint: expect.stringContaining('SHOW CREATE TABLE') as string });
    expect(await units.read((connection) => connection.query('SELECT userid FROM members'))).toEqual([]);
  });
});
