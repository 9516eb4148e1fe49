import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inParallel, parallelOf } from '../../src/core/parallel.ts';
import type { Parallel } from '../../src/core/parallel.ts';

interface Item {
  readonly name: number;
  readonly members: number;
  /** How many turns of the event loop its work takes. */
  readonly turns: number;
}

/** Runs the items and returns the order of their starts, and the largest numbers that were active. */
async function observe(items: readonly Item[], limits: Parallel) {
  const started: number[] = [];
  const active = new Set<Item>();
  const most = { corps: 0, members: 0, membersOfSeveral: 0 };
  await inParallel(items, limits, {
    membersOf: ({ members }) => members,
    work: async (item) => {
      started.push(item.name);
      active.add(item);
      const members = [...active].reduce((sum, one) => sum + one.members, 0);
      most.corps = Math.max(most.corps, active.size);
      if (active.size > 1) most.membersOfSeveral = Math.max(most.membersOfSeveral, members);
      for (let turn = 0; turn < item.turns; turn += 1) await new Promise(setImmediate);
      active.delete(item);
    },
  });
  return { started, most, left: active.size };
}

const items = fc
  .array(fc.record({ members: fc.integer({ min: 0, max: 50 }), turns: fc.integer({ min: 0, max: 4 }) }), { maxLength: 30 })
  .map((list) => list.map((item, name) => ({ ...item, name })));

describe('work in parallel', () => {
  it('keeps the order and both limits, and does everything', async () => {
    await fc.assert(
      fc.asyncProperty(items, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 60 }), async (list, corps, members) => {
        const { started, most, left } = await observe(list, { corps, members });
        expect(started).toEqual(list.map(({ name }) => name));
        expect(left).toBe(0);
        expect(most.corps).toBeLessThanOrEqual(corps);
        expect(most.membersOfSeveral).toBeLessThanOrEqual(members);
      }),
    );
  });

  it('uses what the limits allow', async () => {
    const list = Array.from({ length: 9 }, (_, name) => ({ name, members: 10, turns: 3 }));
    expect((await observe(list, { corps: 4, members: 1000 })).most.corps).toBe(4);
    expect((await observe(list, { corps: 9, members: 30 })).most.corps).toBe(3);
  });
});

describe('parallel_corps', () => {
  it.each([
    ['auto', { corp: 10, address: 150 }, { corps: 30, members: 200_000 }],
    ['auto', { corp: 100, address: 150 }, { corps: 4, members: 200_000 }],
    ['auto', { corp: 0.1, address: 150 }, { corps: 100, members: 200_000 }],
    [7, { corp: 10, address: 150 }, { corps: 7, members: Infinity }],
  ] as const)('%s at the rates %o', (setting, rates, expected) => {
    expect(parallelOf(setting, rates)).toEqual(expected);
  });
});
