import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLimiter, LATE_MS, type Pace, slotMs, started, waitMs } from '../../src/core/pace.ts';
import { createTestClock } from '../support/clock.ts';
import { mostInASecond } from '../support/sliding.ts';

const rates = fc.integer({ min: 1, max: 60 });
/** Mostly none, for a crowd is what tempts a limiter. */
const delays = fc.array(fc.oneof({ weight: 30, arbitrary: fc.constant(0) }, fc.double({ min: 0, max: 400, noNaN: true })), {
  minLength: 200,
  maxLength: 300,
});
const never = new AbortController().signal;

describe('the arithmetic of pace', () => {
  test('lets no more than the rate into any sliding second, however late starts are and whatever the pauses between them', () => {
    fc.assert(
      fc.property(rates, delays, (rate, delays) => {
        const starts: number[] = [];
        let pace: Pace | undefined;
        let now = 0;
        for (const delay of delays) {
          now += waitMs(pace, now) + delay;
          pace = started(pace, now, rate);
          starts.push(now);
        }
        expect(mostInASecond(starts)).toBeLessThanOrEqual(rate);
      }),
    );
  });

  test('keeps up the rate when every start is a little late', () => {
    let pace: Pace | undefined;
    let now = 0;
    for (let i = 0; i < 100; i += 1) {
      now += waitMs(pace, now) + LATE_MS;
      pace = started(pace, now, 10);
    }
    expect(now).toBeLessThan(101 * slotMs(10));
  });

  test('saves nothing up while nobody asks', () => {
    const long = started(undefined, 0, 10);
    const after = started(long, 60_000, 10);
    expect(waitMs(after, 60_000)).toBeGreaterThan(slotMs(10) - LATE_MS - 1);
  });
});

describe('the limiter of one process', () => {
  test('never exceeds the rate of any scope in any sliding second, for all askers together', async () => {
    await fc.assert(
      fc.asyncProperty(
        rates,
        rates,
        fc.array(fc.tuple(fc.integer({ min: 0, max: 1_500 }), fc.integer({ min: 0, max: 2 })), { minLength: 100, maxLength: 120 }),
        async (perCorp, inAll, asks) => {
          const clock = createTestClock();
          const limiter = createLimiter(clock);
          const starts = new Map<string, number[]>();
          const ask = async (at: number, corp: number): Promise<void> => {
            await clock.sleep(at);
            await limiter.take([{ name: `corp:${corp}`, perSecond: perCorp }, { name: 'all', perSecond: inAll }], never);
            for (const name of [`corp:${corp}`, 'all']) starts.set(name, [...(starts.get(name) ?? []), clock.monotonic()]);
          };
          const all = Promise.all(asks.map(([at, corp]) => ask(at, corp)));
          await clock.advance(1_500 + asks.length * slotMs(Math.min(perCorp, inAll)));
          await all;
          expect(mostInASecond(starts.get('all') ?? [])).toBeLessThanOrEqual(inAll);
          for (const corp of [0, 1, 2]) expect(mostInASecond(starts.get(`corp:${corp}`) ?? [])).toBeLessThanOrEqual(perCorp);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('starts those who ask for one scope in the order they asked, and lets others pass them', async () => {
    const clock = createTestClock();
    const limiter = createLimiter(clock);
    const order: string[] = [];
    const ask = async (who: string, scope: string): Promise<void> => {
      await limiter.take([{ name: scope, perSecond: 1 }, { name: 'all', perSecond: 100 }], never);
      order.push(who);
    };
    const all = Promise.all([ask('a1', 'a'), ask('a2', 'a'), ask('a3', 'a'), ask('b1', 'b')]);
    await clock.advance(3_000);
    await all;
    expect(order).toEqual(['a1', 'b1', 'a2', 'a3']);
  });

  test('serves a free scope at once while another one is awaited', async () => {
    const clock = createTestClock();
    const limiter = createLimiter(clock);
    await limiter.take([{ name: 'slow', perSecond: 0.1 }], never);
    const slow = limiter.take([{ name: 'slow', perSecond: 0.1 }], never);
    await clock.advance(100);
    await limiter.take([{ name: 'quick', perSecond: 100 }], never);
    const quick = limiter.take([{ name: 'quick', perSecond: 100 }], never);
    await clock.advance(20);
    await quick;
    await clock.advance(11_000);
    await slow;
  });

  test('forgets who gives up, and takes no slot for them', async () => {
    const clock = createTestClock();
    const limiter = createLimiter(clock);
    const scopes = [{ name: 'corp', perSecond: 1 }];
    await limiter.take(scopes, never);
    const giveUp = new AbortController();
    const first = limiter.take(scopes, giveUp.signal);
    const second = limiter.take(scopes, never);
    giveUp.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    await clock.advance(slotMs(1));
    await second;
    expect(clock.sleepers).toBe(0);
    await expect(limiter.take(scopes, giveUp.signal)).rejects.toThrow('enough');
  });
});
