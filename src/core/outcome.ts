import { gravestExitCode } from '../errors.ts';
import type { ErrorKind, OrgsyncError } from '../errors.ts';
import type { ChangeCounts, ChangeSet, Corp, CorpOutcome } from './model.ts';

/** What a run did to one corp. */
export interface CorpResult {
  readonly corp: Corp;
  readonly outcome: CorpOutcome;
  /** Present after the run; where nothing was committed, as far as known. */
  readonly departments: number;
  readonly members: number;
  readonly counts: ChangeCounts;
  /** Sent to WeCom for this corp by this run. */
  readonly requests: number;
  readonly seconds: number;
  /** Why it is not `ok`; null when it is, or when another process holds the corp. */
  readonly error: OrgsyncError | null;
  /** Whom a held-back run would have dismissed, at most twenty. */
  readonly departing: readonly string[];
  /** What would be written: of a plan only. */
  readonly changes: ChangeSet | null;
  /** What departments are called after these changes, or were before, by id: of a plan only. */
  readonly departmentNames: ReadonlyMap<number, string>;
}

/** How a whole run ended. */
export type RunOutcome = 'ok' | 'partial' | 'failed' | 'held_back' | 'interrupted' | 'skipped';

/** Why a run did nothing, and was right to. */
type SkipReason = 'lock' | 'gate' | 'read_only';

/** Nothing changed. */
export const NO_CHANGES: ChangeCounts = { joined: 0, departed: 0, changed: 0, departmentsChanged: 0 };

/** The run's outcome, of its corps' outcomes. Corps that were skipped count for nothing unless all were. */
export function runOutcome(results: readonly CorpResult[]): RunOutcome {
  const outcomes = new Set(results.map(({ outcome }) => outcome).filter((outcome) => outcome !== 'skipped'));
  if (outcomes.has('interrupted')) return 'interrupted';
  if (outcomes.has('failed')) return outcomes.size > 1 ? 'partial' : 'failed';
  if (outcomes.has('held_back')) return 'held_back';
  return outcomes.size === 0 && results.length > 0 ? 'skipped' : 'ok';
}

/** The exit code of a run that no signal stopped: of the gravest kind of error that speaks for the whole run. */
export function exitCode(results: readonly CorpResult[]): number {
  const met = new Set(results.filter(({ outcome }) => outcome !== 'skipped').map(({ error }) => error?.kind));
  return gravestExitCode([...met].flatMap((kind) => (kind === undefined ? [] : kindOfRun(kind, met.size === 1))));
}

/** What one corp's error is to the whole run. A refusal, and a service out of reach, may concern this corp alone. */
function kindOfRun(kind: ErrorKind, ofAllCorps: boolean): ErrorKind {
  if (kind === 'usage') return 'failed';
  return (kind === 'refused' || kind === 'unavailable') && !ofAllCorps ? 'failed' : kind;
}

/** A run that has ended, as those hear of it who tell people: metrics and alerts. */
export interface EndedRun {
  readonly outcome: RunOutcome;
  readonly reason: SkipReason | null;
  readonly exitCode: number;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly corps: readonly CorpResult[];
}
