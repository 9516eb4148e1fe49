/** The most moments (milliseconds, in any order) that lie within one second of each other: the window is half open. */
export function mostInASecond(moments: readonly number[]): number {
  const sorted = [...moments].sort((a, b) => a - b);
  let most = 0;
  let first = 0;
  for (const [index, moment] of sorted.entries()) {
    while (moment - (sorted[first] ?? moment) >= 1_000) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}
