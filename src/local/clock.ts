import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../core/ports/system.ts';

/** The longest timer of Node.js; a longer one would end at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    try {
      for (let leftMs = ms; leftMs >= 0; leftMs -= LONGEST_MS) await sleep(Math.min(leftMs, LONGEST_MS), undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
};
