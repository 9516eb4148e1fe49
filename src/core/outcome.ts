import { EXIT_CODES } from '../errors.ts';
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

/** Kinds that speak for the whole run as soon as one corp met them, gravest first. */
const GRAVE: readonly ErrorKind[] = ['config'];
/** Kinds that speak for the whole run only when every corp met them. */
const COMMON: readonly ErrorKind[] = ['refused', 'unavailable'];

/** The exit code of a run that was not stopped by a signal: the gravest of what happened (78 > 77 > 69 > 70 > 75 > 1 > 3 > 0). */
export function exitCode(results: readonly CorpResult[]): number {
  const tried = results.filter(({ outcome }) => outcome !== 'skipped');
  const kinds = new Set(tried.map(({ error }) => error?.kind));
  const first = [
    ...GRAVE.filter((kind) => kinds.has(kind)),
    ...COMMON.filter((kind) => kinds.has(kind) && kinds.size === 1),
    ...(['defect', 'temporary'] as const).filter((kind) => kinds.has(kind)),
  ][0];
  if (first !== undefined) return EXIT_CODES[first];
  if (tried.some(({ outcome }) => outcome === 'interrupted')) return EXIT_CODES.temporary;
  if (tried.some(({ outcome }) => outcome === 'failed')) return EXIT_CODES.failed;
  if (tried.some(({ outcome }) => outcome === 'held_back')) return EXIT_CODES.held_back;
  return 0;
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
