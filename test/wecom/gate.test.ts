import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Limiter } from '../../src/core/ports/slots.ts';
import { CorpPacer, Gate } from '../../src/wecom/request/pacer.ts';
import { createTestClock } from '../support/clock.ts';
import type { TestClock } from '../support/clock.ts';
import { mostInASecond } from '../support/sliding.ts';
import { never } from './support.ts';

test('requests leave evenly, a tenth slower than promised', () => {
  const clock = createTestClock();
  const gate = new Gate({ perSecond: 10, even: true, clock });
  expect(gate.waitMs()).toBe(0);
  gate.leave().sent();
  expect(gate.waitMs()).toBeCloseTo(110);
  clock.jump(60);
  expect(gate.waitMs()).toBeCloseTo(50);
});

test('a pause, however long, is not made up for', () => {
  const clock = createTestClock();
  const gate = new Gate({ perSecond: 10, even: true, clock });
  gate.leave().sent();
  clock.jump(60_000);
  gate.leave().sent();
  expect(gate.waitMs()).toBeCloseTo(110);
});

test('a rate below one a second keeps its distance', () => {
  const clock = createTestClock();
  const gate = new Gate({ perSecond: 0.5, even: false, clock });
  gate.leave().sent();
  expect(gate.waitMs()).toBeCloseTo(2_200);
});

test('whatever connections take, no sliding second holds more requests as they are really sent', () => {
  const step = fc.record({ idleMs: fc.integer({ min: 0, max: 400 }), connectMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_000 })) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), fc.integer({ min: 1, max: 12 }), (steps, perSecond) => {
      const clock = createTestClock();
      const gate = new Gate({ perSecond, even: true, clock });
      const pending: { readonly at: number; readonly sent: () => void }[] = [];
      const arrivals: number[] = [];
      const advance = (ms: number): void => {
        const end = clock.monotonic() + ms;
        for (const due of pending.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)) {
          clock.jump(due.at - clock.monotonic());
          due.sent();
          arrivals.push(due.at);
          pending.splice(pending.indexOf(due), 1);
        }
        clock.jump(end - clock.monotonic());
      };
      for (const { idleMs, connectMs } of steps) {
        advance(idleMs);
        for (let wait = gate.waitMs(); wait > 0; wait = gate.waitMs()) advance(wait);
        const departure = gate.leave();
        pending.push({ at: clock.monotonic() + connectMs, sent: () => departure.sent() });
        advance(0);
      }
      advance(10_000);
      expect(mostInASecond(arrivals)).toBeLessThanOrEqual(perSecond);
      expect(arrivals).toHaveLength(steps.length);
    }),
    { seed: 7, numRuns: 60 },
  );
});

const GENEROUS: Limiter = { take: () => Promise.resolve() };

function pacerAt(clock: TestClock, limiter = GENEROUS): CorpPacer {
  return new CorpPacer({ corpId: 'ww1', rate: 10, limiter, total: new Gate({ perSecond: 300, even: false, clock }), clock });
}

test('the shared budget is asked last, once for each request', async () => {
  const clock = createTestClock();
  const asked: number[] = [];
  const limiter: Limiter = {
    take: (scopes) => {
      expect(scopes).toEqual([{ name: 'corp:ww1', perSecond: 10 }]);
      asked.push(clock.monotonic());
      return Promise.resolve();
    },
  };
  const pacer = pacerAt(clock, limiter);
  const passes = [pacer.pass(never()), pacer.pass(never()), pacer.pass(never())];
  await clock.advance(1_000);
  const left = (await Promise.all(passes)).map(({ at }) => at);
  expect(left).toEqual([0, 110, 220]);
  expect(asked).toEqual(left);
});

test('a request that waits for its turn stops waiting when it is aborted, and the next one takes the turn', async () => {
  const clock = createTestClock();
  const pacer = pacerAt(clock);
  await pacer.pass(never());
  const controller = new AbortController();
  const reason = new Error('enough');
  const first = pacer.pass(controller.signal);
  const second = pacer.pass(never());
  controller.abort(reason);
  await expect(first).rejects.toBe(reason);
  await clock.advance(200);
  await expect(second).resolves.toMatchObject({ at: 110 });
});
