import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { CorpList } from '../../src/app/corps.ts';
import { EXIT_CODES } from '../../src/errors.ts';
import { openDatabase as openUnits } from '../../src/store/engine/transaction.ts';
import { load } from '../config/support.ts';
import { createHastyClock } from '../support/clock.ts';
import { type Asked, greeting, packet, pretendMysql, serve } from '../support/pretended-mysql.ts';
import { mysqlEngines } from '../support/stores.ts';

/** Where in a unit of work the server refuses. */
const AT = {
  greeting: ({ step }: Asked) => step === 'greeting',
  login: ({ step }: Asked) => step === 'login',
  settings: ({ sql }: Asked) => sql.startsWith('SET SESSION') || sql.startsWith('SET NAMES'),
  begin: ({ sql }: Asked) => sql === 'START TRANSACTION',
  statement: ({ sql }: Asked) => sql.startsWith('UPDATE'),
  commit: ({ sql }: Asked) => sql === 'COMMIT',
} as const;

const READ_ONLY = { exit: 69, code: 'store_read_only', again: true } as const;
const LOST = { exit: 69, code: 'store_unreachable', again: true } as const;
const BUSY = { exit: 75, code: 'store_busy', again: true } as const;
const DENIED = { exit: 77, code: 'store_denied', again: false } as const;
const UNSUPPORTED = { exit: 78, code: 'store_unsupported', again: false } as const;
const OVERLOADED = { exit: 69, code: 'store_overloaded', again: true } as const;
const FULL = { exit: 78, code: 'store_full', again: false } as const;
const LIMIT = { exit: 78, code: 'store_limit', again: false } as const;
const ALTERED = { exit: 78, code: 'tables_altered', again: false } as const;
const UNKNOWN = { exit: 69, code: 'store_error', again: false } as const;
const NEEDS_TLS = { exit: 78, code: 'store_tls', again: false } as const;

type Outcome = { readonly exit: number; readonly code: string; readonly again: boolean };

