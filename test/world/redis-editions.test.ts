import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { Secret } from '../../src/core/secret.ts';
import { openLink } from '../../src/redis/connect.ts';
import { inspectRedis } from '../../src/redis/inspect.ts';
import { leaseOf } from '../contract/lease.contract.ts';
import { type Edition, HANGS_UP, pretendEdition, type RedisCommand } from '../support/pretended-redis.ts';
import { openTestRedis } from '../support/redis.ts';
import { type ServerProcess, startRedis } from '../support/servers.ts';

const never = new AbortController().signal;
const KEY = { corpId: 'ww1', secretDigest: 'abc' };

let server: ServerProcess;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.close());

/** Refuses these commands. */
const without =
  (names: readonly string[], refusal: (name: string) => string): Edition =>
  ({ name }) =>
    names.includes(name) ? refusal(name) : undefined;

/** Says this to every script. */
const scriptsSay = (reply: string): Edition => without(['EVAL', 'EVALSHA'], () => reply);

/** Refuses so many times, then no more. */
function forAMoment(edition: Edition, times: number): Edition {
  let left = times;
  return (command) => {
    const refusal = edition(command);
    if (refusal === undefined || left === 0) return undefined;
    left -= 1;
    return refusal;
  };
}

/** What a cluster's proxy demands of scripts: literal commands, and no key that is not among KEYS. */
function checksScripts({ name, args: [script = '', count = '0', ...more] }: RedisCommand): string | undefined {
  if (name !== 'EVAL') return undefined;
  for (const [, command = '', key = ''] of script.matchAll(/redis\.p?call\(\s*([^,)]*)(?:,\s*([^,)]*))?/g)) {
    if (!/^'[A-Z]+'$/.test(command)) return `ERR bad lua script for redis cluster, first parameter of redis.call must be a single literal string, not ${command}`;
    if (command !== "'TIME'" && !/^KEYS\[(?:\d+|i)\]$/.test(key)) return `ERR bad lua script for redis cluster, all the keys that the script uses should be passed using the KEYS array, not ${key}`;
  }
  return more.length < Number(count) ? 'ERR Number of keys can\'t be greater than number of args' : undefined;
}

describe('an edition of Redis does all that a run needs, and doctor finds it well:', () => {
  test.each<[string, Edition]>([
    ['one without INFO, CONFIG, CLIENT, COMMAND and HELLO, as managed ones are', without(['INFO', 'CONFIG', 'CLIENT', 'COMMAND', 'HELLO'], (name) => `ERR unknown command '${name}', with args beginning with: `)],
    ['one whose account may not use INFO', without(['INFO'], (name) => `NOPERM User app has no permissions to run the '${name.toLowerCase()}' command`)],
    ['a cluster’s proxy that reads scripts, as Alibaba Cloud’s', checksScripts],
    ['one without SELECT, asked for database 0', without(['SELECT'], () => 'ERR unsupported command')],
    ['one without EVALSHA and SCRIPT, as behind twemproxy', without(['EVALSHA', 'SCRIPT'], (name) => `ERR unknown command ${name}`)],
    ['one without WAIT, MULTI, PUBLISH and SUBSCRIBE', without(['WAIT', 'MULTI', 'EXEC', 'WATCH', 'PUBLISH', 'SUBSCRIBE', 'PSUBSCRIBE'], (name) => `ERR unsupported command '${name}'`)],
    ['one that is loading for a moment', forAMoment(scriptsSay('LOADING Redis is loading the dataset in memory'), 1)],
    ['one that hands over for a moment', forAMoment(scriptsSay("READONLY You can't write against a read only replica."), 1)],
  ])('%s', async (_, edition) => {
    const port = await pretendEdition(server.port, edition);
    const { leases, slots, tokens, ration, link } = openTestRedis({ port });
    for (const fair of [true, false]) {
      const lease = leaseOf(await leases.acquire('run', { signal: never, fair }));
      lease.ensureHeld();
      await lease.release();
    }
    await tokens.put(KEY, 'sealed', 60_000);
    await tokens.dropIf(KEY, 'other');
    expect(await tokens.turn(KEY, { signal: never })).toMatchObject({ is: 'found', sealed: 'sealed' });
    const reserve = async (): Promise<number> => (await slots.reserve([{ scope: { name: 'corp:ww1', perSecond: 10 }, count: 2 }], { name: 'address:default', perSecond: 100 }))[0]?.slots.length ?? 0;
    await expect.poll(reserve).toBeGreaterThan(0);
    expect((await ration.book({ corpId: 'ww1', e164: '+8613800138000', budget: 3 })).is).toBe('booked');
    const findings = await inspectRedis(link, systemClock);
    expect(findings.filter(({ result }) => result === 'failed')).toEqual([]);
    expect(await leases.holders()).toEqual([]);
  });
});

