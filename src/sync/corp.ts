import { OrgsyncError, WecomError } from '../errors.ts';
import { countChanges, diff } from '../core/diff.ts';
import type { Before, ChangeCounts, ChangeSet, Corp, Gap, Snapshot, Unreadable } from '../core/model.ts';
import type { Directory } from '../core/ports/directory.ts';
import type { Lease } from '../core/ports/leases.ts';
import type { Fence, Organisations } from '../core/ports/writing.ts';
import type { Log } from '../core/ports/system.ts';
import { judge } from '../core/safety.ts';
import type { SafetyLimits, Verdict } from '../core/safety.ts';
import { assemble } from '../core/snapshot.ts';
import { explainRange } from '../core/visible-range.ts';
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
  readonly rangeHints: readonly string[];
  readonly verdict: Verdict;
  readonly counts: ChangeCounts;
  readonly members: number;
  readonly departments: number;
  readonly unreadable: Unreadable;
}

/** The comparison of a corp with the store: a plan shows it, a run commits it. */
export interface Compared {
  readonly snapshot: Snapshot;
  readonly before: Before;
  readonly changes: ChangeSet;
  readonly verdict: Verdict;
  /** Where members depart: what hints at the visible range instead. A verdict that holds the corp back says so itself. */
  readonly rangeHints: readonly string[];
  readonly unreadable: Unreadable;
}

/**
 * Makes the store equal to what WeCom shows of one corp, or leaves it unchanged.
 *
 * Throws OrgsyncError when the corp could not be read completely, or could not be written; then nothing is written. When a
 * safety limit holds the corp back, nothing is written either, but that is a verdict and not an error. A member or department
 * without a usable id is named in the result; the others are written, and nobody departs.
 */
export async function syncCorp(corp: Corp, deps: SyncDeps): Promise<Synced> {
  const { store, directory, lease, fence, log, signal, onStep } = deps;
  const { snapshot, changes, verdict, unreadable, rangeHints } = await compareCorp(corp, deps);
  const seen = { verdict, rangeHints, counts: countChanges(changes), members: snapshot.members.size, departments: snapshot.departments.size, unreadable };
  if (verdict.heldBack) return seen;
  if (rangeHints.length > 0) log('warn', 'range_shrunk', `${corp.name}: members depart, and ${rangeHints.join('; ')}`, { corp: corp.id });
  onStep({ at: 'writing' });
  log('debug', 'corp_writing', `${corp.name}: writing`, { corp: corp.id, ...seen.counts });
  signal.throwIfAborted();
  lease.ensureHeld();
  const committed = await store.commit(fence, changes, { requests: directory.requestsSent(corp), error: unreadableError(unreadable)?.message ?? null });
  return { ...seen, counts: committed.counts, members: committed.memberCount, departments: committed.departmentCount };
}

/** Reads, assembles, compares and judges one corp, and writes nothing. Throws as {@link syncCorp} does. */
export async function compareCorp(corp: Corp, deps: CompareDeps): Promise<Compared> {
  const { store, directory, limits, allowDepartures, fence, region, signal, onStep } = deps;
  const progress = { onDepartments: (done: number, total: number) => onStep({ at: 'reading', done, total }) };
  const walked = assemble(await directory.read(corp, { signal, progress }));
  if (!walked.whole) throw incomplete(walked.gaps);
  onStep({ at: 'comparing' });
  const before = await store.readBefore(corp, walked.snapshot, fence);
  const { unreadable } = walked;
  const isComplete = unreadable.members.length + unreadable.departments.length === 0;
  const snapshot = isComplete ? await confirmAbsent(corp, walked.snapshot, before, deps) : walked.snapshot;
  const changes = diff(before, snapshot, region);
  const verdict = judge({ changes, before, snapshot }, limits, allowDepartures);
  const departs = !verdict.heldBack && changes.members.some(({ action }) => action === 'departed');
  return { snapshot, before, changes, verdict, rangeHints: departs ? explainRange({ changes, before, snapshot }) : [], unreadable };
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

/** How many unreadable members, and how many departments, are named; the log names all. */
const NAMED = 20;

/** The error that names what could not be read; null when all could. */
export function unreadableError({ members, departments }: Unreadable): OrgsyncError | null {
  if (members.length + departments.length === 0) return null;
  const parts = [
    ...(members.length > 0 ? [`members without a usable userid were left out: ${listNames(members)}`] : []),
    ...(departments.length > 0 ? [`departments without a usable id were left out, and who is in them was not read: ${listNames(departments)}`] : []),
  ];
  return new OrgsyncError('failed', {
    code: members.length > 0 ? 'members_unreadable' : 'departments_unreadable',
    message: `${parts.join('; ')}. The others were read; nobody departs meanwhile`,
    hint: members.length > 0 ? 'give them a userid (账号) of letters, digits and - _ . @ in the WeCom console' : 'see what stands between here and WeCom: its ids of departments are numbers from 1 to 4294967295',
  });
}

function listNames(names: readonly string[]): string {
  const more = names.length - NAMED;
  return `${names.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
