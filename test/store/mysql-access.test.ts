import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { OrgsyncError } from '../../src/errors.ts';
import { judgeMysqlError, translateMysqlError } from '../../src/store/engine/mysql/errors.ts';
import { MYSQL_ERRORS } from '../../src/store/engine/mysql/meanings.ts';
import { parseMysqlUrl } from '../../src/store/engine/mysql/url.ts';
import { createMigrator } from '../../src/store/schema/migrate.ts';
import { openStore } from '../../src/store/open.ts';
import { openDatabase as openUnits } from '../../src/store/engine/transaction.ts';
import { execute, openDatabase } from '../support/database.ts';
import { seen, stored } from '../support/organisation.ts';
import { type ServerProcess, startMariadb, withDatabase } from '../support/servers.ts';
import { CORP, mysqlEngines, openBench, sync, WRITER } from '../support/stores.ts';

const run = promisify(execFile);
const MEMBER = seen('zhangsan', { mobile: '13800138000' });

describe('accounts of MariaDB', () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server.close());

  async function account(database: string, name: string, grants: readonly string[]): Promise<string> {
    await execute(server.url, `CREATE OR REPLACE USER ${name} IDENTIFIED BY 'sec%ret'`);
    for (const grant of grants) await execute(server.url, grant.replace('$', new URL(database).pathname.slice(1)));
    const url = new URL(database);
    url.username = name;
    url.password = encodeURIComponent('sec%ret');
    return url.href;
  }

  test('need no more than SELECT to look up', async () => {
    const database = await openDatabase(server.url);
    const { store } = await openBench(Promise.resolve(mysqlEngines(database)));
    await sync(store, [MEMBER]);
    const { store: reader } = await openStore({ clock: systemClock, url: await account(database, 'reader', ['GRANT SELECT ON $.* TO reader']), readOnly: false });
    await reader.ensureReady();
    expect((await reader.findByPhones(['+8613800138000'])).size).toBe(1);
    expect([await reader.corps(), await reader.runs(CORP.id, 5)].map(({ length }) => length)).toEqual([1, 1]);
    await expect(reader.begin(CORP, WRITER)).rejects.toMatchObject({ kind: 'refused', code: 'store_denied', hint: expect.stringMatching(/DELETE on memberships, to run.*DELETE on members, .*to forget: docs\/security.md has the grants of each account/) as string });
  });

  test('need SELECT, INSERT, UPDATE, and DELETE on memberships to run', async () => {
    const database = await openDatabase(server.url);
    await createMigrator(openUnits(mysqlEngines(database)(), { clock: systemClock }), () => 0).migrate();
    const url = await account(database, 'runner', ['GRANT SELECT, INSERT, UPDATE ON $.* TO runner', 'GRANT DELETE ON $.memberships TO runner']);
    const { store, migrator } = await openStore({ clock: systemClock, url, readOnly: false });
    await store.ensureReady();
    await sync(store, [MEMBER, seen('lisi', {}, [1, 2])]);
    await sync(store, [seen('lisi', { alias: 'x' }, [2])], { left: ['zhangsan'] });
    await store.commitLive(CORP, { phone: '+8613800138000', region: 'CN', found: MEMBER, holders: [], losers: [] }, { mark: await store.mark(CORP), writer: WRITER });
    await store.finish(await store.begin(CORP, WRITER), { outcome: 'failed', requests: 1, error: 'x' });
    await expect(migrator.migrate()).rejects.toMatchObject({ kind: 'refused', code: 'store_denied', hint: expect.stringContaining('CREATE') as string });
  });

  test('with a wrong password, without a database, and databases without tables are told apart', async () => {
    const database = await openDatabase(server.url);
    const url = await account(database, 'stranger', []);
    const nobody = new URL(url);
    nobody.password = 'wrong';
    const failure = async (address: string): Promise<unknown> => {
      const { store } = await openStore({ clock: systemClock, url: address, readOnly: false });
      return await store.ensureReady().catch((error: unknown) => error);
    };
    expect(await failure(nobody.href)).toMatchObject({ kind: 'refused', code: 'store_denied' });
    expect(await failure(url)).toMatchObject({ kind: 'refused', code: 'store_denied' });
    expect(await failure(withDatabase(server.url, 'nowhere'))).toMatchObject({ kind: 'config', code: 'database_missing' });
    expect(await failure(database)).toMatchObject({ kind: 'config', code: 'tables_missing', hint: 'run `orgsync migrate`' });
  });

  test('never see people’s data in an error, nor a password', async () => {
    const database = await openDatabase(server.url);
    const { store } = await openBench(Promise.resolve(mysqlEngines(database)));
    const fence = await store.begin(CORP, WRITER);
    const change = { action: 'joined' as const, oldValues: null, newValues: {} };
    const after = stored('zhangsan', { mobile: '13800138000', name: 'x'.repeat(300) }, { mobileE164: '+8613800138000' });
    const error: unknown = await store.commit(fence, { departments: [], members: [{ ...change, after }], reseen: [] }, { requests: 1 }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'failed', code: 'value_refused', message: expect.stringContaining("'name'") as string });
    const cause = (error as OrgsyncError).cause as Record<string, unknown>;
    expect(JSON.stringify({ ...cause, message: String(error) })).not.toMatch(/13800138000|orgsync-test|x{300}/);
  });
});

