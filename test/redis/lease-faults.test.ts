import { describe, expect, onTestFinished, test } from 'vitest';
import type { RedisParts } from '../../src/redis/open.ts';
import { leaseOf, lossOf } from '../contract/lease.contract.ts';
import { openRedisProxy, openTestRedis, ownPrefix } from '../support/redis.ts';
import { type ServerProcess, startRedis } from '../support/servers.ts';

const TTL_MS = 1_500;
const never = new AbortController().signal;

/** A Redis of the test's own, to be hurt, and somebody who uses it. */
async function ownRedis(options: Parameters<typeof openTestRedis>[0] = {}): Promise<{ readonly server: ServerProcess; readonly redis: RedisParts }> {
  const server = await startRedis();
  onTestFinished(async () => server.close());
  return { server, redis: openTestRedis({ port: server.port, ttlMs: TTL_MS, timeoutMs: 500, ...options }) };
}

describe('a lease in Redis', () => {
  test.each([
    ['at once', false, 'lease:run'],
    ['in a lottery that was being entered', true, 'lottery:run'],
    ['in a lottery that was being claimed', true, 'served:run'],
  ])('taken %s is recognised as ours when the answer was lost', async (_, fair, text) => {
    const prefix = ownPrefix();
    const proxy = await openRedisProxy();
    const { leases, link } = openTestRedis({ prefix, port: proxy.port });
    await link.connect();
    const lost = proxy.loseReply(`${prefix}${text}`);
    const acquired = await leases.acquire('run', { signal: never, fair });
    await lost;
    leaseOf(acquired).ensureHeld();
    expect(await openTestRedis({ prefix, host: 'other' }).leases.acquire('run', { signal: never })).toMatchObject({ is: 'held', by: { host: 'host-a' } });
  });

  test('taken while Redis is silent is recognised as ours when it speaks again', async () => {
    const proxy = await openRedisProxy();
    const { leases, link } = openTestRedis({ port: proxy.port, timeoutMs: 300 });
    await link.connect();
    const lost = proxy.loseReply('lease:run', 'silence');
    leaseOf(await leases.acquire('run', { signal: never })).ensureHeld();
    await lost;
  });

  test('whose release was not heard of is free nevertheless', async () => {
    const prefix = ownPrefix();
    const proxy = await openRedisProxy();
    const { leases } = openTestRedis({ prefix, port: proxy.port });
    const lease = leaseOf(await leases.acquire('run', { signal: never }));
    const lost = proxy.loseReply('lease:run');
    await lease.release();
    await lost;
    expect((await openTestRedis({ prefix }).leases.acquire('run', { signal: never })).is).toBe('acquired');
  });

  test('survives a short silence and a broken connection', async () => {
    const proxy = await openRedisProxy();
    const { leases } = openTestRedis({ port: proxy.port, ttlMs: TTL_MS, timeoutMs: 300 });
    const lease = leaseOf(await leases.acquire('run', { signal: never }));
    proxy.down.mode = 'hold';
    await proxy.next('up', 'lease:run');
    proxy.down.mode = 'pass';
    await proxy.next('up', 'lease:run');
    proxy.reset();
    for (let renewal = 0; renewal < 4; renewal += 1) await proxy.next('up', 'lease:run');
    lease.ensureHeld();
  });

  test.each<[string, (server: ServerProcess) => Promise<void> | void]>([
    ['is frozen', (server) => server.stop()],
    ['is killed', (server) => server.kill()],
    ['is killed and comes back empty', async (server) => server.restart()],
  ])('is lost before its life ends when Redis %s', async (_, hurt) => {
    const ttlMs = 2_500;
    const { server, redis } = await ownRedis({ ttlMs });
    await redis.link.connect();
    const lease = leaseOf(await redis.leases.acquire('run', { signal: never }));
    const hurtAt = performance.now();
    await hurt(server);
    expect(await lossOf(lease)).toMatchObject({ kind: 'temporary', code: 'lease_lost' });
    expect(performance.now() - hurtAt).toBeLessThan(ttlMs);
    expect(() => lease.ensureHeld()).toThrow('no longer ours');
    await lease.release();
  });

  test('is lost with the next renewal when Redis is emptied, and another one may have it', async () => {
    const { server, redis } = await ownRedis();
    const lease = leaseOf(await redis.leases.acquire('run', { signal: never }));
    await redis.link.call('FLUSHALL');
    const other = openTestRedis({ port: server.port, prefix: ownPrefix() });
    leaseOf(await other.leases.acquire('run', { signal: never }));
    expect(await lossOf(lease)).toMatchObject({ code: 'lease_lost' });
  });

  test('stays the owner’s alone when Redis tells that a replica took over: renewal is refused, and it is lost in time', async () => {
    const { redis } = await ownRedis();
    const lease = leaseOf(await redis.leases.acquire('run', { signal: never }));
    await redis.link.call('REPLICAOF', '127.0.0.1', '1');
    expect(await lossOf(lease)).toMatchObject({ code: 'lease_lost', cause: { code: 'redis_readonly' } });
  });

  test('is released within a bound also when Redis does not answer', async () => {
    const { server, redis } = await ownRedis({ timeoutMs: 10_000 });
    const lease = leaseOf(await redis.leases.acquire('run', { signal: never }));
    server.stop();
    const startedAt = performance.now();
    await lease.release();
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  test.each<[string, (server: ServerProcess) => Promise<void> | void]>([
    ['is not there', (server) => server.kill()],
    ['is frozen', (server) => server.stop()],
  ])('cannot be had, within seconds and with a hint, when Redis %s', async (_, hurt) => {
    const { server, redis } = await ownRedis();
    await hurt(server);
    const startedAt = performance.now();
    for (const fair of [false, true]) {
      const asked = redis.leases.acquire('run', { signal: never, fair });
      await expect(asked).rejects.toMatchObject({ kind: 'unavailable', code: 'redis_unreachable', hint: expect.stringContaining('check') as string });
    }
    expect(performance.now() - startedAt).toBeLessThan(12_000);
  });

  test('that another program wrote is reported as held, not fallen over', async () => {
    const prefix = ownPrefix();
    const { leases, link } = openTestRedis({ prefix });
    await link.call('SET', `${prefix}lease:run`, 'what is this');
    expect(await leases.acquire('run', { signal: never })).toMatchObject({ is: 'held', by: { host: 'unknown', expiresAt: null } });
    expect(await leases.holders()).toMatchObject([{ name: 'run', host: 'unknown' }]);
  });

  test('is listed by its own prefix only, whatever characters that has', async () => {
    const prefix = ownPrefix();
    const [plain, odd] = [openTestRedis({ prefix }), openTestRedis({ prefix: `${prefix}[*?]:` })];
    leaseOf(await odd.leases.acquire('run', { signal: never }));
    expect(await odd.leases.holders()).toHaveLength(1);
    expect(await plain.leases.holders()).toHaveLength(0);
  });
});
