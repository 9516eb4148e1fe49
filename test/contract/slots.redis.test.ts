import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AddressBook, cellMs, mostAtOnce, nextSlots, widthMs } from '../../src/core/schedule.ts';
import { systemClock } from '../../src/local/clock.ts';
import { RESERVE } from '../../src/redis/slots.ts';
import { openRedisProxy, openTestRedis, ownPrefix } from '../support/redis.ts';
import { startRedis } from '../support/servers.ts';
import { mostInASecond } from '../support/sliding.ts';
import { describeSlots, pacingOn, perSecondOf, sendMany } from './slots.contract.ts';

const CORP = { name: 'corp:ww1', perSecond: 20 };

describeSlots('in Redis', async (processes) => {
  const prefix = ownPrefix();
  return Promise.resolve(Array.from({ length: processes }, () => openTestRedis({ prefix }).slots));
});

describe('slots in Redis', () => {
  test('keep one rate for processes at unequal distances', async () => {
    const prefix = ownPrefix();
    const far = await openRedisProxy();
    Object.assign(far.up, { latencyMs: 90, jitterMs: 10 });
    Object.assign(far.down, { latencyMs: 90, jitterMs: 10 });
    const near = pacingOn(openTestRedis({ prefix }).slots).pacer(CORP);
    const distant = pacingOn(openTestRedis({ prefix, port: far.port }).slots).pacer(CORP);
    const sent = await Promise.all([sendMany(near, 24), sendMany(distant, 24)]);
    expect(mostInASecond(sent.flat())).toBeLessThanOrEqual(20);
  });

  test('are not fewer where Redis is far, though each request waits for the one before', async () => {
    const proxy = await openRedisProxy();
    const pacer = pacingOn(openTestRedis({ port: proxy.port }).slots).pacer(CORP);
    await sendMany(pacer, 1);
    proxy.up.latencyMs = proxy.down.latencyMs = 150;
    await sendMany(pacer, 4, 1);
    const sent = await sendMany(pacer, 40, 1);
    expect(perSecondOf(sent)).toBeGreaterThan(20 / 1.3);
    expect(mostInASecond(sent)).toBeLessThanOrEqual(20);
  });

  test('are those of the arithmetic in core', async () => {
    const { link } = openTestRedis();
    const corps = fc.array(fc.record({ rate: fc.oneof(fc.integer({ min: 1, max: 500 }), fc.double({ min: 0.1, max: 3, noNaN: true })), count: fc.integer({ min: 1, max: 8 }) }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 3, max: 60 }), corps, fc.integer({ min: 0, max: 400 }), async (address, wishes, early) => {
        const prefix = ownPrefix();
        await link.call('SET', `${prefix}since`, '1');
        const keys = [`${prefix}since`, `${prefix}address`, ...wishes.map((_, index) => `${prefix}corp${index}`)];
        const numbers = wishes.flatMap(({ rate, count }) => [widthMs(rate), count]);
        const book = new AddressBook(address);
        const nextAt = new Map<number, number>();
        for (let times = 0; times < 2; times += 1) {
          const reply = await link.run(RESERVE, keys, [early, early + 500, cellMs(address), mostAtOnce(address), ...numbers]);
          const [micros, ...given] = Array.isArray(reply) ? reply : [];
          // Redis tells its time in whole µs; a slot at the edge of what is in sight may differ.
          const now = Number(micros) / 1_000;
          for (const [index, { rate, count }] of wishes.entries()) {
            const expected = nextSlots({ perSecond: rate, count, nextAt: nextAt.get(index), from: now + early, until: now + early + 500 }, book);
            nextAt.set(index, expected.nextAt);
            const ahead = (given[index] as readonly number[]).map((one) => one / 1_000).filter((ms) => ms >= 0);
            expect(ahead).toHaveLength(expected.slots.length);
            for (const [n, ms] of ahead.entries()) expect(Math.abs(now + ms - (expected.slots[n] ?? NaN))).toBeLessThan(0.01);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test('that are heard of too late are let pass', async () => {
    const prefix = ownPrefix();
    const near = openTestRedis({ prefix }).slots;
    const proxies = await Promise.all([1, 2, 3, 4, 5].map(async () => openRedisProxy()));
    const stuck = proxies.map(({ port }) => openTestRedis({ prefix, port }).slots);
    const all = Promise.all([near, ...stuck].map((slots) => sendMany(pacingOn(slots).pacer(CORP), 14, 2)));
    for (let i = 0; i < 4; i += 1) {
      for (const mode of ['hold', 'pass'] as const) {
        for (const proxy of proxies) proxy.down.mode = mode;
        await systemClock.sleep(600);
      }
    }
    expect(mostInASecond((await all).flat())).toBeLessThanOrEqual(20);
  });

  test('make no burst when Redis is emptied again and again under many processes', async () => {
    const redis = await startRedis();
    try {
      const users = [1, 2, 3, 4, 5, 6].map(() => openTestRedis({ prefix: 'own:', port: redis.port }));
      const all = Promise.all(users.map(({ slots }) => sendMany(pacingOn(slots).pacer(CORP), 10, 2)));
      const other = pacingOn(openTestRedis({ prefix: 'own:', port: redis.port }).slots).pacer({ name: 'corp:other', perSecond: 8 });
      for (let i = 0; i < 10; i += 1) {
        await sendMany(other, 1);
        await users[0]?.link.call('FLUSHALL');
      }
      expect(mostInASecond((await all).flat())).toBeLessThanOrEqual(20);
    } finally {
      await redis.close();
    }
  });

  test('are waited for while Redis is frozen, dead or lost: nothing is sent meanwhile', async () => {
    const redis = await startRedis();
    try {
      const events: string[] = [];
      const pacer = pacingOn(openTestRedis({ port: redis.port, timeoutMs: 300 }).slots, { events }).pacer(CORP);
      const sent = await sendMany(pacer, 5);
      const away: [number, number][] = [];
      for (const trouble of ['frozen', 'dead'] as const) {
        if (trouble === 'frozen') redis.stop();
        else await redis.kill();
        const gone = performance.now();
        const more = sendMany(pacer, 20);
        await systemClock.sleep(1_500);
        away.push([gone + 600, performance.now()]);
        if (trouble === 'frozen') redis.cont();
        else await redis.restart();
        sent.push(...(await more));
      }
      for (const [from, to] of away) expect(sent.filter((at) => at > from && at < to)).toEqual([]);
      expect(mostInASecond(sent)).toBeLessThanOrEqual(20);
      expect(events).toEqual(['pace_lost', 'pace_back', 'pace_lost', 'pace_back']);
    } finally {
      await redis.close();
    }
  });

  test('do not wait for a clock that was set back', async () => {
    const prefix = ownPrefix();
    const { slots, link } = openTestRedis({ prefix });
    const future = Date.now() + 600_000;
    await link.call('SET', `${prefix}pace-since`, String(future));
    await link.call('SET', `${prefix}pace:corp:ww1`, String(future));
    const startedAt = performance.now();
    await sendMany(pacingOn(slots).pacer(CORP), 2);
    expect(performance.now() - startedAt).toBeLessThan(2_500);
  });
});
