import { countOf } from '../core/count.ts';
import { EXIT_CODES, Interrupted, OrgsyncError } from '../errors.ts';
import { idleHere } from '../core/gate.ts';
import type { Gate } from '../core/gate.ts';
import type { ChangeCounts, Corp } from '../core/model.ts';
import { exitCode as exitCodeOfRun, runOutcome } from '../core/outcome.ts';
import type { CorpResult, EndedRun } from '../core/outcome.ts';
import type { Directory } from '../core/ports/directory.ts';
import type { Holder } from '../core/ports/leases.ts';
import type { CorpRecord, Records } from '../core/ports/records.ts';
import type { Log } from '../core/ports/system.ts';
import { ageOf, isStale } from '../core/freshness.ts';
import { inParallel } from '../core/parallel.ts';
import type { Parallel } from '../core/parallel.ts';
import { inShard } from '../core/shard.ts';
import type { Shard } from '../core/shard.ts';
import { runCorp } from './attempt.ts';
import type { CommonDeps } from './attempt.ts';
import { acquireWithin, deadline } from './time-limits.ts';

/** The options of a run. Durations in milliseconds. */
export interface RunRequest {
  /** Returns all configured corps, or those named by hand. Called only when the run may begin, because it may read the store. */
  readonly corps: () => Promise<readonly Corp[]>;
  /** Whether the corps were named by hand. Then only the corps' own leases are taken. */
  readonly named: boolean;
  readonly shard?: Shard;
  /** Whether this is a plan, which only compares. */
  readonly dryRun: boolean;
  readonly allowDepartures: boolean;
  readonly ignoreGate: boolean;
  readonly waitMs: number;
  readonly maxRunMs?: number;
}

export interface RunDeps extends CommonDeps {
  /** Called once, when the process has the lease: most processes end without it. */
  readonly openDirectory: () => Promise<Directory>;
  /** Called when a whole run has the lease and begins. */
  readonly onStart: () => void;
  readonly gate: Gate;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readOnly: boolean;
  readonly fair: boolean;
  readonly parallel: Parallel;
  readonly staleAfterMs: number;
}

/** The result of a run. */
export interface RunReport extends EndedRun {
  /** One line for people when the run did nothing: why, and what to do; else null. */
  readonly note: string | null;
  /** The holder of the run lease, when that is why nothing was done. */
  readonly holder: Holder | null;
  /** Set when another process has the lease, and the corps' last success is too old. */
  readonly stale: OrgsyncError | null;
}

/**
 * Runs: checks the gate and the tables, takes the lease, then syncs the corps in parallel.
 *
 * A run that has nothing to do here (gate closed, read-only, lease held by another process) reports `skipped` with exit code
 * 0, or 75 when the lease is held and the last success is older than `staleAfterMs`. A signal's exit code takes precedence.
 * Rejects only when no corp could be tried: store or lease service unreachable, tables missing, or stopped before it had
 * the lease.
 */
export async function run(request: RunRequest, deps: RunDeps): Promise<RunReport> {
  const startedAt = new Date(deps.clock.now());
  const limit = deadline(request.maxRunMs, deps.clock);
  try {
    const ended = await attemptRun(request, { ...deps, signal: AbortSignal.any([deps.signal, limit.signal]) });
    const stop: unknown = deps.signal.reason;
    const exitCode = stop instanceof Interrupted ? stop.exitCode : ended.exitCode;
    const report = { note: null, holder: null, reason: null, why: null, stale: null, ...ended, exitCode, startedAt, finishedAt: new Date(deps.clock.now()) };
    logRun(report, deps.log);
    return report;
  } finally {
    limit.cancel();
  }
}

async function attemptRun(request: RunRequest, deps: RunDeps): Promise<Ended> {
  const unfit = reasonToSkip(request, deps);
  if (unfit !== null) return { ...SKIPPED, ...unfit };
  await deps.store.ensureReady();
  // A plan takes no lease. Where the leases are is the pace as well: if it cannot be reached, the first request would wait as long as a lease lasts.
  if (request.dryRun) await deps.leases.holders();
  if (request.named || request.dryRun) return await runCorps(await corpsOf(request), request, deps);
  const { shard } = request;
  const name = shard === undefined ? 'run' : `run:${shard.index}/${shard.of}`;
  const acquired = await acquireWithin(deps, name, request.waitMs);
  if (acquired.is === 'held') return await standBack(await corpsOf(request), { lease: 'the run lease', by: acquired.by }, deps);
  const { lease } = acquired;
  try {
    deps.onStart();
    return await runCorps(await corpsOf(request), request, { ...deps, signal: AbortSignal.any([deps.signal, lease.signal]) });
  } finally {
    await lease.release();
  }
}

type Ended = Pick<RunReport, 'outcome' | 'exitCode' | 'corps'> & Partial<Pick<RunReport, 'reason' | 'why' | 'note' | 'holder' | 'stale'>>;

async function corpsOf({ corps, shard }: RunRequest): Promise<readonly Corp[]> {
  const all = await corps();
  return shard === undefined ? all : all.filter(({ id }) => inShard(id, shard));
}

const SKIPPED = { outcome: 'skipped', exitCode: 0, corps: [] } as const;

/** Returns why a run must not work here, and what to do about it. A plan writes nothing, so it works everywhere. */
function reasonToSkip({ ignoreGate, dryRun }: RunRequest, { gate, env, readOnly }: RunDeps): Pick<RunReport, 'reason' | 'why' | 'note'> | null {
  const idle = dryRun ? null : idleHere({ gate: ignoreGate ? {} : gate, env, readOnly });
  return idle === null ? null : { ...idle, note: `nothing done: ${idle.why} (${SKIP_HINTS[idle.reason]})` };
}

