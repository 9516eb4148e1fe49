import fc from 'fast-check';
import { expect, it } from 'vitest';
import { rationBudget, rationDay } from '../../src/core/ration.ts';

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
