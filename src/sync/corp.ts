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

export interface CompareDeps {
  readonly directory: Directory;
  readonly store: Organisations;
  readonly limits: SafetyLimits;
  readonly allowDepartures: boolean;
  /** The fence of the run; missing for a plan, which writes nothing. */
  readonly fence?: Fence;
  readonly region: string;
  /** Aborts the corp; requests stop within a second. */
  readonly signal: AbortSignal;
  readonly onStep: (step: CorpStep) => void;
}

export interface SyncDeps extends CompareDeps {
  readonly lease: Pick<Lease, 'ensureHeld'>;
  readonly fence: Fence;
  readonly log: Log;
}

/** The progress of a corp's sync. */
export type CorpStep =
  | { readonly at: 'reading'; readonly done: number; readonly total: number }
  | { readonly at: 'confirming'; readonly done: number; readonly total: number }
  | { readonly at: 'comparing' }
  | { readonly at: 'writing' };

/** The result of a corp that was read. */
export interface Synced {
  readonly verdict: Verdict;
  readonly counts: ChangeCounts;
  readonly members: number;
  readonly departments: number;
  /** Names the members who could not be read; null when all could. */
  readonly unreadable: OrgsyncError | null;
}

/** The comparison of a corp with the store: a plan shows it, a run commits it. */
export interface Compared {
  readonly snapshot: Snapshot;
  readonly before: Before;
  readonly changes: ChangeSet;
  readonly verdict: Verdict;
  /** Names the members who could not be read; null when all could. */
  readonly unreadable: OrgsyncError | null;
}

/**
 * Makes the store equal to what WeCom shows of one corp, or leaves it unchanged.
 *
 * Throws OrgsyncError when the corp could not be read completely, or could not be written; then nothing is written. When a
 * safety limit holds the corp back, nothing is written either, but that is a verdict and not an error. A member without a
 * usable userid is named in the result; the others are written, and nobody departs.
 */
export async function syncCorp(corp: Corp, deps: SyncDeps): Promise<Synced> {
  const { store, directory, lease, fence, log, signal, onStep } = deps;
  const { snapshot, changes, verdict, unreadable } = await compareCorp(corp, deps);
  const seen = { verdict, counts: countChanges(changes), members: snapshot.members.size, departments: snapshot.departments.size, unreadable };
  if (verdict.heldBack) return seen;
  onStep({ at: 'writing' });
  log('debug', 'corp_writing', `${corp.name}: writing`, { corp: corp.id, ...seen.counts });
  signal.throwIfAborted();
  lease.ensureHeld();
  const committed = await store.commit(fence, changes, { requests: directory.requestsSent(corp), error: unreadable?.message ?? null });
  return { verdict, counts: committed.counts, members: committed.memberCount, departments: committed.departmentCount, unreadable };
}

/** Reads, assembles, compares and judges one corp, and writes nothing. Throws as {@link syncCorp} does. */
export async function compareCorp(corp: Corp, deps: CompareDeps): Promise<Compared> {
  const { store, directory, limits, allowDepartures, fence, region, signal, onStep } = deps;
  const progress = { onDepartments: (done: number, total: number) => onStep({ at: 'reading', done, total }) };
  const walked = assemble(await directory.read(corp, { signal, progress }));
  if (!walked.whole) throw incomplete(walked.gaps);
  onStep({ at: 'comparing' });
  const before = await store.readBefore(corp, walked.snapshot, fence);
  const snapshot = walked.unreadable.length > 0 ? walked.snapshot : await confirmAbsent(corp, walked.snapshot, before, deps);
  const changes = diff(before, snapshot, region);
  return { snapshot, before, changes, verdict: judge({ changes, before, snapshot }, limits, allowDepartures), unreadable: unreadableError(walked.unreadable) };
}

/** The error for a reading with gaps. It is not compared with the store, so nobody departs because of a gap. */
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

/** How many unreadable members are named. */
const NAMED = 5;

function unreadableError(names: readonly string[]): OrgsyncError | null {
  if (names.length === 0) return null;
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  return new OrgsyncError('failed', {
    code: 'members_unreadable',
    message: `members without a usable userid were left out: ${names.slice(0, NAMED).join(', ')}${more}. The others were read; nobody departs meanwhile`,
    hint: 'give them a userid (账号) of letters, digits and - _ . @ in the WeCom console',
  });
}
