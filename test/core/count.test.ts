import { expect, test } from 'vitest';
import { countOf } from '../../src/core/count.ts';

test('a number and its noun agree', () => {
  expect([0, 1, 2].map((count) => countOf(count, 'corp'))).toEqual(['0 corps', '1 corp', '2 corps']);
  expect([1, 2].map((count) => countOf(count, 'member has', 'members have'))).toEqual(['1 member has', '2 members have']);
});
