import { asOrgsyncError } from '../errors.ts';
import type { OrgsyncError } from '../errors.ts';
import type { Idle } from '../core/gate.ts';
import type { Corp } from '../core/model.ts';
import type { Holder, Leases } from '../core/ports/leases.ts';
import type { Records } from '../core/ports/records.ts';
import type { ReplicaState } from '../core/ports/replica.ts';
import type { Tables } from '../core/ports/tables.ts';
import type { Clock } from '../core/ports/system.ts';
import { idleFor, judgeCorp, worstHealth } from '../core/status.ts';
import type { CorpFacts, CorpStatus, Health, LeaseView } from '../core/status.ts';

/** What {@link readStatus} needs. It only reads. */
export interface StatusDeps {
  readonly store: Tables & Records;
  readonly leases: Pick<Leases, 'holders'>;
  /** How the replica that is read compares with the store; null without one. */
  readonly replica?: Promise<ReplicaState | null>;
  readonly clock: Clock;
  /** The configured corps. */
  readonly corps: readonly Corp[];
  readonly maxAgeMs: number;
  /** Why a run that is started like this process does nothing; null when it works. */
  readonly idleHere?: Idle | null;
  /** Whether to leave out corps that are only in the store. */
  readonly onlyConfigured?: boolean;
}

/** The health of all corps, and the holders of the leases. */
export interface Status {
  readonly at: Date;
  readonly maxAgeMs: number;
  readonly health: Health;
  /** The configured corps in their order, then those that are only in the store. */
  readonly corps: readonly CorpStatus[];
  /** null when the leases could not be read. */
  readonly holders: readonly Holder[] | null;
  /** Why the leases could not be read; this alone is a warning. */
  readonly leasesError: OrgsyncError | null;
  /** Unless it is current, this alone is a warning. */
  readonly replica: ReplicaState | null;
  /** For how long no run has begun on any host, when that is too long; else null. Then a success is too old as well. */
  readonly idleMs: number | null;
  /** Why a run that is started like this process does nothing; null when it works. */
  readonly idleHere: string | null;
}

/** How many of a corp's latest runs are shown. */
const TREND = 20;
/** How many corps' runs are read at the same time. */
const ABREAST = 4;

/** Reads the status. Rejects when the store cannot be read; an error of the leases is part of the answer. */
export async function readStatus({ store, leases, replica = Promise.resolve(null), clock, corps, maxAgeMs, idleHere = null, onlyConfigured = false }: StatusDeps): Promise<Status> {
  await store.ensureReady();
  const [facts, held, state] = await Promise.all([readFacts(store, corps, onlyConfigured), askHolders(leases), replica]);
  const view: LeaseView = held.holders === null ? { known: false, why: held.error.message } : { known: true, holders: held.holders };
  const now = clock.now();
  const judged = facts.map((one) => judgeCorp(one, { now, maxAgeMs, leases: view }));
  const healths = judged.filter(({ configured }) => configured).map(({ health }) => health);
  const isDoubtful = held.error !== null || (state !== null && state.is !== 'current');
  return {
    at: new Date(now),
    maxAgeMs,
    health: worstHealth(isDoubtful ? [...healths, 'warning'] : healths),
    corps: judged,
    holders: held.holders,
    leasesError: held.error,
    replica: state,
    idleMs: idleFor(judged.filter(({ configured }) => configured), { now, maxAgeMs }),
    idleHere: idleHere?.why ?? null,
  };
}

async function readFacts(store: StatusDeps['store'], corps: readonly Corp[], onlyConfigured: boolean): Promise<readonly CorpFacts[]> {
  const records = new Map((await store.corps()).map((record) => [record.corp.id.toLowerCase(), record]));
  const known: Omit<CorpFacts, 'runs'>[] = corps.map((corp) => ({ corp, configured: true, record: records.get(corp.id.toLowerCase()) }));
  for (const corp of corps) records.delete(corp.id.toLowerCase());
  for (const record of onlyConfigured ? [] : records.values()) known.push({ corp: record.corp, configured: false, record });
  const facts: CorpFacts[] = [];
  const queue = known.entries();
  const worker = async (): Promise<void> => {
    for (const [index, one] of queue) facts[index] = { ...one, runs: one.record === undefined ? [] : await store.runs(one.corp.id, TREND) };
  };
  await Promise.all(Array.from({ length: ABREAST }, worker));
  return facts;
}

type Held = { readonly holders: readonly Holder[]; readonly error: null } | { readonly holders: null; readonly error: OrgsyncError };

async function askHolders(leases: StatusDeps['leases']): Promise<Held> {
  try {
    return { holders: await leases.holders(), error: null };
  } catch (thrown) {
    const error = asOrgsyncError(thrown);
    if (error.kind === 'defect') throw thrown;
    return { holders: null, error };
  }
}