/** Trouble, where it is told, its number, its words in short, and what a unit of work makes of it. */
const ROWS: readonly (readonly [string, keyof typeof AT, number, string, Outcome])[] = [
  ['ProxySQL finds no server of the hostgroup in time', 'begin', 9001, 'Max connect timeout reached while reaching hostgroup 10 after 10000ms', LOST],
  ['ProxySQL cannot connect to any server of the hostgroup', 'statement', 9002, 'Max connect failure while reaching hostgroup 10', LOST],
  ['ProxySQL sees that its server has gone offline', 'statement', 9004, 'ProxySQL Error: Backend Offline Detected', LOST],
  ['ProxySQL does not know a command', 'begin', 9003, 'Command not supported', UNSUPPORTED],
  ['ProxySQL locks the connection to a hostgroup for a SET that it cannot parse', 'statement', 9006, 'ProxySQL Error: connection is locked to hostgroup 10 but trying to reach hostgroup 11', UNSUPPORTED],
  ['ProxySQL does not know the account', 'login', 1045, "ProxySQL Error: Access denied for user 'u'@'10.0.0.1' (using password: YES)", DENIED],
  ['ProxySQL closes the connection in place of a refusal by a read-only server', 'statement', 2006, 'MySQL server has gone away', LOST],
  ['MaxScale has lost its connection to the server', 'statement', 1927, 'Lost connection to backend server: network error', LOST],
  ['MaxScale cannot log in at the server', 'login', 2003, 'Authentication with backend failed. Session will be closed.', LOST],
  ['MaxScale finds no server that takes writes', 'statement', 2003, 'Routing query to backend failed.', LOST],
  ['MySQL Router finds no server', 'greeting', 2003, "Can't connect to remote MySQL server for client connected to '0.0.0.0:6446'", LOST],
  ['Tencent Cloud’s proxy finds no server', 'statement', 1999, 'Proxy cannot find valid backend server.', LOST],
  ['RDS Proxy has no connection to spare', 'begin', 9501, 'Timed-out waiting to acquire database connection', LOST],
  ['Vitess is moving the primary', 'statement', 1105, 'target: orgsync.0.primary: primary is not serving, there may be a reparent operation in progress', LOST],
  ['Galera: a node that has not joined its cluster yet', 'statement', 1047, 'WSREP has not yet prepared node for application use', LOST],
  ['Galera: the certification fails at COMMIT', 'commit', 1213, 'Deadlock found when trying to get lock; try restarting transaction', BUSY],
  ['Galera: streaming replication breaks off', 'commit', 1180, 'Got error 5 during COMMIT: Error while appending streaming replication fragment', LOST],
  ['Galera: the write set is larger than wsrep_max_ws_size', 'commit', 1105, 'Maximum writeset size exceeded by 5', LIMIT],
  ['Galera: a transaction is rolled back for another node’s', 'statement', 1317, 'Query execution was interrupted', LOST],
  ['Group Replication rolls a transaction back', 'commit', 3101, 'Plugin instructed the server to rollback the current transaction.', BUSY],
  ['failover: the old primary has become read-only', 'statement', 1290, 'The MySQL server is running with the --super-read-only option so it cannot execute this statement', READ_ONLY],
  ['failover: Aurora’s reader endpoint', 'statement', 1836, 'Running in read-only mode', READ_ONLY],
  ['InnoDB is read-only', 'statement', 1874, 'InnoDB is in read only mode.', READ_ONLY],
  ['InnoDB runs with innodb_force_recovery', 'statement', 1881, 'Operation not allowed when innodb_force_recovery > 0.', READ_ONLY],
  ['the files of a table are read-only', 'statement', 1036, "Table 'corps' is read only", READ_ONLY],
  ['the server is set offline', 'statement', 3032, 'The server is currently in offline mode', LOST],
  ['the server shuts down', 'statement', 1053, 'Server shutdown in progress', LOST],
  ['a DBA kills the connection', 'statement', 1927, 'Connection was killed', LOST],
  ['the server ended an idle session and says so late', 'statement', 4031, 'The client was disconnected by the server because of inactivity.', LOST],
  ['too many connections, said before the greeting', 'greeting', 1040, 'Too many connections', OVERLOADED],
  ['shared hosting: max_user_connections', 'login', 1203, "User u already has more than 'max_user_connections' active connections", OVERLOADED],
  ['shared hosting: max_queries_per_hour', 'statement', 1226, "User 'u' has exceeded the 'max_queries_per_hour' resource (current value: 100)", OVERLOADED],
  ['no more threads', 'greeting', 1135, "Can't create a new thread (errno 11)", OVERLOADED],
  ['the server is out of memory', 'statement', 1041, 'Out of memory; check if mysqld or some other process uses all available memory', OVERLOADED],
  ['the server may not allocate more', 'statement', 1037, 'Out of memory; restart server and try again (needed 1048576 bytes)', OVERLOADED],
  ['the host is blocked after broken connections', 'greeting', 1129, "Host '172.17.0.1' is blocked because of many connection errors", DENIED],
  ['an account for other hosts only', 'greeting', 1130, "Host '172.17.0.1' is not allowed to connect to this MySQL server", DENIED],
  ['the password has expired', 'login', 1862, 'Your password has expired. To log in you must change it', DENIED],
  ['the account is locked', 'login', 3118, "Access denied for user 'u'. Account is locked.", DENIED],
  ['TLS is required', 'login', 3159, 'Connections using insecure transport are prohibited', NEEDS_TLS],
  ['a proxy or server that lacks a session variable', 'settings', 1193, "Unknown system variable 'sql_auto_is_null'", UNSUPPORTED],
  ['a proxy that lets nobody set a session variable', 'settings', 3010, 'system variable sql_mode is not supported', UNSUPPORTED],
  ['a session variable that takes other values here', 'settings', 1231, "Variable 'sql_mode' can't be set to the value of 'STRICT_ALL_TABLES'", UNSUPPORTED],
  ['a proxy that cannot parse SET', 'settings', 1064, 'syntax error at position 16', UNSUPPORTED],
  ['a disk that is full, told as a file that cannot be written', 'statement', 3, "Error writing file '/tmp/MLfd=31' (OS errno 28 - No space left on device)", FULL],
  ['a disk that is full, told by the storage engine', 'commit', 1030, 'Got error 28 "No space left on device" from storage engine InnoDB', FULL],
  ['a binary log cache that is too small', 'commit', 1197, "Multi-statement transaction required more than 'max_binlog_cache_size' bytes of storage", LIMIT],
  ['a DBA added a column that wants a value', 'statement', 1364, "Field 'cost_centre' doesn't have a default value", ALTERED],
  ['a DBA added a foreign key', 'statement', 1452, 'Cannot add or update a child row: a foreign key constraint fails', ALTERED],
  ['a DBA’s trigger refuses a row', 'statement', 1644, 'not on a weekend', ALTERED],
  ['a DBA converted a table to utf8mb3', 'statement', 1366, String.raw`Incorrect string value: '\xF0\x9F\xA6\x8A' for column 'name' at row 1`, ALTERED],
  ['an error that nobody knows', 'statement', 4999, 'something new', UNKNOWN],
  ['an error that nobody knows, at the settings', 'settings', 4321, 'from proxy: nope', UNKNOWN],
  ['an error without a text, at the settings', 'settings', 4322, '', UNKNOWN],
];

