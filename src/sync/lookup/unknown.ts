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
 * - `quarantined`, `held`: runs leave it alone
 * - `not_configured`: somebody there has the number, and runs no longer read the corp
 */
export type WhyUnknown = 'never_synced' | 'stale' | 'no_mobiles' | 'quarantined' | 'held' | 'not_configured';

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
    const { lastSuccessAt = null, showsMobiles = false } = stored.get(corp.id.toLowerCase()) ?? {};
    if (lastSuccessAt === null) return { corp, why: 'never_synced' as const, lastSuccessAt };
    if (!showsMobiles) return { corp, why: 'no_mobiles' as const, lastSuccessAt };
    return isStale({ lastSuccessAt: lastSuccessAt.getTime(), now }, staleAfterMs) ? { corp, why: 'stale' as const, lastSuccessAt } : [];
  });
}

/** The corps that WeCom has answered for, now or not long ago: its answer takes the place of the store's. */
export function answeredFor(steps: readonly LiveStep[]): ReadonlySet<string> {
  return new Set(steps.flatMap(({ corp, is }) => (is === 'found' || is === 'nobody' || is === 'known_wrong' ? corp.id.toLowerCase() : [])));
}

/** The corps of current members that are no longer configured. */
export function findUnconfigured(matches: readonly (PhoneMatch & { readonly configured: boolean })[], coverage: readonly Coverage[]): readonly UnknownCorp[] {
  const found = new Map(matches.flatMap(({ corp, configured, departedAt }) => (configured || departedAt !== null ? [] : [[corp.id.toLowerCase(), corp] as const])));
  const lastSuccesses = new Map(coverage.map(({ corp, lastSuccessAt }) => [corp.id.toLowerCase(), lastSuccessAt]));
  return [...found].map(([key, corp]) => ({ corp, why: 'not_configured', lastSuccessAt: lastSuccesses.get(key) ?? null }));
}