describe('an edition of Redis that cannot do what a run needs is told as such:', () => {
  test.each<[string, Edition, string, string]>([
    ['one without Lua scripts', scriptsSay("ERR unknown command 'EVAL', with args beginning with: "), 'config', 'redis_commands'],
    ['one whose scripts are switched off', scriptsSay('ERR scripting is not enabled on this instance'), 'config', 'redis_commands'],
    ['Tencent Cloud’s, which forbids EVAL', scriptsSay("ERR command 'EVAL' not support for normal user"), 'config', 'redis_commands'],
    ['a proxy of shards: the keys of a script lie in several slots', scriptsSay("CROSSSLOT Keys in request don't hash to the same slot"), 'config', 'redis_cluster'],
    ['a proxy of shards, in its own words', scriptsSay("ERR 'EVAL' command keys must in same slot"), 'config', 'redis_cluster'],
    ['one with too few replicas', scriptsSay('NOREPLICAS Not enough good replicas to write.'), 'unavailable', 'redis_no_replicas'],
    ['one that cannot save to its disk', scriptsSay('MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.'), 'unavailable', 'redis_cannot_save'],
    ['one that has been a replica since the failover', scriptsSay('ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -READONLY You can\'t write against a read only replica.'), 'unavailable', 'redis_readonly'],
    ['one with a full memory', scriptsSay("OOM command not allowed when used memory > 'maxmemory'."), 'unavailable', 'redis_full'],
    ['one that is busy with a script', scriptsSay('BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.'), 'temporary', 'redis_busy'],
    ['one whose cluster is down', scriptsSay('CLUSTERDOWN Hash slot not served'), 'temporary', 'redis_failing_over'],
    ['a proxy that hangs up at what it does not know, as twemproxy does', without(['EVAL'], () => HANGS_UP), 'unavailable', 'redis_unreachable'],
  ])('%s', async (_, edition, kind, code) => {
    const port = await pretendEdition(server.port, edition);
    await expect(openTestRedis({ port }).leases.acquire('run', { signal: never })).rejects.toMatchObject({ kind, code, hint: expect.stringMatching(/\w{3}/) as string });
  });
});

describe('an address of Redis that does not fit it is told as such:', () => {
  const links: readonly (readonly [string, Edition, string, string, string])[] = [
    ['a user name for a Redis before 6', ({ name, args }) => (name === 'AUTH' && args.length > 1 ? "ERR wrong number of arguments for 'auth' command" : undefined), 'redis://default:pw@HOST/0', 'refused', 'redis_credentials'],
    ['a password for a Redis without one', without(['AUTH'], () => 'ERR Client sent AUTH, but no password is set'), 'redis://:pw@HOST/0', 'refused', 'redis_credentials'],
    ['a database number behind Envoy or twemproxy', without(['SELECT'], () => "ERR unsupported command 'select'"), 'redis://HOST/3', 'config', 'redis_commands'],
    ['a database number in a cluster', without(['SELECT'], () => 'ERR SELECT is not allowed in cluster mode'), 'redis://HOST/3', 'config', 'redis_database'],
    ['protected mode', () => 'DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user.', 'redis://HOST/0', 'refused', 'redis_protected'],
    ['a Redis with maxclients connections', () => 'ERR max number of clients reached', 'redis://HOST/0', 'unavailable', 'redis_unreachable'],
    ['an account that was disabled', () => 'WRONGPASS invalid username-password pair or user is disabled.', 'redis://app:pw@HOST/0', 'refused', 'redis_credentials'],
  ];
  test.each(links)('%s', async (_, edition, url, kind, code) => {
    const port = await pretendEdition(server.port, edition);
    const link = openLink({ url: new Secret(url.replace('HOST', `127.0.0.1:${port}`)), clock: systemClock });
    await expect(link.call('PING')).rejects.toMatchObject({ kind, code });
    link.close();
  });
});
