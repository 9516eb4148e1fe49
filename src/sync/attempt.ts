import { OrgsyncError, asOrgsyncError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { countChanges } from '../core/diff.ts';
import { NOTHING_UNREADABLE } from '../core/model.ts';
import type { Corp, SeenDepartment, StoredDepartment, Unreadable } from '../core/model.ts';
import { NO_CHANGES } from '../core/outcome.ts';
import type { CorpResult } from '../core/outcome.ts';
import type { Directory } from '../core/ports/directory.ts';
import type { Lease, Leases } from '../core/ports/leases.ts';
import type { Records } from '../core/ports/records.ts';
import type { Clock, Log } from '../core/ports/system.ts';
import type { Tables } from '../core/ports/tables.ts';
import type { Fence, Organisations, Writer } from '../core/ports/writing.ts';
import type { SafetyLimits, Verdict } from '../core/safety.ts';
import { compareCorp, syncCorp, unreadableError } from './corp.ts';
import type { CompareDeps, CorpStep } from './corp.ts';
import { acquireWithin } from './time-limits.ts';

/** What a run and its attempts at corps share. */
export interface CommonDeps {
  readonly store: Tables & Records & Organisations;
  readonly leases: Leases;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly log: Log;
  /** The country of phone numbers without a country code, such as `CN`. */
  readonly region: string;
  readonly limitsOf: (corp: Corp) => SafetyLimits;
  /** Throws the error of a corp whose configuration is unusable. */
  readonly ensureUsable: (corp: Corp) => void;
  readonly watch: RunWatch;
  /** Aborts the run; requests stop within a second. */
  readonly signal: AbortSignal;
}

export interface AttemptDeps extends CommonDeps {
  /** Opened for this run, or being opened: meanwhile the corp's lease is asked for. */
  readonly directory: Promise<Directory>;
  /** `compare` for a plan, `commit` for a run. */
  readonly mode: 'compare' | 'commit';
  readonly allowDepartures: boolean;
  /** The stored size of a corp when the run began. */
  readonly sizeOf: (corp: Corp) => Pick<CorpResult, 'members' | 'departments'>;
  /** How long to wait for a corp's lease that another process has, in milliseconds. */
  readonly waitMs: number;
}

/** Receives the progress of each corp, for progress bars. */
export interface RunWatch {
  /** The run begins with these corps. */
  onCorps(corps: readonly Corp[]): void;
  onStep(corp: Corp, step: CorpStep): void;
  onEnd(result: CorpResult): void;
}

/**
 * Syncs one corp under its own lease, and returns the result. Never rejects, so that an error of one corp does not affect the
 * others. A corp whose lease another process has is skipped. Every attempt that reached the store has a row in `runs`. A plan
 * writes nothing, so it needs no lease.
 */
export async function runCorp(corp: Corp, deps: AttemptDeps): Promise<CorpResult> {
  const beganAt = deps.clock.monotonic();
  const { runId, ...ended } = await underLease(corp, deps);
  // If it could not be opened, the run reports this error.
  const directory = await deps.directory.catch(() => undefined);
  const result: CorpResult = {
    corp,
    ...deps.sizeOf(corp),
    counts: NO_CHANGES,
    error: null,
    unreadable: NOTHING_UNREADABLE,
    departing: [],
    changes: null,
    departmentNames: new Map(),
    ...ended,
    requests: directory?.requestsSent(corp) ?? 0,
    seconds: Math.round(deps.clock.monotonic() - beganAt) / 1000,
  };
  logEnd(result, runId, deps.log);
  deps.watch.onEnd(result);
  return result;
}

type Ended = Pick<CorpResult, 'outcome'> & Partial<CorpResult> & { readonly runId?: number };

type OpenDeps = Omit<AttemptDeps, 'directory'> & { readonly directory: Directory };

async function underLease(corp: Corp, deps: AttemptDeps): Promise<Ended> {
  let lease: Lease | null = null;
  try {
    deps.signal.throwIfAborted();
    deps.ensureUsable(corp);
    if (deps.mode === 'compare') return await plan(corp, { ...deps, directory: await deps.directory });
    const acquired = await acquireWithin({ ...deps, fair: false }, `corp:${corp.id}`, deps.waitMs);
    if (acquired.is === 'held') return { outcome: 'skipped' };
    lease = acquired.lease;
    return await commit(corp, lease, { ...deps, directory: await deps.directory, signal: AbortSignal.any([deps.signal, lease.signal]) });
  } catch (error) {
    return endFailed(error, deps.signal);
  } finally {
    await lease?.release();
  }
}

async function plan(corp: Corp, deps: OpenDeps): Promise<Ended> {
  const { snapshot, before, changes, verdict, unreadable, rangeHints } = await compareCorp(corp, withLimits(corp, deps));
  const departmentNames = namesOf([...before.departments.values(), ...snapshot.departments.values()]);
  const seen = { counts: countChanges(changes), members: snapshot.members.size, departments: snapshot.departments.size, changes, departmentNames, unreadable, rangeHints };
  return verdict.heldBack ? { ...seen, ...endHeldBack(verdict, unreadable) } : { ...seen, outcome: 'ok', error: unreadableError(unreadable) };
}

/** Names by department id. When a department is given twice, the later name counts. */
function namesOf(departments: readonly (SeenDepartment | StoredDepartment)[]): ReadonlyMap<number, string> {
  return new Map(departments.flatMap(({ id, name = null }) => (name === null ? [] : [[id, name] as const])));
}

async function commit(corp: Corp, lease: Lease, deps: OpenDeps): Promise<Ended> {
  const fence = await deps.store.begin(corp, deps.writer);
  const { runId } = fence;
  deps.log('info', 'corp_started', `${corp.name}: begun`, { corp: corp.id, run_id: runId });
  const spent = (): number => deps.directory.requestsSent(corp);
  try {
    const { verdict, unreadable, ...seen } = await syncCorp(corp, { ...withLimits(corp, deps), lease, fence });
    if (!verdict.heldBack) return { ...seen, outcome: 'ok', error: unreadableError(unreadable), unreadable, runId };
    const ended = endHeldBack(verdict, unreadable);
    await deps.store.finish(fence, { outcome: 'held_back', requests: spent(), error: ended.error.message });
    return { ...ended, unreadable, wouldChange: seen.counts, runId };
  } catch (error) {
    const ended = endFailed(lossOf(lease) ?? error, deps.signal);
    await finishQuietly(fence, { ...ended, requests: spent() }, deps);
    return { ...ended, runId };
  }
}

function withLimits(corp: Corp, deps: OpenDeps): CompareDeps & Pick<AttemptDeps, 'log'> {
  return { ...deps, limits: deps.limitsOf(corp), onStep: (step) => deps.watch.onStep(corp, step) };
}

function endHeldBack(verdict: Extract<Verdict, { heldBack: true }>, unreadable: Unreadable): Pick<CorpResult, 'outcome' | 'departing'> & { readonly error: OrgsyncError } {
  const unread = unreadableError(unreadable);
  const error = new OrgsyncError('held_back', {
    code: 'safety_limit',
    message: `held back: ${[...verdict.reasons, ...(unread === null ? [] : [unread.message])].join('; ')}`,
    hint: 'look at all of it with orgsync plan --allow-departures; if it is meant, run once with --allow-departures',
  });
  return { outcome: 'held_back', error, departing: verdict.departing };
}

/** Returns why the lease is lost, or undefined. In a process that was stopped, other timers may fire before the lease's own: their errors are only a consequence. */
function lossOf(lease: Lease): unknown {
  try {
    lease.ensureHeld();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Turns a thrown value into an outcome. After an abort, the error is the signal's reason, because what was thrown is only a consequence. */
function endFailed(thrown: unknown, signal: AbortSignal): { readonly outcome: 'failed' | 'interrupted'; readonly error: OrgsyncError } {
  const error = asOrgsyncError(signal.aborted ? signal.reason : thrown);
  return { outcome: error.kind === 'temporary' && INTERRUPTIONS.has(error.code) ? 'interrupted' : 'failed', error };
}

/** Errors that stopped a corp from outside, so that they say nothing about the corp. */
const INTERRUPTIONS: ReadonlySet<ErrorCode> = new Set(['lease_lost', 'fenced_off', 'deadline_reached', 'stopped_by_signal']);

/** Closes the row in `runs`. If that fails, it only logs a warning, so that the corp's own error is reported. */
async function finishQuietly(
  fence: Fence,
  { outcome, error, requests }: { readonly outcome: 'failed' | 'interrupted'; readonly error: OrgsyncError; readonly requests: number },
  { store, log }: CommonDeps,
): Promise<void> {
  try {
    await store.finish(fence, { outcome, requests, error: error.message });
  } catch (second) {
    log('warn', 'run_row_not_closed', 'the run could not be closed in the store', { corp: fence.corp.id, error: asOrgsyncError(second).code });
  }
}

function logEnd({ corp, outcome, counts, members, departments, requests, seconds, error, unreadable }: CorpResult, runId: number | undefined, log: Log): void {
  const unread = unreadable.members.length + unreadable.departments.length === 0 ? {} : { unreadable };
  const facts = { corp: corp.id, run_id: runId, outcome, ...counts, members, departments, requests, seconds, ...unread };
  if (error === null) log('info', `corp_${outcome}`, `${corp.name}: ${outcome}`, facts);
  else log('error', `corp_${outcome}`, `${corp.name}: ${error.message}`, { ...facts, code: error.code });
}
