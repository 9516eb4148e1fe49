import type { Activity } from '../core/freshness.ts';
import type { Records } from '../core/ports/records.ts';

/** Reads when runs last began and succeeded, of any corp and on any host. */
export async function readActivity(store: Records): Promise<Activity> {
  const corps = await store.corps();
  const [latest] = [...corps].sort((one, other) => (other.lastRunId ?? 0) - (one.lastRunId ?? 0));
  const [run] = latest === undefined ? [] : await store.runs(latest.corp.id, 1);
  const successes = corps.flatMap(({ lastSuccessAt }) => (lastSuccessAt === null ? [] : [lastSuccessAt.getTime()]));
  return { lastBeganAt: run?.startedAt ?? null, lastSuccessAt: successes.length === 0 ? null : new Date(Math.max(...successes)) };
}