describe('a unit of work of which the server, or a proxy before it, says', () => {
  test.each(ROWS)('%s', async (_, at, errno, text, { exit, code, again }) => {
    const { url, asked } = await pretendMysql((one) => (AT[at](one) ? { errno, text } : undefined));
    const units = openUnits(mysqlEngines(url)(), { clock: createHastyClock() });
    onTestFinished(() => units.close());
    const error: unknown = await units.transaction((connection) => connection.write('UPDATE corps SET name = ?', ['x'])).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, kind: expect.any(String) as string, message: expect.stringContaining(text) as string, hint: expect.stringMatching(/\w{3}/) as string });
    expect((error as Error).message).toMatch(new RegExp(`\\b${errno}\\b`));
    expect(EXIT_CODES[(error as { kind: keyof typeof EXIT_CODES }).kind]).toBe(exit);
    expect(asked.filter(AT[at]).length > 1).toBe(again);
  });
});

describe('a pooler that answers a SELECT with OK, and no rows,', () => {
  test.each(['query', 'tuples'] as const)('is named as odd (%s)', async (how) => {
    const { url, asked } = await pretendMysql(() => undefined);
    const units = openUnits(mysqlEngines(url)(), { clock: createHastyClock() });
    onTestFinished(() => units.close());
    await expect(units.read<unknown>((connection) => connection[how]('SELECT 1'))).rejects.toMatchObject({ kind: 'unavailable', code: 'store_error', message: expect.stringMatching(/: the answer to a query was OK, without a list of rows$/) as string, hint: expect.stringContaining('pooler') as string });
    expect(asked.filter(({ sql }) => sql === 'SELECT 1')).toHaveLength(2);
  });

  test.each([
    ['a query that gives no list of rows is the fault of the configuration', undefined, { kind: 'config', code: 'corps_query_invalid' }],
    ['a session that cannot be set up is not', { errno: 4321, text: 'from proxy: nope' }, { kind: 'unavailable', code: 'store_error' }],
  ])('where corps.query is asked: %s', async (_, refusal, expected) => {
    const { url } = await pretendMysql((one) => (AT.settings(one) ? refusal : undefined));
    const units = openUnits(mysqlEngines(url)(), { clock: createHastyClock() });
    onTestFinished(() => units.close());
    const { config } = await load('corps: { query: SELECT id FROM x }\nstore: mysql://h/db\n');
    await expect(new CorpList({ config, database: () => Promise.resolve(units), protect: () => undefined }).find([])).rejects.toMatchObject(expected);
  });
});

/** Refuses once what `when` picks, and says yes to everything else. */
function once(when: (asked: Asked) => boolean, errno: number, text: string): (asked: Asked) => { errno: number; text: string } | undefined {
  let refused = false;
  return (asked) => {
    if (refused || !when(asked)) return undefined;
    refused = true;
    return { errno, text };
  };
}

describe('a unit of work is done all the same', () => {
  test.each<[string, number, string]>([
    ['where prepared statements are used up', 1461, "Can't create more than max_prepared_stmt_count statements (current value: 16382)"],
    ['where a pooler has forgotten a prepared statement', 1243, 'Unknown prepared statement handler (7) given to mysqld_stmt_execute'],
    ['where a proxy prepares no statements', 1295, 'This command is not supported in the prepared statement protocol yet'],
    ['where a proxy does not know how to prepare', 1047, 'Unknown command'],
  ])('%s', async (_, errno, text) => {
    const { url, asked } = await pretendMysql(({ step }) => (step === 'prepare' ? { errno, text } : undefined));
    const units = openUnits(mysqlEngines(url)(), { clock: createHastyClock() });
    onTestFinished(() => units.close());
    const many = Array.from({ length: 300 }, (__, index) => index);
    await units.transaction(async (connection) => {
      await connection.write(`INSERT INTO x VALUES ${many.map(() => '(?)').join(', ')}`, many);
      await connection.write(`INSERT INTO y VALUES ${many.map(() => '(?)').join(', ')}`, many);
    });
    expect(asked.filter(({ step }) => step === 'prepare')).toHaveLength(1);
    expect(asked.filter(({ sql }) => sql.startsWith('INSERT INTO'))).toHaveLength(3);
    expect(asked.at(-1)?.sql ?? '').not.toBe('ROLLBACK');
  });

  test('where a pooler cannot reset a connection', async () => {
    const { url, asked } = await pretendMysql(({ step }) => (step === 'reset' ? { errno: 1047, text: 'Unknown command' } : undefined));
    const units = openUnits(mysqlEngines(url)(), { clock: createHastyClock() });
    for (let times = 0; times < 3; times += 1) await units.transaction((connection) => connection.write('UPDATE corps SET name = ?', ['x']));
    await units.close();
    expect(asked.filter(({ sql }) => sql === 'COMMIT')).toHaveLength(3);
  });

  test('where GET_LOCK is forbidden, as by pxc_strict_mode', async () => {
    const { url, asked } = await pretendMysql(({ sql }) => (sql.includes('GET_LOCK') ? { errno: 1105, text: 'Percona-XtraDB-Cluster prohibits use of GET_LOCK with pxc_strict_mode = ENFORCING' } : undefined));
    const units = openUnits(mysqlEngines(url)(), { clock: createHastyClock() });
    onTestFinished(() => units.close());
    await units.alone((connection) => connection.write('CREATE TABLE x (id INT PRIMARY KEY)'));
    expect(asked.map(({ sql }) => sql)).toContain('CREATE TABLE x (id INT PRIMARY KEY)');
  });

  test('where the primary is replaced in the middle of it', async () => {
    const { url, asked } = await pretendMysql(once(({ sql }) => sql === 'COMMIT', 1290, 'The MySQL server is running with the --read-only option'));
    const units = openUnits(mysqlEngines(url)(), { clock: createHastyClock() });
    onTestFinished(() => units.close());
    await units.transaction((connection) => connection.write('UPDATE corps SET name = ?', ['x']));
    expect(asked.filter(({ sql }) => sql === 'COMMIT')).toHaveLength(2);
  });
});

