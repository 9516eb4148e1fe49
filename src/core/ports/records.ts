import type { ChangeCounts, Corp, CorpOutcome } from '../model.ts';

/** A corp in the store. */
export interface CorpRecord {
  readonly corp: Corp;
  readonly fence: number;
  readonly lastSuccessAt: Date | null;
  /** When its oldest stored run began; null before any run and after a success. */
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

/** The stored corps and their runs. Throws like every part of the store, see `Tables` in tables.ts. */
export interface Records {
  /** All corps in the store, by id. */
  corps(): Promise<readonly CorpRecord[]>;
  /** The latest `limit` runs of a corp, newest first; with `before`, only runs that began before the run with this id. */
  runs(corpId: string, limit: number, before?: number): Promise<readonly RunRecord[]>;
}
