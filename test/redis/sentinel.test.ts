import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { systemClock } from '../../src/local/clock.ts';
import { openLink, type RedisLink } from '../../src/redis/connect.ts';
import { leaseOf } from '../contract/lease.contract.ts';
import { openRedisProxy, openTestRedis } from '../support/redis.ts';
import { type ServerProcess, startRedis } from '../support/servers.ts';
import { startWatched, type Watched, watchedForTest } from '../support/sentinels.ts';

function link(url: string): RedisLink {
  const opened = openLink({ url: new Secret(url), clock: systemClock });
  onTestFinished(() => opened.close());
  return opened;
}

async function errorOf(url: string): Promise<unknown> {
  return await link(url).call('TIME').catch((error: unknown) => error);
}

describe('a way to Redis by Sentinels', () => {
  let watched: Watched;
  let plain: ServerProcess;

  beforeAll(async () => {
    [watched, plain] = await Promise.all([startWatched(), startRedis()]);
  });
  afterAll(async () => {
    await Promise.all([watched.close(), plain.close()]);
  });

  test('asks one after the other for the primary, with both passwords, and uses the database of the URL', async () => {
    const [, second = plain] = watched.sentinels;
    const ours = link(watched.url({ ports: [1, second.port], database: 3 }));
    expect(ours.where).toBe(`mymaster of the Sentinels 127.0.0.1:1, 127.0.0.1:${second.port}`);
    await ours.call('SET', 'here', '1');
    expect(await watched.ask(watched.primary, 'INFO', 'keyspace')).toContain('db3:keys=1');
    expect(ours.where).toBe(`127.0.0.1:${watched.primary.port} (mymaster of the Sentinels 127.0.0.1:1, 127.0.0.1:${second.port})`);
    expect(await openTestRedis({ url: watched.url() }).leases.acquire('run', { signal: new AbortController().signal, fair: true })).toMatchObject({ is: 'acquired' });
  });

  test('names a primary that no Sentinel knows', async () => {
    expect(await errorOf(watched.url({ name: 'other' }))).toMatchObject({ kind: 'config', code: 'redis_sentinel', message: expect.stringContaining('knows no primary called other') as string, hint: expect.stringContaining('SENTINEL MASTERS') as string });
  });

  test('names the parameter of a wrong password at the Sentinels, and shows no password', async () => {
    const url = watched.url({ sentinelPassword: 'canary-17' });
    const ours = link(url);
    const error: unknown = await ours.call('TIME').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'refused', code: 'redis_credentials', hint: expect.stringContaining('sentinel_password') as string });
    expect(inspect([error, ours], { depth: 20, showHidden: true })).not.toMatch(/canary-17|p@ss|p%40ss/);
  });

  test('says that a Redis in the place of a Sentinel is none', async () => {
    const url = `redis+sentinel://127.0.0.1:${plain.port}/mymaster`;
    expect(await errorOf(url)).toMatchObject({ kind: 'config', code: 'redis_sentinel', hint: expect.stringContaining('redis://HOST') as string });
  });

  test('names every Sentinel that does not answer', async () => {
    expect(await errorOf(watched.url({ ports: [1, 2] }))).toMatchObject({ kind: 'unavailable', code: 'redis_unreachable', message: expect.stringMatching(/mymaster.*127\.0\.0\.1:1: connection refused; 127\.0\.0\.1:2: connection refused/) as string, hint: expect.stringContaining('the Sentinels run') as string });
  });

  test.each(['/0', '/3'])('is what redis:// at a Sentinel is told to use (database %s)', async (database) => {
    const [sentinel = plain] = watched.sentinels;
    expect(await errorOf(`${sentinel.url}${database}`)).toMatchObject({ kind: 'config', code: 'redis_sentinel', message: expect.stringContaining('it is a Sentinel') as string, hint: expect.stringContaining('redis+sentinel://') as string });
  });

  test.each(['redis+sentinel://h', 'redis+sentinel:///m', 'redis+sentinel://h:99999/m', 'redis+sentinel://h/m/x', 'redis+sentinel://h/m?password=x', 'redis+sentinel://:%@h/m'])('refuses %s', (url) => {
    expect(() => link(url)).toThrow(expect.objectContaining({ kind: 'config', code: 'redis_url' }) as Error);
  });
});

describe('a failover', () => {
  test('that Sentinels make leads the next call to the new primary, and a lease that was copied there lives on', async () => {
    const watched = await watchedForTest();
    const { leases, link: ours } = openTestRedis({ url: watched.url(), ttlMs: 30_000 });
    const lease = leaseOf(await leases.acquire('run', { signal: new AbortController().signal }));
    await expect.poll(() => watched.ask(watched.replica, 'DBSIZE')).toBe(1);
    await watched.primary.kill();
    await watched.failedOver();
    await expect.poll(() => ours.call('SET', 'after', '1').catch(String)).toBe('OK');
    expect(await watched.ask(watched.replica, 'GET', 'after')).toBe('1');
    lease.ensureHeld();
    expect(await leases.holders()).toMatchObject([{ name: 'run' }]);
  });

  test('that turns the server behind an address into a replica makes the next call connect anew', async () => {
    const server = await startRedis();
    onTestFinished(() => server.close());
    const proxy = await openRedisProxy(server.port);
    const ours = link(`redis://127.0.0.1:${proxy.port}`);
    expect(await ours.call('SET', 'a', '1')).toBe('OK');
    const admin = link(server.url);
    await admin.call('REPLICAOF', '127.0.0.1', '1');
    await expect(ours.call('SET', 'a', '2')).rejects.toMatchObject({ kind: 'unavailable', code: 'redis_readonly' });
    await admin.call('REPLICAOF', 'NO', 'ONE');
    expect(await ours.call('SET', 'a', '2')).toBe('OK');
    expect(proxy.accepted).toBe(2);
  });
});