const framed = (sequence: number, ...bytes: readonly number[]): Buffer => packet(sequence, Buffer.from(bytes));

describe('a port where something else answers than MySQL ends with 69, and prints nothing beside:', () => {
  test.each<[string, string | Buffer, 'closes' | 'stays']>([
    ['a web server', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n', 'closes'],
    ['an SSH server', 'SSH-2.0-OpenSSH_9.2\r\n', 'stays'],
    ['MySQL’s own X protocol, port 33060', Buffer.from('050000000b08051a00', 'hex'), 'stays'],
    ['a mail server', '220 mail.example ESMTP\r\n', 'stays'],
    ['a Redis', '-ERR unknown command\r\n', 'closes'],
    ['a balancer without servers, which hangs up', '', 'closes'],
    ['a balancer without servers, which says nothing', '', 'stays'],
    ['a packet of nothing', framed(0), 'stays'],
    ['a greeting of the protocol before 4.1', framed(0, 9, 0x33, 0x2e, 0x32, 0, 1, 0, 0, 0), 'stays'],
    ['packets out of order', framed(7, 10, 0x35, 0), 'stays'],
    ['an error without number and words', framed(0, 0xff), 'closes'],
    ['bytes at random', Buffer.from(Array.from({ length: 64 }, (_, index) => (index * 97 + 13) % 256)), 'closes'],
  ])('%s', async (_, said, then) => {
    const complained = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    onTestFinished(() => complained.mockRestore());
    const port = await serve((socket) => {
      if (said.length > 0) socket.write(said);
      if (then === 'closes') socket.end();
    });
    const units = openUnits(mysqlEngines(`mysql://u:p@127.0.0.1:${port}/orgsync`)({ connectMs: 150 }), { clock: createHastyClock() });
    onTestFinished(() => units.close());
    await expect(units.read((connection) => connection.query('SELECT 1'))).rejects.toMatchObject({ kind: 'unavailable', code: 'store_unreachable', hint: expect.stringMatching(/\w{3}/) as string });
    // The program silences libraries (src/cli.ts).
    expect(complained.mock.calls.filter(([words]) => !String(words).startsWith('Warning: got packets out of order'))).toEqual([]);
  });
});

describe('a way to log in that mysql2 does not know ends with 78 and says which it knows:', () => {
  test.each([
    ['client_ed25519'],
    ['dialog'],
    ['auth_gssapi_client'],
    ['mysql_clear_password'],
    ['authentication_openid_connect_client'],
  ])('%s', async (plugin) => {
    const port = await serve((socket) => {
      socket.write(packet(0, greeting()));
      socket.once('data', () => {
        socket.write(packet(2, Buffer.concat([Buffer.from(`\u00fe${plugin}\0`, 'latin1'), Buffer.alloc(20, 'a'), Buffer.from([0])])));
      });
    });
    const units = openUnits(mysqlEngines(`mysql://u:p@127.0.0.1:${port}/orgsync`)({ connectMs: 1_000 }), { clock: createHastyClock() });
    onTestFinished(() => units.close());
    await expect(units.read((connection) => connection.query('SELECT 1'))).rejects.toMatchObject({ kind: 'config', code: 'store_denied', message: expect.stringContaining(plugin) as string, hint: expect.stringContaining('caching_sha2_password') as string });
  });
});
