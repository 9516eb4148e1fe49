import { expect, test } from 'vitest';
import { CALM } from './coast.ts';
import { share, sum, told } from './tally.ts';

test.each([
  [1, [1, 1, 1]],
  [2, [1, 1, 1]],
  [3, [1, 1, 1]],
  [5, [2, 2, 1]],
  [30, [10, 10, 10]],
])('%i rounds are shared among three setups, and none goes without: %j', (rounds, shares) => {
  expect([0, 1, 2].map((index) => share(rounds, 3, index))).toEqual(shares);
});

test('the last line has the totals of all setups', () => {
  const total = sum([{ ...CALM, rounds: 2, kills: 3 }, { ...CALM, rounds: 1, changes: 40 }]);
  expect(told(total)).toBe('rounds 3, processes 0, done 0, changes 40, large changes 0, kills 3, stops 0, pauses 0, faults 0, held answers 0, erasures 0, differences found: 0');
});
