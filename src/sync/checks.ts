import { asOrgsyncError, gravestExitCode, OrgsyncError } from '../errors.ts';
import { describeAccepted, describeFound, idleHere, shutBy } from '../core/gate.ts';
import type { Gate } from '../core/gate.ts';
import type { Corp } from '../core/model.ts';
import { formatNames, reportFailure, reportOk } from '../core/finding.ts';
import type { Finding } from '../core/finding.ts';
import type { Directory } from '../core/ports/directory.ts';
import type { Leases } from '../core/ports/leases.ts';
import type { Organisations } from '../core/ports/writing.ts';
import type { Clock } from '../core/ports/system.ts';
import { formatAge } from '../core/status.ts';

export interface CheckDeps {
  readonly config: { readonly path: string; readonly warnings: readonly { readonly message: string; readonly fix: string }[]; readonly gate: Gate; readonly readOnly: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly inspectStore: () => Promise<readonly Finding[]>;
  /** null when Redis is not configured. */
  readonly inspectRedis: (() => Promise<readonly Finding[]>) | null;
  readonly inspectMetrics: () => Promise<readonly Finding[]>;
  readonly leases: Pick<Leases, 'holders'>;
  readonly corps: () => Promise<readonly Corp[]>;
  /** The refusals of a run of this process. */
  readonly refusals: () => ReturnType<Organisations['refusals']>;
  readonly probe: Directory['probe'];
  readonly signal: AbortSignal;
}

/** A finding, with the corp that it concerns. */
export type Diagnosis = Finding & { readonly corp: Corp | null };

interface Check {
  readonly title: string;
  readonly find: (deps: CheckDeps) => Promise<readonly Finding[]> | readonly Finding[];
}

const STORE = 'store';
const LEASES = 'leases';

/** Where the leases are is the schedule of requests as well. Without it nothing may be sent, and a request would wait as long as a lease lasts. */
const NOT_ASKED: Finding = {
  title: 'WeCom is asked',
  result: 'warning',
  detail: 'no: processes agree on their pace where the leases are, which cannot be used now',
  fix: 'correct that first, then run orgsync doctor again',
};

/** The checks before those of the corps. A failure can be the cause of the failures after it. */
const CHECKS: readonly Check[] = [
  { title: 'configuration', find: checkConfig },
  { title: 'gate', find: checkGate },
  { title: STORE, find: ({ inspectStore }) => inspectStore() },
  { title: 'Redis', find: ({ inspectRedis }) => inspectRedis?.() ?? [reportOk('Redis', 'none: leases, pace and tokens are kept by the store and this process')] },
  { title: LEASES, find: checkLeases },
  { title: 'metrics', find: ({ inspectMetrics }) => inspectMetrics() },
];

/** Runs all checks, and yields one finding after the other. Errors become findings; only `signal.reason` and defects are thrown. */
export async function* diagnose(deps: CheckDeps): AsyncGenerator<Diagnosis> {
  const failed = new Set<string>();
  for (const { title, find } of CHECKS) {
    const findings = await attempt(title, deps.signal, async () => find(deps));
    for (const finding of findings) yield { ...finding, corp: null };
    if (findings.some(({ result }) => result === 'failed')) failed.add(title);
  }
  let corps: readonly Corp[] = [];
  const listed = await attempt('the corps are known', deps.signal, async () => {
    corps = await deps.corps();
    return [reportOk('the corps are known', `${corps.length}`)];
  });
  for (const finding of listed) yield { ...finding, corp: null };
  const written = failed.has(STORE) ? [] : await attempt('runs may write the corps', deps.signal, () => checkWriter(deps, corps));
  for (const finding of written) yield { ...finding, corp: null };
  const isShared = !failed.has(LEASES);
  if (!isShared && corps.length > 0) yield { ...NOT_ASKED, corp: null };
  for (const corp of isShared ? corps : []) {
    for (const finding of await attempt('WeCom', deps.signal, () => deps.probe(corp, deps.signal))) yield { ...finding, corp };
  }
}

/** Returns the exit code of the gravest failure; 0 when nothing failed. */
export function diagnosisExitCode(findings: readonly Finding[]): number {
  return gravestExitCode(findings.flatMap((finding) => (finding.result === 'failed' ? finding.kind : [])));
}

async function attempt(title: string, signal: AbortSignal, find: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  signal.throwIfAborted();
  try {
    return await find();
  } catch (thrown) {
    signal.throwIfAborted();
    const error = asOrgsyncError(thrown);
    if (error.kind === 'defect') throw thrown;
    return [reportFailure(title, error)];
  }
}

function checkConfig({ config }: CheckDeps): readonly Finding[] {
  const warnings = config.warnings.map(({ message, fix }): Finding => ({ title: 'the configuration is safe', result: 'warning', detail: message, fix }));
  return [reportOk('the configuration is valid', config.path), ...warnings];
}

function checkGate({ config, env }: CheckDeps): readonly Finding[] {
  const readOnly: Finding = { title: 'runs write here', result: 'warning', detail: 'no: read_only, or ORGSYNC_READ_ONLY', fix: 'take it away where runs should write' };
  const shut = shutBy(config.gate, env).map(({ name, accepted, found }): Finding => ({
    title: 'the gate is open here',
    result: 'warning',
    detail: `no: ${name} ${describeFound(found)}, so a run does nothing`,
    fix: `set ${name} to ${describeAccepted(accepted)} where it should run; orgsync run --ignore-gate runs once`,
  }));
  const gate = shut.length > 0 ? shut : [reportOk('the gate is open here', Object.keys(config.gate).length === 0 ? 'yes: there is no gate' : 'yes')];
  return config.readOnly ? [...gate, readOnly] : gate;
}

/** What the store would refuse at the start of a run: one finding for all corps that are alike. Where no run begins, there is nothing to say. */
async function checkWriter({ config, env, refusals }: CheckDeps, corps: readonly Corp[]): Promise<readonly Finding[]> {
  if (idleHere({ gate: config.gate, env, readOnly: config.readOnly }) !== null) return [];
  const alike = new Map<string, { readonly error: OrgsyncError; readonly names: string[] }>();
  const refused = await refusals().catch((error: unknown) => {
    // The finding of the store has said so.
    if (asOrgsyncError(error).kind !== 'defect') return new Map<string, OrgsyncError>();
    throw error;
  });
  for (const { id, name } of corps) {
    const error = refused.get(id.toLowerCase());
    if (error === undefined) continue;
    const group = alike.get(error.message) ?? { error, names: [] };
    group.names.push(name);
    alike.set(error.message, group);
  }
  return [...alike.values()].map(({ error: { kind, message, hint = '' }, names }) => reportFailure('runs may write the corps', { kind, message: `${formatNames(names)}: ${message}`, hint }));
}

async function checkLeases({ leases, clock }: CheckDeps): Promise<readonly Finding[]> {
  const title = 'leases can be asked for';
  const holders = await leases.holders().catch((error: unknown) => {
    // The finding of the store has said so, and what to do about it.
    if (error instanceof OrgsyncError && (error.code === 'store_missing' || error.code === 'tables_missing')) return null;
    throw error;
  });
  if (holders === null) return [reportOk(title, 'none is held: the store has no tables yet')];
  const held = holders.map(({ name, host, pid, since }) => `${name} by ${host} (pid ${pid}) for ${formatAge(Math.max(0, clock.now() - since.getTime()))}`);
  return [reportOk(title, held.length === 0 ? 'none is held' : `held: ${held.join(', ')}`)];
}
