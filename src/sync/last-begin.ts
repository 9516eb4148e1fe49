import type { Records } from '../core/ports/records.ts';

/** When a run last began, of any corp and on any host: when one last passed its gate. null when none did. */
export async function readLastBegin(store: Records): Promise<Date | null> {
  const [latest] = [...(await store.corps())].sort((one, other) => (other.lastRunId ?? 0) - (one.lastRunId ?? 0));
  if (latest === undefined) return null;
  const [run] = await store.runs(latest.corp.id, 1);
  return run?.startedAt ?? null;
}
