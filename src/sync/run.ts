import { OrgsyncError } from '../errors.ts';
import { shutBy } from '../core/gate.ts';
import type { Gate } from '../core/gate.ts';
import type { Corp } from '../core/model.ts';
import { exitCode, runOutcome } from '../core/outcome.ts';
import type { CorpResult, EndedRun } from '../core/outcome.ts';
import type { Clock, Directory, Holder, Lease, Leases, Log, Store, Writer } from '../core/ports.ts';
import { isStale } from '../core/freshness.ts';
import { inShard } from '../core/shard.ts';
import type { Shard } from '../core/shard.ts';
import { runCorp } from './attempt.ts';
import type { AttemptDeps } from './attempt.ts';
import { acquireWithin, deadline } from './patience.ts';

/** What the caller wants of a run. Durations in milliseconds. */
export interface RunRequest {
  /** All corps of the configuration, or those named by hand: then only their own leases are taken. */
  readonly corps: readonly Corp[];
  readonly named: boolean;
  readonly shard?: Shard;
  /** Compare only: a plan. */
  readonly dryRun: boolean;
  readonly allowDepartures: boolean;
  readonly ignoreGate: boolean;
  readonly waitMs: number;
  readonly maxRunMs?: number;
}

/** What a run works with. */
export interface RunDeps extends Omit<AttemptDeps, 'signal' | 'mode' | 'allowDepartures' | 'directory' | 'waitMs'> {
  /** Opened only by whoever has the lease: most processes end without it. */
  readonly openDirectory: () => Promise<Directory>;
  /** A whole run has the lease and begins its work. */
  readonly onStart: () => void;
  readonly leases: Leases;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly writer: Writer;
  readonly gate: Gate;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readOnly: boolean;
  readonly fair: boolean;
  readonly parallelCorps: number;
  readonly staleAfterMs: number;
  readonly signal: AbortSignal;
}

/** What a run did, and the code its process should end with unless a signal stopped it. */
export interface RunReport extends EndedRun {
  /** One line for people about a run that did nothing; null when there is nothing to say. */
  readonly note: string | null;
  /** Who holds the run lease, when that is why nothing was done. */
  readonly holder: Holder | null;
}

/**
 * One run: gate, tables, lease, then the corps side by side.
 *
 * A run that has nothing to do here (gate shut, read-only, lease held elsewhere) reports `skipped`; exit code 0, or 75
 * when the lease is held and the last success is older than `staleAfterMs`. Rejects only when no corp could be tried
 * at all: store or lease service unreachable, tables missing.
 */
export async function run(request: RunRequest, deps: RunDeps): Promise<RunReport> {
  const startedAt = new Date(deps.clock.now());
  const report = (ended: Ended): RunReport => ({ note: null, holder: null, reason: null, ...ended, startedAt, finishedAt: new Date(deps.clock.now()) });
  const unfit = reasonToStay(request, deps);
  if (unfit !== null) return report({ ...SKIPPED, ...unfit });
  await deps.store.ensureReady();
  const corps = request.corps.filter(({ id }) => request.shard === undefined || inShard(id, request.shard));
  if (request.named || request.dryRun) return report(await runCorps(corps, request, deps, null));
  const acquired = await acquireWithin(deps, leaseName(request.shard), request.waitMs);
  if (acquired.is === 'held') return report(await stoodBack(acquired.by, deps));
  try {
    deps.onStart();
    return report(await runCorps(corps, request, deps, acquired.lease));
  } finally {
    await acquired.lease.release();
  }
}

type Ended = Pick<RunReport, 'outcome' | 'exitCode' | 'corps'> & Partial<Pick<RunReport, 'reason' | 'note' | 'holder'>>;

const SKIPPED = { outcome: 'skipped', exitCode: 0, corps: [] } as const;

function leaseName(shard: Shard | undefined): string {
  return shard === undefined ? 'run' : `run:${shard.index}/${shard.of}`;
}

/** Why this is no place to run, with what to do about it. A plan writes nothing, so any place will do. */
function reasonToStay({ ignoreGate, dryRun }: RunRequest, { gate, env, readOnly }: RunDeps): Pick<RunReport, 'reason' | 'note'> | null {
  if (dryRun) return null;
  const [shut] = ignoreGate ? [] : shutBy(gate, env);
  if (shut !== undefined) {
    const found = shut.found === undefined ? 'is not set' : `is ${shut.found}`;
    return { reason: 'gate', note: `nothing done: ${shut.name} ${found}, a run wants ${shut.accepted.join(' or ')} (set it, or use --ignore-gate)` };
  }
  if (readOnly) return { reason: 'read_only', note: 'nothing done: the store is read-only (read_only or ORGSYNC_READ_ONLY); orgsync plan shows what a run would change' };
  return null;
}

/** Silence means health: whoever finds the lease taken looks whether its holder gets anything done. */
async function stoodBack(holder: Holder | null, { store, clock, staleAfterMs, log }: RunDeps): Promise<Ended> {
  const successes = (await store.corps()).flatMap(({ lastSuccessAt }) => (lastSuccessAt === null ? [] : [lastSuccessAt.getTime()]));
  const lastSuccessAt = successes.length === 0 ? null : Math.max(...successes);
  const who = holder === null ? 'another process' : `${holder.host} (pid ${holder.pid})`;
  log('info', 'run_skipped', `the run lease is held by ${who}`, { reason: 'lock' });
  const skipped = { ...SKIPPED, reason: 'lock', holder } as const;
  if (lastSuccessAt === null || !isStale({ lastSuccessAt, now: clock.now() }, staleAfterMs)) return { ...skipped, note: `nothing done: the run lease is held by ${who}` };
  const since = new Date(lastSuccessAt).toISOString();
  throw new OrgsyncError('temporary', {
    code: 'stale_behind_lease',
    message: `no success since ${since}, and the run lease is held by ${who}`,
    hint: 'see what that process does: orgsync status',
  });
}

/** Syncs the corps, so many at a time; one corp's trouble changes nothing for the others. */
async function runCorps(corps: readonly Corp[], request: RunRequest, deps: RunDeps, lease: Lease | null): Promise<Ended> {
  const limit = deadline(request.maxRunMs, deps.clock);
  const signals = [deps.signal, limit.signal, ...(lease === null ? [] : [lease.signal])];
  const signal = AbortSignal.any(signals);
  const mode = request.dryRun ? 'compare' : 'commit';
  const directory = await deps.openDirectory();
  const { allowDepartures, waitMs } = request;
  const attempt = { ...deps, directory, signal, mode, allowDepartures, waitMs } as const;
  const results: CorpResult[] = [];
  const queue = corps.entries();
  const worker = async (): Promise<void> => {
    for (const [index, corp] of queue) results[index] = await runCorp(corp, attempt);
  };
  await Promise.all(Array.from({ length: Math.min(deps.parallelCorps, corps.length) }, worker));
  limit.cancel();
  return { outcome: runOutcome(results), exitCode: exitCode(results), corps: results, reason: runOutcome(results) === 'skipped' ? 'lock' : null };
}
