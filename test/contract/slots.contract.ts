import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { createPacing, type Pacer, type Pacing } from '../../src/core/pacer.ts';
import type { Scope, Slots } from '../../src/core/ports/slots.ts';
import { systemClock } from '../../src/local/clock.ts';
import { mostInASecond } from '../support/sliding.ts';

const never = new AbortController().signal;
setMaxListeners(0, never);

const ROOMY: Scope = { name: 'address:roomy', perSecond: 10_000 };

/** A process's pace, on one way to the schedule. */
export function pacingOn(slots: Slots, { address = ROOMY, events = [] as string[], patienceMs = 60_000 } = {}): Pacing {
  return createPacing({ slots, address, clock: systemClock, log: (_, event) => events.push(event), patienceMs });
}

/** Sends `count` requests, several waiting at a time, and tells when each left. */
export async function sendMany(pacer: Pacer, count: number, waiting = 4): Promise<number[]> {
  const at: number[] = [];
  let left = count;
  const sender = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const pass = await pacer.pass(never);
      pass.sent();
      at.push(performance.now());
    }
  };
  await Promise.all(Array.from({ length: waiting }, sender));
  return at;
}

/** How many left a second. */
export function perSecondOf(at: readonly number[]): number {
  const sorted = [...at].sort((a, b) => a - b);
  return ((sorted.length - 1) / ((sorted.at(-1) ?? 0) - (sorted[0] ?? 0))) * 1_000;
}

/** What every keeper of slots promises. `open` gives the ways of so many processes to one schedule. */
export function describeSlots(name: string, open: (processes: number) => Promise<readonly Slots[]>): void {
  describe(`slots ${name}`, () => {
    test('are no more than the rate in any sliding second, however many processes ask at once', async () => {
      const processes = await open(4);
      const scope = { name: 'corp:ww1', perSecond: 20 };
      const sent = await Promise.all(processes.map((slots) => sendMany(pacingOn(slots).pacer(scope), 12)));
      expect(sent.flat()).toHaveLength(48);
      expect(mostInASecond(sent.flat())).toBeLessThanOrEqual(20);
      expect(perSecondOf(sent.flat())).toBeGreaterThan(12);
    });

    test('use the rate up when one process asks', async () => {
      const [slots] = await open(1);
      if (slots === undefined) throw new Error('no process');
      const pacer = pacingOn(slots).pacer({ name: 'corp:ww1', perSecond: 10 });
      await sendMany(pacer, 3);
      const sent = await sendMany(pacer, 30, 8);
      expect(mostInASecond(sent)).toBeLessThanOrEqual(10);
      // A slot that a busy machine misses is lost; what an idle one reaches is measured by `npm run bench -- pace`.
      expect(perSecondOf(sent)).toBeGreaterThan(8.4);
    });

    test('keep within the rate of the address, over all corps and processes, and use it', async () => {
      const processes = await open(2);
      const address = { name: 'address:shared', perSecond: 40 };
      const sent = await Promise.all(
        processes.flatMap((slots) => {
          const pacing = pacingOn(slots, { address });
          return [1, 2, 3, 4].map((n) => sendMany(pacing.pacer({ name: `corp:ww${n}`, perSecond: 10 }), 12, 2));
        }),
      );
      expect(mostInASecond(sent.flat())).toBeLessThanOrEqual(40);
      expect(perSecondOf(sent.flat())).toBeGreaterThan(30);
      for (const n of [0, 1, 2, 3]) expect(mostInASecond(sent.filter((_, i) => i % 4 === n).flat())).toBeLessThanOrEqual(10);
    });

    test('let no slow corp hold up the others', async () => {
      const [one, other] = await open(2);
      if (one === undefined || other === undefined) throw new Error('no process');
      const slow = pacingOn(one).pacer({ name: 'corp:slow', perSecond: 0.5 });
      const slowly = sendMany(slow, 3, 2);
      const pacings = [pacingOn(one), pacingOn(other)];
      const quick = await Promise.all(pacings.map((pacing, n) => sendMany(pacing.pacer({ name: `corp:quick${n}`, perSecond: 20 }), 40)));
      for (const sent of quick) expect(perSecondOf(sent)).toBeGreaterThan(16);
      expect(mostInASecond(await slowly)).toBe(1);
    });

    test('are asked for in batches', async () => {
      const [slots] = await open(1);
      if (slots === undefined) throw new Error('no process');
      let asks = 0;
      const counted: Slots = { reserve: async (...question) => ((asks += 1), slots.reserve(...question)) };
      await sendMany(pacingOn(counted).pacer({ name: 'corp:ww1', perSecond: 20 }), 40, 12);
      expect(asks).toBeLessThanOrEqual(20);
    });
  });
}
