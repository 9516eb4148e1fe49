import { OrgsyncError, WecomError } from '../errors.ts';
import { countChanges, diff } from '../core/diff.ts';
import type { Before, ChangeCounts, ChangeSet, Corp, Gap, Snapshot } from '../core/model.ts';
import type { Directory } from '../core/ports/directory.ts';
import type { Lease } from '../core/ports/leases.ts';
import type { Fence, Organisations } from '../core/ports/writing.ts';
import type { Log } from '../core/ports/system.ts';
import { judge } from '../core/safety.ts';
import type { SafetyLimits, Verdict } from '../core/safety.ts';
import { assemble } from '../core/snapshot.ts';
import { confirmAbsent } from './absent.ts';

/** What reading and comparing one corp needs. */
export interface CompareDeps {
  readonly directory: Directory;
  readonly store: Organisations;
  readonly limits: SafetyLimits;
  readonly allowDepartures: boolean;
  readonly region: string;
  /** Aborts everything; requests stop within a second. */
  readonly signal: AbortSignal;
  readonly onStep: (step: CorpStep) => void;
}

/** What writing it needs as well. */
export interface SyncDeps extends CompareDeps {
  readonly lease: Pick<Lease, 'ensureHeld'>;
  readonly fence: Fence;
  readonly log: Log;
}

/** Where a corp's sync has come to. */
export type CorpStep =
  | { readonly at: 'reading'; readonly done: number; readonly total: number }
  | { readonly at: 'confirming'; readonly done: number; readonly total: number }
  | { readonly at: 'comparing' }
  | { readonly at: 'writing' };

/** What became of a corp that was read. */
export interface Synced {
  readonly verdict: Verdict;
  readonly counts: ChangeCounts;
  readonly members: number;
  readonly departments: number;
}

/** A corp compared with the store: what a plan shows, and what a run commits. */
export interface Compared {
  readonly snapshot: Snapshot;
  readonly before: Before;
  readonly changes: ChangeSet;
  readonly verdict: Verdict;
}

/**
 * Makes the store hold what WeCom shows of one corp, or leaves it as it was.
 *
 * Throws OrgsyncError when the corp could not be read whole, or not be written; nothing is written then. Being held back
 * by a safety limit is not an error but a verdict; nothing is written then either.
 */
export async function syncCorp(corp: Corp, deps: SyncDeps): Promise<Synced> {
  const { store, directory, lease, fence, log, signal, onStep } = deps;
  const { snapshot, changes, verdict } = await compareCorp(corp, deps);
  const seen = { verdict, counts: countChanges(changes), members: snapshot.members.size, departments: snapshot.departments.size };
  if (verdict.heldBack) return seen;
  onStep({ at: 'writing' });
  log('debug', 'corp_writing', `${corp.name}: writing`, { corp: corp.id, ...seen.counts });
  signal.throwIfAborted();
  lease.ensureHeld();
  const committed = await store.commit(fence, changes, { requests: directory.requestsSent(corp) });
  return { verdict, counts: committed.counts, members: committed.memberCount, departments: committed.departmentCount };
}

/** Reads, assembles, compares and judges one corp, and writes nothing. Throws as {@link syncCorp} does. */
export async function compareCorp(corp: Corp, deps: CompareDeps): Promise<Compared> {
  const { store, directory, limits, allowDepartures, region, signal, onStep } = deps;
  const progress = { onDepartments: (done: number, total: number) => onStep({ at: 'reading', done, total }) };
  const walked = assemble(await directory.read(corp, { signal, progress }));
  if (!walked.whole) throw incomplete(walked.gaps);
  onStep({ at: 'comparing' });
  const before = await store.readBefore(corp, walked.snapshot);
  const snapshot = await confirmAbsent(corp, walked.snapshot, before, deps);
  const changes = diff(before, snapshot, region);
  return { snapshot, before, changes, verdict: judge({ changes, before, snapshot }, limits, allowDepartures) };
}

/** An incomplete reading never becomes a departure: the corp fails, its data stays. */
function incomplete(gaps: readonly Gap[]): OrgsyncError {
  const [first] = gaps;
  const more = gaps.length > 1 ? ` (and ${gaps.length - 1} more)` : '';
  const facts = {
    code: 'incomplete' as const,
    message: `WeCom did not show all of it: ${first?.what ?? 'unknown'}: ${first?.why ?? 'unknown'}${more}`,
    hint: 'nothing was changed; the next run reads it again. If this stays, run: orgsync doctor',
  };
  if (first?.errcode === undefined) return new OrgsyncError('failed', facts);
  return new WecomError('failed', { ...facts, errcode: first.errcode, request: first.request ?? 'unknown' });
}
