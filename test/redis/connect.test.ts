import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { inspect, promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { Secret } from '../../src/core/secret.ts';
import { openLink, type RedisLink } from '../../src/redis/connect.ts';
import { REDIS_ERRORS, redisError } from '../../src/redis/errors.ts';
import { openRedisProxy } from '../support/redis.ts';
import { freePort } from '../support/server-process.ts';
import { type ServerProcess, startRedis } from '../support/servers.ts';

const PASSWORD = 'canary-8d1f';

function link(url: string, timeoutMs = 1_000): RedisLink {
  const opened = openLink({ url: new Secret(url), clock: systemClock, timeoutMs });
  onTestFinished(() => opened.close());
  return opened;
}

async function redis(...args: readonly string[]): Promise<ServerProcess> {
  const server = await startRedis({ args });
  onTestFinished(async () => server.close());
  return server;
}

/** A Redis that wants {@link PASSWORD}. */
async function lockedRedis(): Promise<ServerProcess> {
  const server = await redis();
  await link(server.url).call('CONFIG', 'SET', 'requirepass', PASSWORD);
  return server;
}

describe('what Redis and its client say', () => {
  test.each([
    ['WRONGPASS invalid username-password pair or user is disabled.', 'refused', 'redis_credentials'],
    ['NOAUTH Authentication required.', 'refused', 'redis_credentials'],
    ['ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?', 'refused', 'redis_credentials'],
    ["NOPERM User app has no permissions to run the 'eval' command", 'refused', 'redis_permission'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'unavailable', 'redis_full'],
    ["READONLY You can't write against a read only replica.", 'unavailable', 'redis_readonly'],
    ['LOADING Redis is loading the dataset in memory', 'temporary', 'redis_busy'],
    ['BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.', 'temporary', 'redis_busy'],
    ['UNKILLABLE The busy script was sent by a master instance.', 'temporary', 'redis_busy'],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'temporary', 'redis_busy'],
    ['MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to \'no\'.', 'temporary', 'redis_failing_over'],
    ['CLUSTERDOWN The cluster is down', 'temporary', 'redis_failing_over'],
    ['UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)', 'temporary', 'redis_failing_over'],
    ['REDIRECT 127.0.0.1:6380', 'temporary', 'redis_failing_over'],
    ['ERR FAILOVER in progress.', 'temporary', 'redis_failing_over'],
    ['NOREPLICAS Not enough good replicas to write.', 'unavailable', 'redis_no_replicas'],
    ['DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user.', 'refused', 'redis_protected'],
    ["ERR Error running script (call to f_0f5a): @user_script:1: @user_script: 1: -READONLY You can't write against a read only replica.", 'unavailable', 'redis_readonly'],
    ["READONLY You can't write against a read only replica. script: 0f5a, on @user_script:1.", 'unavailable', 'redis_readonly'],
    ['ERR Error running script (call to f_0f5a): @user_script:3: @user_script: 3: -LOADING Redis is loading', 'temporary', 'redis_busy'],
    ["ERR Error running script (call to f_0f5a): @user_script:1: @user_script: 1: The user executing the script can't run this command or subcommand", 'refused', 'redis_permission'],
    ['ERR ACL failure in script: User app has no permissions to run the set command', 'refused', 'redis_permission'],
    ["-WRONGTYPE Operation against a key holding the wrong kind of value", 'config', 'redis_foreign_keys'],
    ['ERR Client sent AUTH, but no password is set', 'refused', 'redis_credentials'],
    ["ERR command 'EVAL' not support for normal user", 'config', 'redis_commands'],
    ["ERR unsupported command 'eval'", 'config', 'redis_commands'],
    ["ERR handle request, command 'EVAL' is not allowed", 'config', 'redis_commands'],
    ['ERR bad lua script for redis cluster, first parameter of redis.call must be a single literal string', 'config', 'redis_commands'],
    ['ERR scripting is not enabled on this instance', 'config', 'redis_commands'],
    ['MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.', 'unavailable', 'redis_cannot_save'],
    ['MOVED 3999 127.0.0.1:6381', 'config', 'redis_cluster'],
    ["CROSSSLOT Keys in request don't hash to the same slot", 'config', 'redis_cluster'],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'config', 'redis_foreign_keys'],
    ['ERR DB index is out of range', 'config', 'redis_database'],
    ['ERR max number of clients reached', 'unavailable', 'redis_unreachable'],
    ["ERR unknown command 'EVAL', with args beginning with: ", 'config', 'redis_commands'],
    ['ERR something new', 'unavailable', 'redis_unexpected'],
    ['NEWWORD nobody has heard of it', 'unavailable', 'redis_unexpected'],
    ['Unknown RESP type 72 "H"', 'unavailable', 'redis_unexpected'],
  ])('%s is %s, %s', (reply, kind, code) => {
    expect(redisError(new Error(reply), 'cache:6379')).toMatchObject({ kind, code });
  });

  test('is kept with its number and its text where nobody foresaw it', () => {
    const { message, kind } = redisError(Object.assign(new Error('new trouble'), { code: 'ENEW', errno: -999 }), 'cache:6379');
    expect([kind, message]).toEqual(['unavailable', 'Redis at cache:6379 cannot be used: it says “ENEW: new trouble”']);
    expect(redisError(new AggregateError([new Error('ERR odd\r\nthing')]), 'cache:6379').message).toContain('“ERR odd thing”');
  });

  test('is a defect only where it is a fault of ours', () => {
    expect(redisError(new TypeError('x is not a function'), 'cache:6379')).toMatchObject({ kind: 'defect' });
  });

  test('always comes with a hint, and names host and port', () => {
    for (const code of Object.keys(REDIS_ERRORS)) {
      const error = redisError(Object.assign(new Error('x'), { code }), 'cache:6379');
      expect(error.hint).toBeTruthy();
      expect(error.message).toContain('cache:6379');
    }
  });
});

