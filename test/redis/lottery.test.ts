import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import type { Lease } from '../../src/core/ports/leases.ts';
import { ENTER, GRACE_MS, LONGEST_WINDOW_MS } from '../../src/redis/lease-scripts.ts';
import type { RedisParts } from '../../src/redis/open.ts';
import { leaseOf } from '../contract/lease.contract.ts';
import { type Fleet, jain, openFleet, playRound } from '../support/fleet.ts';
import { openRedisProxy, openTestRedis, ownPrefix } from '../support/redis.ts';

const WINDOW_MS = 200;
/** What a busy machine may add. */
const SLACK_MS = 350;
const never = new AbortController().signal;

async function fleet(options: Partial<Parameters<typeof openFleet>[0]> = {}): Promise<Fleet> {
  const port = Number(new URL(inject('redisUrl')).port);
  const opened = await openFleet({ port, prefix: ownPrefix(), sites: [1, 20, 80], hostsPerSite: 2, windowMs: WINDOW_MS, ...options });
  onTestFinished(async () => opened.close());
  return opened;
}

/** A host that enters the lottery and is never heard of again. */
async function enterAndVanish({ link }: RedisParts, prefix: string, host: string, windowMs = WINDOW_MS): Promise<void> {
  const keys = [`${prefix}lease:run`, `${prefix}lottery:run`, `${prefix}reach`, `${prefix}distances`];
  await link.run(ENTER, keys, [`value of ${host}`, 60_000, host, `token of ${host}`, windowMs, 0, 0]);
}

async function acquireFairly({ leases }: RedisParts): Promise<{ readonly lease: Lease | undefined; readonly tookMs: number }> {
  const askedAt = performance.now();
  const acquired = await leases.acquire('run', { signal: never, fair: true });
  return { lease: acquired.is === 'acquired' ? acquired.lease : undefined, tookMs: performance.now() - askedAt };
}