describe('TLS to MariaDB', () => {
  let server: ServerProcess;
  let certificates: string;
  let database: string;
  beforeAll(async () => {
    certificates = await mkdtemp(path.join(tmpdir(), 'orgsync-tls-'));
    await issueCertificate(certificates, 'ca', '/CN=Test CA', []);
    await issueCertificate(certificates, 'server', '/CN=db', ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', 'subjectAltName=DNS:localhost']);
    const file = (name: string): string => path.join(certificates, name);
    server = await startMariadb({ args: [`--ssl-ca=${file('ca.pem')}`, `--ssl-cert=${file('server.pem')}`, `--ssl-key=${file('server.key')}`] });
    await execute(server.url, 'CREATE DATABASE tls');
    database = withDatabase(server.url, 'tls');
    await execute(server.url, "CREATE USER secure IDENTIFIED BY 'x' REQUIRE SSL");
    await execute(server.url, 'GRANT ALL ON tls.* TO secure');
  });
  afterAll(async () => {
    await server.close();
    await rm(certificates, { recursive: true });
  });

  const connect = async (host: string, parameters: string): Promise<unknown> => {
    const url = new URL(database);
    url.host = `${host}:${server.port}`;
    url.search = parameters.replace('CA', path.join(certificates, 'ca.pem'));
    const { database: units } = await openStore({ clock: systemClock, url: url.href, readOnly: false });
    const cipher = (): Promise<unknown> => units.read(async (connection) => (await connection.query("SHOW STATUS LIKE 'Ssl_cipher'"))[0]?.['Value']);
    return await cipher().catch((error: unknown) => error);
  };

  test('is spoken when asked for, and the name in the certificate counts', async () => {
    expect(await connect('localhost', 'ssl_ca=CA')).toMatch(/TLS|AES/);
    expect(await connect('127.0.0.1', 'ssl_ca=CA')).toMatchObject({ kind: 'refused', code: 'store_certificate', hint: expect.stringContaining('ssl_ca') as string });
    expect(await connect('localhost', 'ssl=true')).toMatchObject({ kind: 'refused', code: 'store_certificate' });
    expect(await connect('127.0.0.1', 'ssl=unverified')).toMatch(/TLS|AES/);
    expect(await connect('127.0.0.1', '')).toBe('');
  });

  test('can be missing where an account needs it, and that is said', async () => {
    const url = new URL(database);
    url.username = 'secure';
    url.password = 'x';
    const { store } = await openStore({ clock: systemClock, url: url.href, readOnly: false });
    await expect(store.corps()).rejects.toMatchObject({ kind: 'refused', code: 'store_denied', hint: expect.stringContaining('ssl=true') as string });
  });
});

describe('the address of a MySQL store', () => {
  test('gives host, port, account and database, decoded', () => {
    expect(parseMysqlUrl('mysql://some%40one:p%40ss%25@[::1]:3307/my%20db?ssl=unverified')).toEqual({
      host: '::1',
      port: 3307,
      socket: undefined,
      user: 'some@one',
      password: 'p@ss%',
      database: 'my db',
      ssl: { verifyIdentity: false, rejectUnauthorized: false, minVersion: 'TLSv1.2' },
    });
    expect(parseMysqlUrl('mariadb://u@db/orgsync?socket=/run/mysqld.sock')).toMatchObject({ port: 3306, socket: '/run/mysqld.sock', password: '', ssl: undefined });
  });

  test.each([
    ['without a database', 'mysql://u:hunter2@db'],
    ['with an unknown parameter', 'mysql://u:hunter2@db/x?tls=1'],
    ['with a CA that is not there', 'mysql://u:hunter2@db/x?ssl_ca=/nowhere/ca.pem'],
    ['with a strange ssl', 'mysql://u:hunter2@db/x?ssl=maybe'],
    ['with a lone per cent sign', 'mysql://u:hunter2%@db/x'],
    ['of another kind', 'postgres://u:hunter2@db/x'],
    ['that is none', 'hunter2'],
  ])('%s is refused, and not repeated', async (_what, url) => {
    const error: unknown = await openStore({ clock: systemClock, url, readOnly: false }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'config', code: 'store_url', hint: expect.stringContaining('mysql://user:password@host') as string });
    expect(String(error)).not.toContain('hunter2');
  });
});

