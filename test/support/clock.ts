import type { Clock } from '../../src/core/ports/system.ts';

/** A clock that moves only when told to. */
export interface TestClock extends Clock {
  /** Moves on by `ms`, ending the sleeps that are due one after the other, each at its moment. */
  advance(ms: number): Promise<void>;
  /** Moves on by `ms` at once, as a stopped process finds it when it wakes up: sleeps end only afterwards. */
  jump(ms: number): void;
  /** Sleeps that go on now. */
  readonly sleepers: number;
}

/** Creates a {@link TestClock}. `monotonic` starts at 0, `now` at `startedAt`. */
export function createTestClock(startedAt = Date.UTC(2026, 0, 1)): TestClock {
  let elapsed = 0;
  const sleeping = new Set<{ readonly until: number; readonly wake: () => void }>();

  const advance = async (ms: number): Promise<void> => {
    const end = elapsed + ms;
    for (;;) {
      await settle();
      const next = [...sleeping].sort((a, b) => a.until - b.until).find(({ until }) => until <= end);
      if (next === undefined) break;
      sleeping.delete(next);
      elapsed = Math.max(elapsed, next.until);
      next.wake();
    }
    elapsed = Math.max(elapsed, end);
  };

  return {
    now: () => startedAt + elapsed,
    monotonic: () => elapsed,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(reasonOf(signal));
          return;
        }
        const onAbort = (): void => {
          sleeping.delete(sleeper);
          if (signal !== undefined) reject(reasonOf(signal));
        };
        const wake = (): void => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        };
        const sleeper = { until: elapsed + Math.max(ms, 0), wake };
        sleeping.add(sleeper);
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    advance,
    jump(ms) {
      elapsed += ms;
    },
    get sleepers() {
      return sleeping.size;
    },
  };
}

/** A clock on which every sleep is over at once, and time has passed all the same: for pauses that nobody has to sit through. */
export function createHastyClock(): Clock {
  let elapsed = 0;
  return {
    now: () => elapsed,
    monotonic: () => elapsed,
    sleep: async (ms, signal) => {
      await settle();
      signal?.throwIfAborted();
      elapsed += ms;
    },
  };
}

/** Lets everything run that waits for nothing but promises. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}
