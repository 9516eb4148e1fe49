import type { CorpRecord } from './ports/records.ts';

/** The times by which {@link isStale} decides, in milliseconds since 1970. */
export interface Age {
  /** null when there was none. */
  readonly lastSuccessAt: number | null;
  /** When the first attempt began, if none has succeeded; null when there was no attempt: then nothing is stale. */
  readonly triedSince?: number | null;
  readonly now: number;
}

/** The stored times of a corp for {@link isStale}; a corp that is not in the store is not stale. */
export function ageOf(record: CorpRecord | undefined, now: number): Age {
  return { lastSuccessAt: record?.lastSuccessAt?.getTime() ?? null, triedSince: record?.triedSince?.getTime() ?? null, now };
}

/** When runs of any corp last began and succeeded, on any host; null when none did. */
export interface Activity {
  readonly lastBeganAt: Date | null;
  readonly lastSuccessAt: Date | null;
}

/** Whether the last success is older than `staleAfterMs`, or there was none in that time. A first load in progress is not stale. */
export function isStale({ lastSuccessAt, triedSince, now }: Age, staleAfterMs: number): boolean {
  const since = lastSuccessAt ?? triedSince ?? null;
  return since !== null && now - since > staleAfterMs;
}
