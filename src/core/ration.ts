/** WeCom's days begin and end at midnight in China, which has no summer time. */
const SHANGHAI_AHEAD_MS = 8 * 3_600_000;

/** However small the corp: fewer than the about five misses after which small corps report to have been closed. */
export const SMALLEST_BUDGET = 3;

/**
 * How many wrong numbers a corp may be asked in one day. WeCom closes `user/getuserid` for the rest of the day when
 * more than 20 % of the corp's member limit were wrong (P95402); the limit is never below the number of members.
 * @param share of the members, 0 … 1
 */
export function rationBudget(memberCount: number, share: number): number {
  return Math.max(SMALLEST_BUDGET, Math.floor(memberCount * share));
}

/** The calendar day of WeCom's counting, `2026-03-01`. */
export function rationDay(nowMs: number): string {
  return new Date(nowMs + SHANGHAI_AHEAD_MS).toISOString().slice(0, 10);
}
