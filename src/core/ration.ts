/** WeCom's day begins at midnight in China, which has no summer time. */
const SHANGHAI_AHEAD_MS = 8 * 3_600_000;

/** For the smallest corps. Small corps report that WeCom blocked them after about five wrong numbers. */
export const SMALLEST_BUDGET = 3;

/**
 * How many wrong numbers may be sent for a corp in one day. WeCom closes `user/getuserid` for the rest of the day when
 * more than 20 % of the corp's member limit were wrong (P95402); this limit is at least the number of members.
 * @param share of the members, 0 … 1
 */
export function rationBudget(memberCount: number, share: number): number {
  return Math.max(SMALLEST_BUDGET, Math.floor(memberCount * share));
}

/** The calendar day by which WeCom counts, such as `2026-03-01`. */
export function rationDay(nowMs: number): string {
  return new Date(nowMs + SHANGHAI_AHEAD_MS).toISOString().slice(0, 10);
}