describe('a way to Redis', () => {
  test('asks as the user, and in the database, that the URL names', async () => {
    const server = await lockedRedis();
    const ours = link(`redis://default:${PASSWORD}@127.0.0.1:${server.port}/3`);
    await ours.call('SET', 'here', '1');
    expect(await ours.call('INFO', 'keyspace')).toContain('db3:keys=1');
  });

  test.each([
    ['a wrong password', 'redis://:wrong@', '', 'redis_credentials', 'password'],
    ['no password', 'redis://', '', 'redis_credentials', 'password'],
    ['a database that is not there', `redis://:${PASSWORD}@`, '/99', 'redis_database', 'number'],
    ['TLS where there is none', `rediss://:${PASSWORD}@`, '', 'redis_unreachable', 'TLS'],
  ])('with %s is refused with a hint', async (_, start, end, code, hint) => {
    const server = await lockedRedis();
    const error = await link(`${start}127.0.0.1:${server.port}${end}`).call('PING').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, hint: expect.stringContaining(hint) as string });
  });

  test('never shows a password, neither in an error nor in what stands behind it', async () => {
    const server = await redis();
    const urls = [`redis://u:${PASSWORD}@127.0.0.1:${server.port}`, `redis://u:${PASSWORD}@127.0.0.1:1`, `rediss://u:${PASSWORD}@127.0.0.1:${server.port}`];
    for (const url of urls) {
      const ours = link(url);
      const error: unknown = await ours.call('PING').catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(Error);
      expect(inspect([error, ours], { depth: 20, showHidden: true })).not.toContain(PASSWORD);
    }
    for (const url of [`http://u:${PASSWORD}@h`, `redis://u:${PASSWORD}@h:1/x`, PASSWORD]) {
      let error: unknown;
      try {
        link(url);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ kind: 'config', code: 'redis_url' });
      expect(inspect(error, { depth: 20 })).not.toContain(PASSWORD);
    }
  });

  test('tells a full memory, a missing right and a busy script apart', async () => {
    const server = await redis();
    const ours = link(server.url);
    await ours.call('CONFIG', 'SET', 'maxmemory', '1');
    await expect(ours.call('SET', 'a', '1')).rejects.toMatchObject({ kind: 'unavailable', code: 'redis_full' });
    await ours.call('CONFIG', 'SET', 'maxmemory', '0');
    await ours.call('ACL', 'SETUSER', 'reader', 'on', `>${PASSWORD}`, '~*', '+get');
    await expect(link(`redis://reader:${PASSWORD}@127.0.0.1:${server.port}`).run('return 1', [], [])).rejects.toMatchObject({ code: 'redis_permission' });
    await ours.call('CONFIG', 'SET', 'lua-time-limit', '10');
    const endless = ours.run('while true do end', [], []).catch(() => undefined);
    await expect.poll(() => link(server.url).call('GET', 'a').catch((error: unknown) => error)).toMatchObject({ kind: 'temporary', code: 'redis_busy' });
    await link(server.url).call('SCRIPT', 'KILL');
    await endless;
  });

  test.each([
    ['renames EVAL away', ['--rename-command', 'EVAL', ''], 'config', 'redis_commands'],
    ['forbids EVAL by its ACL', ['--user', 'default', 'on', 'nopass', '~*', '+@all', '-eval'], 'refused', 'redis_permission'],
    ['is a replica', ['--replicaof', '127.0.0.1', '1'], 'unavailable', 'redis_readonly'],
  ] as const)('of a server that %s ends a script with the cause', async (_, args, kind, code) => {
    const server = await redis(...args);
    await expect(link(server.url).run("return redis.call('SET', KEYS[1], '1')", ['a'], [])).rejects.toMatchObject({ kind, code });
  });

  test.each([
    ['speaks HTTP', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'],
    ['speaks something else', '\u0000\u0001\u0002 garbage\r\n'],
    ['greets', '220 mail.example ESMTP\r\n'],
  ])('to a server that %s ends with 69 and says what came', async (_, greeting) => {
    const server = createServer((socket) => socket.on('error', () => undefined).end(greeting)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    await expect(link(`redis://127.0.0.1:${port}`).call('PING')).rejects.toMatchObject({ kind: 'unavailable', hint: expect.stringMatching(/Redis/) as string });
  });

  test.each(['redis://:100%sure@h:1', 'redis://us%er:x@h:1', 'rediss://:%@h:1'])('refuses %s, whose %% stands for no character', (url) => {
    expect(() => link(url)).toThrow(expect.objectContaining({ kind: 'config', code: 'redis_url', message: expect.stringContaining('%25') as string }) as Error);
  });

  test('sends nothing twice: a command whose answer was lost fails, and the next one connects again', async () => {
    const proxy = await openRedisProxy();
    const ours = link(`redis://127.0.0.1:${proxy.port}`);
    const key = `test-once-${String(process.pid)}-${Date.now()}`;
    await ours.connect();
    const lost = proxy.loseReply(key);
    await expect(ours.call('INCR', key)).rejects.toMatchObject({ kind: 'unavailable', code: 'redis_unreachable' });
    await lost;
    expect(await ours.call('GETDEL', key)).toBe('1');
    expect(proxy.accepted).toBe(2);
  });

  test('gives up a server that accepts and says nothing, while connecting and afterwards', async () => {
    const mute = createServer().listen(0, '127.0.0.1');
    await once(mute, 'listening');
    onTestFinished(() => void mute.close());
    const address = mute.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    for (const url of [`redis://127.0.0.1:${port}`, `redis://:x@127.0.0.1:${port}`, `rediss://127.0.0.1:${port}`]) {
      const startedAt = performance.now();
      await expect(link(url, 300).call('PING')).rejects.toMatchObject({ kind: 'unavailable', code: 'redis_unreachable' });
      expect(performance.now() - startedAt).toBeLessThan(5_000);
    }
  });

  test('connects to nothing until it is asked something, and to nothing more after its end', async () => {
    const proxy = await openRedisProxy();
    const ours = link(`redis://127.0.0.1:${proxy.port}`);
    expect(proxy.accepted).toBe(0);
    await Promise.all([ours.call('PING'), ours.call('PING'), ours.connect()]);
    expect(proxy.accepted).toBe(1);
    ours.close();
    ours.close();
    await expect(ours.call('PING')).rejects.toMatchObject({ code: 'redis_closed' });
    await expect.poll(() => proxy.open).toBe(0);
  });
});

