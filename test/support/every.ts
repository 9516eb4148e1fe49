/**
 * Turns "for some n" into "for every n": calls `act` with 1, 2, 3, … until it returns false, which says that there was
 * no n-th any more. Returns how many there were. Throws after `most`: an `act` that never says so is a test that is wrong.
 */
export async function forEveryNth(act: (n: number) => Promise<boolean>, most = 500): Promise<number> {
  for (let n = 1; n <= most; n += 1) if (!(await act(n))) return n - 1;
  throw new Error(`still going on after ${most}`);
}

/** The first, the middle and the last of `count`. */
export function endsAndMiddle(count: number): readonly number[] {
  return [...new Set([1, Math.ceil(count / 2), count])];
}