describe('the lottery for a lease', () => {
  test('gives every host the same share, whatever its distance to Redis', async () => {
    const { hosts } = await fleet();
    const wins = new Map(hosts.map(({ host }) => [host, 0]));
    for (let round = 0; round < 12; round += 1) {
      const { winners } = await playRound(hosts, 'run', true);
      expect(winners).toHaveLength(1);
      for (const winner of winners) wins.set(winner, (wins.get(winner) ?? 0) + 1);
    }
    expect(jain([...wins.values()])).toBeGreaterThan(0.95);
  });

  test('which the nearest host wins every time where nobody draws lots', async () => {
    const { hosts } = await fleet({ hostsPerSite: 1 });
    await playRound(hosts, 'run', false);
    for (let round = 0; round < 5; round += 1) expect((await playRound(hosts, 'run', false)).winners).toEqual(['site0-0']);
  });

  test('lets a host win that is farther away than the window is long, once it is known', async () => {
    const { hosts } = await fleet({ sites: [1, 150], hostsPerSite: 1, windowMs: 50 });
    const winners = new Set<string>();
    for (let round = 0; round < 5; round += 1) for (const winner of (await playRound(hosts, 'run', true)).winners) winners.add(winner);
    expect([...winners].sort()).toEqual(['site0-0', 'site1-0']);
  });

  test('is won by the only host alive within the window and a grace', async () => {
    const redis = openTestRedis({ windowMs: WINDOW_MS });
    await redis.link.connect();
    const { lease, tookMs } = await acquireFairly(redis);
    lease?.ensureHeld();
    expect(lease).toBeDefined();
    expect(tookMs).toBeGreaterThanOrEqual(WINDOW_MS);
    expect(tookMs).toBeLessThan(WINDOW_MS + GRACE_MS + SLACK_MS);
  });

  test('waits one grace for each contender who has vanished, and no longer', async () => {
    const prefix = ownPrefix();
    const redis = openTestRedis({ prefix, host: 'alive', windowMs: WINDOW_MS });
    await (await acquireFairly(redis)).lease?.release();
    for (const host of ['dead-1', 'dead-2', 'dead-3']) await enterAndVanish(redis, prefix, host);
    const { lease, tookMs } = await acquireFairly(redis);
    expect(lease).toBeDefined();
    expect(tookMs).toBeGreaterThanOrEqual(WINDOW_MS + 3 * GRACE_MS - SLACK_MS);
    expect(tookMs).toBeLessThan(WINDOW_MS + 3 * GRACE_MS + SLACK_MS);
  });

  test('is given up after two seconds where too many have vanished, and the next one opens anew', async () => {
    const prefix = ownPrefix();
    const redis = openTestRedis({ prefix, host: 'alive', windowMs: WINDOW_MS });
    await (await acquireFairly(redis)).lease?.release();
    for (let i = 0; i < 30; i += 1) await enterAndVanish(redis, prefix, `dead-${i}`);
    const { lease, tookMs } = await acquireFairly(redis);
    expect(lease).toBeUndefined();
    expect(tookMs).toBeLessThan(2_000 + SLACK_MS);
    await expect.poll(async () => (await acquireFairly(redis)).lease !== undefined, { timeout: 5_000 }).toBe(true);
  });

  test('counts a host once, however many of its processes take part', async () => {
    const prefix = ownPrefix();
    const crowd = Array.from({ length: 8 }, (_, i) => openTestRedis({ prefix, host: 'crowd', pid: i, windowMs: WINDOW_MS }));
    const single = openTestRedis({ prefix, host: 'single', windowMs: WINDOW_MS });
    await Promise.all([...crowd, single].map(({ link }) => link.connect()));
    let wins = 0;
    for (let round = 0; round < 6; round += 1) {
      const all = await Promise.all([single, ...crowd].map(acquireFairly));
      expect(all.filter(({ lease }) => lease !== undefined)).toHaveLength(1);
      if (all[0]?.lease !== undefined) wins += 1;
      for (const { lease } of all) await lease?.release();
    }
    expect(wins).toBe(3);
  });

  test('is over for who comes after the window', async () => {
    const prefix = ownPrefix();
    const late = openTestRedis({ prefix, host: 'late', windowMs: WINDOW_MS });
    await enterAndVanish(late, prefix, 'dead', 1);
    await systemClock.sleep(60);
    const { lease, tookMs } = await acquireFairly(late);
    expect(lease).toBeUndefined();
    expect(tookMs).toBeLessThan(GRACE_MS + SLACK_MS);
  });

  test('is not held where the lease is taken: the answer comes at once', async () => {
    const prefix = ownPrefix();
    const [holder, other] = [openTestRedis({ prefix, host: 'a' }), openTestRedis({ prefix, host: 'b', windowMs: 1_000 })];
    leaseOf(await holder.leases.acquire('run', { signal: never }));
    await other.link.connect();
    const { lease, tookMs } = await acquireFairly(other);
    expect(lease).toBeUndefined();
    expect(tookMs).toBeLessThan(SLACK_MS);
  });

  test.each([900, 2_000])('is not held for a host that would always be too late for it: with a round trip of %i ms it takes a free lease at once', async (roundTripMs) => {
    const logged: string[] = [];
    const proxy = await openRedisProxy();
    proxy.up.latencyMs = proxy.down.latencyMs = roundTripMs / 2;
    const prefix = ownPrefix();
    const far = openTestRedis({ prefix, host: 'far', windowMs: 500, ttlMs: 30_000, port: proxy.port, log: (_level, event) => void logged.push(event) });
    // As after its first run: the window is as long as this host needs to arrive.
    await openTestRedis({ prefix }).link.call('SET', `${prefix}reach`, String(2 * roundTripMs));
    const { lease } = await acquireFairly(far);
    expect(lease).toBeDefined();
    expect(logged).toContain('lottery_too_far');
    expect((await acquireFairly(openTestRedis({ prefix, host: 'near' }))).lease).toBeUndefined();
    await lease?.release();
  });

  test('can be won again as soon as the winner is done', async () => {
    const redis = openTestRedis({ windowMs: WINDOW_MS });
    for (let i = 0; i < 3; i += 1) {
      const { lease } = await acquireFairly(redis);
      expect(lease).toBeDefined();
      await lease?.release();
    }
  });

  test('does not prefer a near host that fails each time: an attempt counts', async () => {
    const prefix = ownPrefix();
    const proxy = await openRedisProxy();
    proxy.up.latencyMs = proxy.down.latencyMs = 40;
    const failing = openTestRedis({ prefix, host: 'failing', windowMs: WINDOW_MS });
    const working = openTestRedis({ prefix, host: 'working', windowMs: WINDOW_MS, port: proxy.port });
    await Promise.all([failing.link.connect(), working.link.connect()]);
    const winners: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      const [one, two] = await Promise.all([acquireFairly(failing), acquireFairly(working)]);
      winners.push(one.lease === undefined ? 'working' : 'failing');
      await one.lease?.release();
      await two.lease?.release();
    }
    expect(winners.filter((host) => host === 'working')).toHaveLength(3);
  });

  test('lets go of who is stopped while waiting, and does not wait for them', async () => {
    const prefix = ownPrefix();
    const [stopped, other] = [openTestRedis({ prefix, host: 'a', windowMs: 300 }), openTestRedis({ prefix, host: 'b', windowMs: 300 })];
    const stop = new AbortController();
    const waiting = stopped.leases.acquire('run', { signal: stop.signal, fair: true });
    await expect.poll(() => other.link.call('EXISTS', `${prefix}lottery:run`)).toBe(1);
    stop.abort(new Error('SIGTERM'));
    await expect(waiting).rejects.toThrow('SIGTERM');
    expect((await acquireFairly(other)).lease).toBeDefined();
  });

  test('keeps its window short of two seconds, however far somebody says to be', async () => {
    const prefix = ownPrefix();
    const redis = openTestRedis({ prefix, windowMs: WINDOW_MS });
    await redis.link.call('SET', `${prefix}reach`, '90000');
    const { lease, tookMs } = await acquireFairly(redis);
    expect(lease).toBeDefined();
    expect(tookMs).toBeLessThan(LONGEST_WINDOW_MS + SLACK_MS);
  });
});
