import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WecomError } from '../../src/errors.ts';
import { Ban } from '../../src/wecom/request/ban.ts';
import { Gate } from '../../src/wecom/request/pacer.ts';
import { createTestClock } from '../support/clock.ts';
import { mostInASecond } from '../support/sliding.ts';

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

const refused = (): WecomError => new WecomError('temporary', { code: 'frequency_limit', message: 'm', hint: 'h', errcode: 45009, request: 'user/list' });

test('a frequency limit makes everyone wait once, then closes', () => {
  const clock = createTestClock();
  const ban = new Ban({ waitMs: 1_000, clock });
  expect(ban.waitMs()).toBe(0);
  clock.jump(10);
  expect(ban.refused(5, refused())).toBe(true);
  expect(ban.waitMs()).toBeGreaterThanOrEqual(1_000);
  expect(ban.waitMs()).toBeLessThanOrEqual(1_100);
  expect(ban.refused(9, refused())).toBe(true); // was on its way when the first refusal came
  clock.jump(1_200);
  expect(ban.waitMs()).toBe(0);
  expect(ban.refused(clock.monotonic(), refused())).toBe(false);
  expect(() => ban.waitMs()).toThrow(WecomError);
});
