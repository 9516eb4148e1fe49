import { isStale } from '../../core/freshness.ts';
import type { Corp } from '../../core/model.ts';
import type { Coverage, PhoneMatch } from '../../core/ports/looking-up.ts';
import type { LiveStep } from './live.ts';

/**
 * Why a corp could not know a number.
 *
 * - `never_synced`: no run has succeeded
 * - `stale`: the last success is older than `alerts.stale_after`
 * - `no_mobiles`: its application is not shown the mobiles of members
 * - `members_unreadable`: its last run left out members who could not be read
 * - `holder_unreadable`: WeCom says which userid has the number, and shows no such member
 * - `quarantined`, `held`: runs leave it alone
 * - `not_configured`: somebody there has the number, and runs no longer read the corp
 */
export type WhyUnknown = 'never_synced' | 'stale' | 'no_mobiles' | 'members_unreadable' | 'holder_unreadable' | 'quarantined' | 'held' | 'not_configured';

/** A corp that could not know the number. */
export interface UnknownCorp {
  readonly corp: Corp;
  readonly why: WhyUnknown;
  /** null when there was none. */
  readonly lastSuccessAt: Date | null;
}

/** Decides which of `corps` the store cannot answer for. `now` in milliseconds since 1970. */
export function judgeCoverage(corps: readonly Corp[], coverage: readonly Coverage[], { now, staleAfterMs }: { readonly now: number; readonly staleAfterMs: number }): readonly UnknownCorp[] {
  const stored = new Map(coverage.map((one) => [one.corp.id.toLowerCase(), one]));
  return corps.flatMap((corp) => {
    const { lastSuccessAt = null, showsMobiles = false, leftOut = false } = stored.get(corp.id.toLowerCase()) ?? {};
    if (lastSuccessAt === null) return { corp, why: 'never_synced' as const, lastSuccessAt };
    if (!showsMobiles) return { corp, why: 'no_mobiles' as const, lastSuccessAt };
    if (isStale({ lastSuccessAt: lastSuccessAt.getTime(), now }, staleAfterMs)) return { corp, why: 'stale' as const, lastSuccessAt };
    return leftOut ? { corp, why: 'members_unreadable' as const, lastSuccessAt } : [];
  });
}

/** Leaves out the corps that WeCom has answered for, now or not long ago: its answer takes the place of the store's. Adds those where it names a holder whom it does not show. */
export function withAnswersOf(steps: readonly LiveStep[], unknown: readonly UnknownCorp[], coverage: readonly Coverage[]): readonly UnknownCorp[] {
  const answered = new Set(steps.flatMap(({ corp, is }) => (is === 'failed' || is === 'ration_spent' ? [] : corp.id.toLowerCase())));
  const unshown = steps.flatMap(({ corp, is }) => (is === 'unreadable' ? corp : []));
  return [...unknown.filter(({ corp }) => !answered.has(corp.id.toLowerCase())), ...withLastSuccess(unshown, 'holder_unreadable', coverage)];
}

/** The corps of current members that are no longer configured. */
export function findUnconfigured(matches: readonly (PhoneMatch & { readonly configured: boolean })[], coverage: readonly Coverage[]): readonly UnknownCorp[] {
  const found = new Map(matches.flatMap(({ corp, configured, departedAt }) => (configured || departedAt !== null ? [] : [[corp.id.toLowerCase(), corp] as const])));
  return withLastSuccess([...found.values()], 'not_configured', coverage);
}

function withLastSuccess(corps: readonly Corp[], why: WhyUnknown, coverage: readonly Coverage[]): readonly UnknownCorp[] {
  const lastSuccesses = new Map(coverage.map(({ corp, lastSuccessAt }) => [corp.id.toLowerCase(), lastSuccessAt]));
  return corps.map((corp) => ({ corp, why, lastSuccessAt: lastSuccesses.get(corp.id.toLowerCase()) ?? null }));
}