const SKIP_HINTS = {
  gate: 'set it where runs are started, or use --ignore-gate once',
  read_only: 'orgsync plan shows what a run would change',
} as const;

/** What another process has. */
interface Held {
  readonly lease: string;
  readonly by: Holder | null;
}

/** Ends a run that did not get the lease. It checks whether the holder makes progress: if all corps are stale, it reports that. */
async function standBack(corps: readonly Corp[], { lease, by }: Held, deps: RunDeps): Promise<Ended> {
  const why = `${lease} is held by ${by === null ? 'another process' : `${by.host} (pid ${by.pid})`}`;
  const stale = await staleBehind(why, corps, deps);
  return { ...SKIPPED, reason: 'lock', why, holder: by, ...(stale === null ? { note: `nothing done: ${why}` } : { stale, exitCode: EXIT_CODES.temporary }) };
}

async function staleBehind(why: string, corps: readonly Corp[], { store, clock, staleAfterMs }: RunDeps): Promise<OrgsyncError | null> {
  const wanted = new Set(corps.map(({ id }) => id.toLowerCase()));
  const ages = (await store.corps()).filter(({ corp }) => wanted.has(corp.id.toLowerCase())).map((record) => ageOf(record, clock.now()));
  if (ages.length === 0 || !ages.every((age) => isStale(age, staleAfterMs))) return null;
  const since = Math.max(...ages.map(({ lastSuccessAt, triedSince }) => lastSuccessAt ?? triedSince ?? 0));
  return new OrgsyncError('temporary', {
    code: 'stale_behind_lease',
    message: `no success since ${new Date(since).toISOString()}, and ${why}`,
    hint: 'see what that process does: orgsync status',
  });
}

/** Syncs the corps, several at a time. An error of one corp does not affect the others. */
async function runCorps(corps: readonly Corp[], request: RunRequest, deps: RunDeps): Promise<Ended> {
  const mode = request.dryRun ? 'compare' : 'commit';
  deps.log('info', 'run_started', `${mode === 'compare' ? 'a plan' : 'a run'} of ${countOf(corps.length, 'corp')} begins`, { corps: corps.length });
  deps.watch.onCorps(corps);
  // Loading the WeCom adapter takes as long as reading the store and asking for the first leases together.
  const directory = deps.openDirectory();
  directory.catch(() => undefined);
  const records = await readRecords(deps.store);
  const { allowDepartures, waitMs } = request;
  const sizeOf = ({ id }: Corp): Pick<CorpResult, 'members' | 'departments'> => {
    const { memberCount = 0, departmentCount = 0 } = records.get(id.toLowerCase()) ?? {};
    return { members: memberCount, departments: departmentCount };
  };
  const attempt = { ...deps, directory, mode, allowDepartures, waitMs, sizeOf } as const;
  const ended = new Map<Corp, CorpResult>();
  await inParallel(sortByLastRun(corps, records), deps.parallel, {
    membersOf: (corp) => sizeOf(corp).members,
    work: async (corp) => void ended.set(corp, await runCorp(corp, attempt)),
  });
  await directory;
  const results = corps.flatMap((corp) => ended.get(corp) ?? []);
  if (runOutcome(results) === 'skipped') return { ...(await standBack(corps, { lease: 'the lease of each corp', by: null }, deps)), corps: results };
  const why = corps.length > 0 ? null : 'no corp belongs to this shard';
  return { outcome: runOutcome(results), exitCode: exitCodeOfRun(results), corps: results, why, note: why === null ? null : `nothing done: ${why}` };
}

/** The stored corps, by id in lower case. */
async function readRecords(store: Records): Promise<ReadonlyMap<string, CorpRecord>> {
  return new Map((await store.corps()).map((record) => [record.corp.id.toLowerCase(), record]));
}

/** Sorts the corps: those whose last run is oldest come first. So every corp gets its turn, even if runs are always stopped early. */
function sortByLastRun(corps: readonly Corp[], records: ReadonlyMap<string, CorpRecord>): readonly Corp[] {
  const lastRun = ({ id }: Corp): number => records.get(id.toLowerCase())?.lastRunId ?? 0;
  return [...corps].sort((one, other) => lastRun(one) - lastRun(other));
}

function logRun({ outcome, reason, exitCode: code, note, stale, corps, startedAt, finishedAt }: RunReport, log: Log): void {
  const seconds = (finishedAt.getTime() - startedAt.getTime()) / 1000;
  if (stale !== null) log('warn', 'run_stale', stale.message, { code: stale.code, exit_code: code });
  else if (outcome === 'skipped') log(reason === 'lock' ? 'info' : 'debug', 'run_skipped', note ?? 'nothing done', { reason });
  else log(code === 0 ? 'info' : 'error', 'run_ended', `${countOf(corps.length, 'corp')}: ${outcome}`, { outcome, exit_code: code, seconds, corps: corps.length, ...totals(corps) });
}

function totals(corps: readonly CorpResult[]): ChangeCounts & { readonly requests: number } {
  const sum = (of: (result: CorpResult) => number): number => corps.reduce((total, result) => total + of(result), 0);
  return {
    joined: sum(({ counts }) => counts.joined),
    departed: sum(({ counts }) => counts.departed),
    changed: sum(({ counts }) => counts.changed),
    departmentsChanged: sum(({ counts }) => counts.departmentsChanged),
    requests: sum(({ requests }) => requests),
  };
}
