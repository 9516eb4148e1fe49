import type { ChangeCounts, Corp, CorpOutcome } from '../model.ts';

/** A corp as the store knows it. */
export interface CorpRecord {
  readonly corp: Corp;
  readonly fence: number;
  readonly lastSuccessAt: Date | null;
  /** When its oldest run that is still known began; null once it has succeeded, and before any run. */
  readonly triedSince: Date | null;
  readonly lastRunId: number | null;
  readonly writerVersion: string | null;
  readonly memberCount: number;
  readonly departmentCount: number;
}

/** One row of `runs`. */
export interface RunRecord {
  readonly id: number;
  readonly corpId: string;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly outcome: Exclude<CorpOutcome, 'skipped'>;
  readonly requests: number;
  readonly counts: ChangeCounts;
  readonly host: string;
  readonly version: string;
  readonly error: string | null;
}

/** What is known of corps and of their runs. Throws as every part of the store does, see `Tables` in tables.ts. */
export interface Records {
  /** Every corp the store knows, by id. */
  corps(): Promise<readonly CorpRecord[]>;
  /** The latest `limit` runs of a corp, newest first; with `before`, of those that began before the run of this id. */
  runs(corpId: string, limit: number, before?: number): Promise<readonly RunRecord[]>;
}
