import { gravestExitCode } from '../errors.ts';
import type { ErrorKind, OrgsyncError } from '../errors.ts';
import type { ChangeCounts, ChangeSet, Corp, CorpOutcome, Unreadable } from './model.ts';

/** What a run did to one corp. */
export interface CorpResult {
  readonly corp: Corp;
  readonly outcome: CorpOutcome;
  /** The number after the run; the last known one when nothing was committed. */
  readonly departments: number;
  readonly members: number;
  /** What was written. */
  readonly counts: ChangeCounts;
  /** What a held-back run would have written. */
  readonly wouldChange?: ChangeCounts;
  /** The number of requests that this run sent to WeCom for this corp. */
  readonly requests: number;
  readonly seconds: number;
  /** Why it is not `ok`, or, with `ok`, what could not be written; null otherwise, and when another process holds the corp. */
  readonly error: OrgsyncError | null;
  /** Where members departed: what hints at the visible range instead. */
  readonly rangeHints?: readonly string[];
  /** What WeCom listed and could not be read. */
  readonly unreadable: Unreadable;
  /** Whom a held-back run would have dismissed, at most twenty. */
  readonly departing: readonly string[];
  /** What would be written; only for a plan. */
  readonly changes: ChangeSet | null;
  /** The names of departments by id, after these changes, or before for removed ones; only for a plan. */
  readonly departmentNames: ReadonlyMap<number, string>;
}

/** How a whole run ended. */
export type RunOutcome = 'ok' | 'partial' | 'failed' | 'held_back' | 'interrupted' | 'skipped';

/** Why a run correctly did nothing. */
type SkipReason = 'lock' | 'gate' | 'read_only';

/** Nothing changed. */
export const NO_CHANGES: ChangeCounts = { joined: 0, departed: 0, changed: 0, departmentsChanged: 0 };

/** The run's outcome, from the outcomes of its corps. Skipped corps count only when all corps were skipped. */
export function runOutcome(results: readonly CorpResult[]): RunOutcome {
  const outcomes = new Set(results.map(({ outcome }) => outcome).filter((outcome) => outcome !== 'skipped'));
  if (outcomes.has('interrupted')) return 'interrupted';
  if (outcomes.has('failed')) return outcomes.size > 1 ? 'partial' : 'failed';
  if (outcomes.has('held_back')) return 'held_back';
  if (results.some(({ outcome, error }) => outcome === 'ok' && error !== null)) return 'partial';
  return outcomes.size === 0 && results.length > 0 ? 'skipped' : 'ok';
}

/** The exit code of a run that no signal stopped: the one of the gravest error that concerns the whole run. */
export function exitCode(results: readonly CorpResult[]): number {
  const met = new Set(results.filter(({ outcome }) => outcome !== 'skipped').map(({ error }) => error?.kind));
  return gravestExitCode([...met].flatMap((kind) => (kind === undefined ? [] : kindOfRun(kind, met.size === 1))));
}

/** The kind of a corp's error for the whole run. A refusal or an unreachable service may concern only this corp. */
function kindOfRun(kind: ErrorKind, ofAllCorps: boolean): ErrorKind {
  if (kind === 'usage') return 'failed';
  return (kind === 'refused' || kind === 'unavailable') && !ofAllCorps ? 'failed' : kind;
}

/** A run that has ended, as metrics and alerts get it. */
export interface EndedRun {
  readonly outcome: RunOutcome;
  readonly reason: SkipReason | null;
  /** Why nothing was done, in one clause; null when something was. */
  readonly why: string | null;
  readonly exitCode: number;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly corps: readonly CorpResult[];
}