describe('what MySQL says', () => {
  test('is in the table once, with something to do about it', () => {
    const codes = MYSQL_ERRORS.flatMap((row) => row.codes);
    expect(new Set(codes).size).toBe(codes.length);
    for (const { hint } of MYSQL_ERRORS) expect(hint).toMatch(/\w{3}/);
  });

  test.each(MYSQL_ERRORS.flatMap(({ codes, kind, code, trouble }) => codes.map((said) => [said, kind, code, trouble] as const)))('%s is %s: %s', (said, kind, code, trouble) => {
    const error = Object.assign(new Error('server text'), { code: said });
    expect(translateMysqlError(error, 'MySQL at db:3306')).toMatchObject({ kind, code, message: typeof said === 'number' ? `MySQL at db:3306: server text (MySQL error ${said})` : 'MySQL at db:3306: server text', cause: error });
    expect(judgeMysqlError(error)).toBe(trouble);
  });

  test('in numbers that mysql2 has no name for is understood, and what nobody knows is unavailable, with its number and text', () => {
    expect(judgeMysqlError(Object.assign(new Error('x'), { errno: 1927 }))).toBe('lost');
    expect(judgeMysqlError(Object.assign(new Error('x'), { code: 4031 }))).toBe('lost');
    expect(translateMysqlError(Object.assign(new Error('Got error 28 "No space left on device" from storage engine'), { code: 'ER_GET_ERRNO' }), 'db')).toMatchObject({ code: 'store_full' });
    expect(translateMysqlError(Object.assign(new Error('odd'), { code: 'ER_NEW', errno: 9999 }), 'db')).toMatchObject({ kind: 'unavailable', code: 'store_error', message: 'db: error 9999: odd', hint: expect.stringContaining('9999') as string });
    expect(translateMysqlError(Object.assign(new Error('odd'), { code: 'ER_PARSE_ERROR' }), 'db')).toMatchObject({ kind: 'unavailable', message: 'db: error ER_PARSE_ERROR: odd' });
    expect(translateMysqlError(new TypeError('ours'), 'db')).toMatchObject({ kind: 'defect' });
    expect(translateMysqlError(new Error('ours'), 'db')).toMatchObject({ kind: 'defect' });
    const said = (message: string, errno: number, code?: string): readonly unknown[] => {
      const error = Object.assign(new Error(message), { errno, code });
      return [translateMysqlError(error, 'db').kind, judgeMysqlError(error)];
    };
    expect(said('WSREP has not yet prepared node for application use', 1047, 'ER_UNKNOWN_COM_ERROR')).toEqual(['unavailable', 'lost']);
    expect(said('Error while appending streaming replication fragment', 1180, 'ER_ERROR_DURING_COMMIT')).toEqual(['unavailable', 'lost']);
    expect(said('Got error 149 - "Lock deadlock; Retry transaction" during COMMIT', 1180, 'ER_ERROR_DURING_COMMIT')).toEqual(['temporary', 'contention']);
    expect(said('Plugin instructed the server to rollback the current transaction.', 3101)).toEqual(['temporary', 'contention']);
    expect(said("Error on observer while running replication hook 'before_commit'.", 3100, 'ER_RUN_HOOK_ERROR')).toEqual(['config', 'contention']);
    expect(said('Maximum writeset size exceeded by 5', 1105, 'ER_UNKNOWN_ERROR')).toEqual(['config', 'final']);
    expect(said('Your password has expired.', 1862)).toEqual(['refused', 'final']);
    expect(said('Query execution was interrupted (max_statement_time exceeded)', 1969)).toEqual(['unavailable', 'lost']);
    expect(said('maximum statement execution time exceeded', 3024)).toEqual(['unavailable', 'lost']);
    expect(said('Can\'t create more than max_prepared_stmt_count statements', 1461, 'ER_MAX_PREPARED_STMT_COUNT_REACHED')).toEqual(['config', 'final']);
    const told = (message: string, errno: number, code: string): string => translateMysqlError(Object.assign(new Error(message), { errno, code }), 'db').message;
    expect(told("INSERT command denied to user 'u'@'h' for table 'corps'", 1142, 'ER_TABLEACCESS_DENIED_ERROR')).toBe("db: INSERT command denied to user 'u'@'h' for table 'corps' (MySQL error 1142)");
    expect(told('Error 1040: Too many connections', 1040, 'ER_CON_COUNT_ERROR')).toBe('db: Error 1040: Too many connections');
    expect(told('', 1205, 'ER_LOCK_WAIT_TIMEOUT')).toBe('db: (MySQL error 1205)');
    expect(told('', 4321, 'ER_ODD')).toBe('db: error 4321: (no text)');
    expect(told('connect ECONNREFUSED 127.0.0.1:1', -111, 'ECONNREFUSED')).toBe('db: connect ECONNREFUSED 127.0.0.1:1');
    const ours = new OrgsyncError('temporary', { code: 'fenced_off', message: 'x', hint: 'y' });
    expect(translateMysqlError(ours, 'db')).toBe(ours);
  });
});

async function issueCertificate(dir: string, name: string, subject: string, more: readonly string[]): Promise<void> {
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.pem`, ...more], { cwd: dir });
}