describe('a way to Redis by TLS', () => {
  test('refuses a certificate that nobody vouches for, and one for another host, before it sends anything', async () => {
    const { server, ca } = await tlsRedis('cache.example');
    await expect(link(`rediss://:${PASSWORD}@127.0.0.1:${server.port}`).call('PING')).rejects.toMatchObject({ kind: 'refused', code: 'redis_certificate' });
    for (const [host, expected] of [['127.0.0.1', 'redis_certificate'], ['localhost', 'redis_certificate']] as const) {
      expect(await askTrusting(ca, `rediss://${host}:${server.port}`)).toBe(expected);
    }
  });

  test('asks a server whose certificate is for its name', async () => {
    const { server, ca } = await tlsRedis('localhost');
    expect(await askTrusting(ca, `rediss://localhost:${server.port}`)).toBe('PONG');
  });
});

const run = promisify(execFile);

/** A Redis that speaks TLS only, with a certificate for this host name, and the file of the authority that signed it. */
async function tlsRedis(name: string): Promise<{ readonly server: ServerProcess; readonly ca: string }> {
  // Keys are made in the directory of a first server, which is there for that only.
  const { dir } = await redis();
  const file = (end: string): string => path.join(dir, end);
  const subject = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-x509', '-days', '2'];
  await run('openssl', ['req', ...subject, '-subj', '/CN=test', '-addext', `subjectAltName=DNS:${name}`, '-keyout', file('key.pem'), '-out', file('cert.pem')]);
  const tls = ['--tls-cert-file', file('cert.pem'), '--tls-key-file', file('key.pem'), '--tls-ca-cert-file', file('cert.pem'), '--tls-auth-clients', 'no'];
  const plain = await redis(...tls);
  const ours = link(plain.url);
  const port = await freePort();
  await ours.call('CONFIG', 'SET', 'tls-port', String(port));
  return { server: { ...plain, port }, ca: file('cert.pem') };
}

/** PING in a process that trusts `ca`: Node.js reads NODE_EXTRA_CA_CERTS when it starts. Tells the answer, or the code of the error. */
async function askTrusting(ca: string, url: string): Promise<string> {
  const program = `
    const { openLink } = await import('./dist/redis/connect.js');
    const { systemClock } = await import('./dist/local/clock.js');
    const { Secret } = await import('./dist/core/secret.js');
    const link = openLink({ url: new Secret(${JSON.stringify(url)}), clock: systemClock });
    console.log(await link.call('PING').catch((error) => error.code));
    link.close();`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { env: { ...process.env, NODE_EXTRA_CA_CERTS: ca } });
  return stdout.trim();
}
