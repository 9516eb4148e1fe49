import { countOf } from './count.ts';
import { lostFields } from './lost-fields.ts';
import type { Before, ChangeSet, Snapshot } from './model.ts';
import { findUnaccounted } from './snapshot.ts';
import { explainRange } from './visible-range.ts';

/** A limit as a share of the existing ones (0.1 is 10 %), or as a number. */
export type Limit = { readonly share: number } | { readonly count: number };

/** What a run may do to one corp without --allow-departures. */
export interface SafetyLimits {
  readonly maxDepartures: Limit;
  readonly maxDepartmentRemovals: Limit;
  /** A snapshot with fewer members is not applied. */
  readonly minMembers: number;
}

/** Whether a change set may be written; if not, the reasons as sentences for the person who decides. */
export type Verdict =
  | { readonly heldBack: false }
  | { readonly heldBack: true; readonly reasons: readonly string[]; readonly departing: readonly string[] };

/** The smallest allowance from a share: a share of a small corp would be zero, and three departures are never a disaster. */
const FLOOR = 3;
/** How many departing members are named. */
const NAMED = 20;

/** How many of `total` a limit allows. Shares are rounded down, but are at least three. */
export function allowance(limit: Limit, total: number): number {
  return 'count' in limit ? limit.count : Math.max(FLOOR, Math.floor(limit.share * total));
}

/**
 * Compares a change set with the limits. A first load has no departures, so only `minMembers` can hold it back.
 * @param allowDepartures from --allow-departures: departures, removals and lost fields are then allowed
 */
export function judge(
  { changes, before, snapshot }: { readonly changes: ChangeSet; readonly before: Before; readonly snapshot: Snapshot },
  limits: SafetyLimits,
  allowDepartures: boolean,
): Verdict {
  const departing = changes.members.filter(({ action }) => action === 'departed');
  const reasons = [
    ...tooFew(snapshot, limits),
    ...(allowDepartures ? [] : [
      ...tooMany('members', 'depart', departing.length, before.memberCount, limits.maxDepartures).map((reason) => reason + explainUnasked(before, snapshot)),
      ...noDepartments(before, snapshot),
      ...tooMany('departments', 'be removed', removals(changes), before.departmentCount, limits.maxDepartmentRemovals),
      ...lostFields({ changes, before, snapshot }),
    ]),
  ];
  if (reasons.length === 0) return { heldBack: false };
  const named = departing.slice(0, NAMED).map(({ after }) => `${after.fields.name ?? after.userid} (${after.userid})`);
  return { heldBack: true, reasons: [...reasons, ...explainRange({ changes, before, snapshot })], departing: named };
}

function tooFew({ members }: Snapshot, { minMembers }: SafetyLimits): readonly string[] {
  return members.size < minMembers ? [`WeCom shows ${countOf(members.size, 'member')}, safety.min_members is ${minMembers}`] : [];
}

/** An empty list of departments is an answer that lacks them, not a corp that removed them all. The allowance of three would let a small corp lose all of its own. */
function noDepartments({ departmentCount }: Before, { departments }: Snapshot): readonly string[] {
  return departments.size === 0 && departmentCount > 0 ? [`WeCom shows no department, and ${departmentCount} are stored`] : [];
}

function tooMany(what: string, verb: string, going: number, total: number, limit: Limit): readonly string[] {
  const allowed = allowance(limit, total);
  return going > allowed ? [`${going} of ${total} ${what} would ${verb}, at most ${allowed} may`] : [];
}

/** WeCom is no longer asked once the limit is exceeded, so the real number of departures may be higher. */
function explainUnasked(before: Before, snapshot: Snapshot): string {
  const more = findUnaccounted(before.members, snapshot).length;
  return more === 0 ? '' : ` (${more} more were not found in any department)`;
}

function removals({ departments }: ChangeSet): number {
  return departments.filter(({ action }) => action === 'removed').length;
}
