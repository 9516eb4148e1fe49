import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { type Pace, slotMs, started } from '../../src/core/pace.ts';
import { TAKE } from '../../src/redis/slots.ts';
import { openRedisProxy, openTestRedis, ownPrefix } from '../support/redis.ts';
import { startRedis } from '../support/servers.ts';
import { mostInASecond } from '../support/sliding.ts';
import { describeLimiter, takeMany } from './limiter.contract.ts';

describeLimiter('in Redis', async (users) => {
  const prefix = ownPrefix();
  return Promise.resolve(Array.from({ length: users }, () => openTestRedis({ prefix }).limiter));
});

describe('the limiter in Redis', () => {
  test('keeps one rate for users at unequal distances', async () => {
    const prefix = ownPrefix();
    const far = await openRedisProxy();
    Object.assign(far.up, { latencyMs: 90, jitterMs: 10 });
    Object.assign(far.down, { latencyMs: 90, jitterMs: 10 });
    const near = openTestRedis({ prefix }).limiter;
    const distant = openTestRedis({ prefix, port: far.port }).limiter;
    const scopes = [{ name: 'corp', perSecond: 20 }];
    const starts = await Promise.all([near, near, near, distant, distant, distant].map((user) => takeMany(user, scopes, 8)));
    expect(mostInASecond(starts.flat())).toBeLessThanOrEqual(20);
  });

  test('is not slowed down by a far Redis, though each start waits for the one before', async () => {
    const proxy = await openRedisProxy();
    const { limiter } = openTestRedis({ port: proxy.port });
    const scopes = [{ name: 'corp', perSecond: 20 }];
    await takeMany(limiter, scopes, 1);
    proxy.up.latencyMs = proxy.down.latencyMs = 150;
    await takeMany(limiter, scopes, 4);
    const startedAt = performance.now();
    const starts = await takeMany(limiter, scopes, 40);
    expect(performance.now() - startedAt).toBeLessThan(40 * slotMs(20) * 1.3);
    expect(mostInASecond(starts)).toBeLessThanOrEqual(20);
  });

  test('gives the same slots as the arithmetic of core', async () => {
    const { link } = openTestRedis();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 8 }), async (rate, count) => {
        const prefix = ownPrefix();
        await link.call('SET', `${prefix}since`, '1');
        const keys = [`${prefix}since`, `${prefix}corp`];
        const reply = await link.run(TAKE, keys, [0, 100 * 1_000, count, slotMs(rate)]);
        const [, ...given] = (Array.isArray(reply) ? reply : []).map((micros) => Number(micros) / 1_000);
        let pace: Pace | undefined;
        const expected = given.map(() => {
          const slot = pace?.nextAt ?? 0;
          pace = started(pace, slot, rate);
          return slot;
        });
        expect(given.map((ms) => ms - (given[0] ?? 0)).every((ms, i) => Math.abs(ms - (expected[i] ?? NaN)) < 0.01)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('lets slots pass of which it hears too late', async () => {
    const prefix = ownPrefix();
    const near = openTestRedis({ prefix }).limiter;
    const proxies = await Promise.all([1, 2, 3, 4, 5].map(async () => openRedisProxy()));
    const stuck = proxies.map(({ port }) => openTestRedis({ prefix, port }).limiter);
    const scopes = [{ name: 'corp', perSecond: 20 }];
    const all = Promise.all([near, near, near, ...stuck].map((user) => takeMany(user, scopes, 12)));
    for (let i = 0; i < 4; i += 1) {
      for (const mode of ['hold', 'pass'] as const) {
        for (const proxy of proxies) proxy.down.mode = mode;
        await systemClock.sleep(600);
      }
    }
    expect(mostInASecond((await all).flat())).toBeLessThanOrEqual(20);
  });

  test('yields no burst when Redis is emptied again and again under many users', async () => {
    const redis = await startRedis();
    try {
      const users = [1, 2, 3, 4, 5, 6].map(() => openTestRedis({ prefix: 'own:', port: redis.port }));
      const scopes = [{ name: 'corp', perSecond: 20 }];
      const all = Promise.all(users.map(({ limiter }) => takeMany(limiter, scopes, 10)));
      for (let i = 0; i < 10; i += 1) {
        await users[0]?.limiter.take([{ name: 'other', perSecond: 8 }], new AbortController().signal);
        await users[0]?.link.call('FLUSHALL');
      }
      expect(mostInASecond((await all).flat())).toBeLessThanOrEqual(20);
    } finally {
      await redis.close();
    }
  });

  test('keeps the rate of one process while Redis is frozen, dead or lost, and is never without a limit', async () => {
    const redis = await startRedis();
    try {
      const { limiter } = openTestRedis({ port: redis.port, timeoutMs: 300 });
      const scopes = [{ name: 'corp', perSecond: 20 }];
      const starts = await takeMany(limiter, scopes, 5);
      redis.stop();
      starts.push(...(await takeMany(limiter, scopes, 20)));
      redis.cont();
      await redis.kill();
      starts.push(...(await takeMany(limiter, scopes, 20)));
      await redis.restart();
      starts.push(...(await takeMany(limiter, scopes, 40)));
      expect(mostInASecond(starts)).toBeLessThanOrEqual(20);
    } finally {
      await redis.close();
    }
  });

  test('does not wait for a clock that was set back', async () => {
    const prefix = ownPrefix();
    const { limiter, link } = openTestRedis({ prefix });
    const future = Date.now() + 600_000;
    await link.call('SET', `${prefix}pace-since`, String(future));
    await link.call('SET', `${prefix}pace:corp`, String(future));
    const startedAt = performance.now();
    await takeMany(limiter, [{ name: 'corp', perSecond: 20 }], 2);
    expect(performance.now() - startedAt).toBeLessThan(2_500);
  });
});
