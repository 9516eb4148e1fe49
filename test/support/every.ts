import { expect } from 'vitest';

const DAY_MS = 86_400_000;

/** Set to `1`, as in .ci/run: every case of every enumeration. */
const ALL = process.env['ORGSYNC_TEST_ALL_CASES'] === '1';

/** Where samples begin: another place every day, or the one of a run that failed. */
const SEED = Number(process.env['ORGSYNC_TEST_SEED'] ?? Math.floor(Date.now() / DAY_MS));

/**
 * Turns "for some n" into "for every n": calls `act` with n from 1 on. `act` returns undefined when there was an n-th,
 * and how many there are when there was none. Where not all cases are asked for, every `step`-th is tried, and the last.
 * Prints how many of how many were tried, and returns it. Throws after `most`: an `act` that never says so is a test that is wrong.
 */
export async function forEveryNth(act: (n: number) => Promise<number | undefined>, { step = 1, most = 500 }: { readonly step?: number; readonly most?: number } = {}): Promise<{ readonly tried: number; readonly of: number }> {
  const stride = ALL ? 1 : step;
  let [tried, last] = [0, 0];
  for (let n = firstOf(stride); n <= most; n += stride) {
    const of = await act(n);
    if (of === undefined) {
      tried += 1;
      last = n;
      continue;
    }
    if (last < of && (await act(of)) === undefined) tried += 1;
    tell(tried, of, stride);
    return { tried, of };
  }
  throw new Error(`still going on after ${most}`);
}

/** The cases of a list that are tried: all where they are asked for, or else every `step`-th. Prints how many of how many. */
export function sampleOf<T>(cases: readonly T[], step: number): readonly T[] {
  const stride = ALL ? 1 : step;
  const sample = cases.filter((_, index) => (index + 1) % stride === firstOf(stride) % stride);
  tell(sample.length, cases.length, stride);
  return sample;
}

/** The first, the middle and the last of `count`. */
export function endsAndMiddle(count: number): readonly number[] {
  return [...new Set([1, Math.ceil(count / 2), count])];
}

function firstOf(stride: number): number {
  return 1 + (SEED % stride);
}

function tell(tried: number, of: number, stride: number): void {
  const again = stride === 1 ? '' : ` (one of each ${stride}: ORGSYNC_TEST_SEED=${SEED} tries the same, ORGSYNC_TEST_ALL_CASES=1 all)`;
  process.stdout.write(`${tried} of ${of} cases${again}: ${expect.getState().currentTestName ?? ''}\n`);
}
