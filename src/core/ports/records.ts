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

/** One ended run, or the ended runs of a day together. */
export interface RunPoint {
  /** When the run began, in ISO 8601; of a day, the date only. UTC. */
  readonly at: string;
  readonly runs: number;
  /** How many of them did not succeed. */
  readonly troubled: number;
  /** The duration of the longest one. */
  readonly seconds: number;
  readonly requests: number;
  readonly joined: number;
  readonly departed: number;
  readonly changed: number;
}

/** The stored corps and their runs. Throws like every part of the store, see `Tables` in tables.ts. */
export interface Records {
  /** All corps in the store, by id. */
  corps(): Promise<readonly CorpRecord[]>;
  /** The latest `limit` runs of a corp, newest first. */
  runs(corpId: string, limit: number): Promise<readonly RunRecord[]>;
  /** A point for each day with ended runs of a corp that began at `since` or later, the oldest day first. */
  runDays(corpId: string, since: Date): Promise<readonly RunPoint[]>;
}
