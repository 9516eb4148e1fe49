import type { CorpRecord } from './ports/records.ts';

/** How long a success is due, seen from `now`: in milliseconds since 1970. */
export interface Age {
  /** null when there never was one. */
  readonly lastSuccessAt: number | null;
  /** When the first attempt began, where none has succeeded; without it nothing is due. */
  readonly triedSince?: number | null;
  readonly now: number;
}

/** What the store knows of a corp, as {@link isStale} takes it; nothing is due of a corp that it has never heard of. */
export function ageOf(record: CorpRecord | undefined, now: number): Age {
  return { lastSuccessAt: record?.lastSuccessAt?.getTime() ?? null, triedSince: record?.triedSince?.getTime() ?? null, now };
}

/** Whether the last success is older than `staleAfterMs`, or was never had in that time. A first load that is still under way is not stale. */
export function isStale({ lastSuccessAt, triedSince, now }: Age, staleAfterMs: number): boolean {
  const since = lastSuccessAt ?? triedSince ?? null;
  return since !== null && now - since > staleAfterMs;
}
