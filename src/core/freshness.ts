/** When a store last saw a success, seen from `now`: both in milliseconds since 1970; null when there never was one. */
export interface Age {
  readonly lastSuccessAt: number | null;
  readonly now: number;
}

/** Whether the last success is older than `staleAfterMs`. A first load that is still under way is not stale. */
export function isStale({ lastSuccessAt, now }: Age, staleAfterMs: number): boolean {
  return lastSuccessAt !== null && now - lastSuccessAt > staleAfterMs;
}
