import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Clock } from '../../src/core/ports.ts';
import { createLocalRation, rationBudget, rationDay } from '../../src/core/ration.ts';
import { describeRation } from '../contract/ration.contract.ts';
import { createTestClock } from '../support/clock.ts';

it.each([
  [0, 0.1, 3],
  [29, 0.1, 3],
  [39, 0.1, 3],
  [40, 0.1, 4],
  [812, 0.1, 81],
  [100_000, 0.1, 10_000],
  [100, 0, 3],
])('a corp of %i members may be asked %d of them, which is %i wrong numbers', (members, share, budget) => {
  expect(rationBudget(members, share)).toBe(budget);
});

it('the budget stays within what WeCom tolerates, in every corp that can hold the smallest one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 15, max: 1_000_000 }), fc.integer({ min: 0, max: 19 }), (members, percent) => {
      expect(rationBudget(members, percent / 100)).toBeLessThanOrEqual(members * 0.2);
    }),
    { seed: 1 },
  );
});

it.each([
  ['2026-02-28T15:59:59.999Z', '2026-02-28'],
  ['2026-02-28T16:00:00.000Z', '2026-03-01'],
  ['2028-02-28T16:00:00.000Z', '2028-02-29'],
  ['2026-12-31T16:00:00.000Z', '2027-01-01'],
])('%s is on %s in Shanghai', (moment, day) => {
  expect(rationDay(Date.parse(moment))).toBe(day);
});

it('a local ration is never larger than the smallest, and forgets a wrong number in time', async () => {
  const clock = createTestClock();
  const ration = createLocalRation(clock);
  const ask = async (e164: string) => ration.book({ corpId: 'ww1', e164, budget: 1000 });
  const first = await ask('+8613800138000');
  if (first.is !== 'booked') throw new Error(first.is);
  await ration.rememberWrong(first.ticket, '+8613800138000', 1000);
  expect((await ask('+8613800138000')).is).toBe('known_wrong');
  clock.jump(1000);
  expect((await ask('+8613800138000')).is).toBe('booked');
  expect((await ask('+8613800138001')).is).toBe('booked');
  expect((await ask('+8613800138002')).is).toBe('spent');
});

// One process is all that a local ration knows of: whoever opens it twice has two, so these share one.
describeRation('this process', async () => {
  let clock: Clock = createTestClock();
  const shared = createLocalRation({ now: () => clock.now(), monotonic: () => clock.monotonic(), sleep: (ms) => clock.sleep(ms) }, Infinity);
  return Promise.resolve((own) => {
    clock = own;
    return shared;
  });
});
