import { memberKey } from './model.ts';
import type { Gap, MemberKey, Reading, SeenDepartment, SeenMember, SeenMembership, Snapshot, StoredMember, Unreadable } from './model.ts';
import type { MemberAnswer } from './ports/directory.ts';

/** WeCom's status of a member who left the enterprise and may still be listed for some time (P90196). */
const LEFT = 5;

/** The result of a reading: a whole snapshot, or the gaps because of which it cannot be compared. */
export type Assembled =
  | { readonly whole: true; readonly snapshot: Snapshot; readonly unreadable: Unreadable }
  | { readonly whole: false; readonly gaps: readonly Gap[] };

/**
 * Makes one snapshot of what a reading collected. A member of several departments arrives once per department. The copy
 * read last counts, because a walk takes minutes and people move in the meantime. Two spellings of a userid are one member.
 * With an unreadable record, nobody is marked as left: it may be anybody's, or that of anybody's department.
 */
export function assemble({ departments, members, gaps, unreadable }: Reading): Assembled {
  if (gaps.length > 0) return { whole: false, gaps };
  const present = new Map<MemberKey, SeenMember>();
  const left = new Set<MemberKey>();
  for (const member of members) place(member, present, left);
  const isComplete = unreadable.members.length + unreadable.departments.length === 0;
  const snapshot = { departments: byId(departments), members: present, left: isComplete ? left : new Set<MemberKey>(), keepsDepartments: unreadable.departments.length > 0 };
  return { whole: true, snapshot, unreadable };
}

/**
 * Completes a snapshot with WeCom's answers about members that the reading did not meet. Members who are still there are
 * added from the answer; members who are gone are marked as left. Absence without an answer proves nothing.
 */
export function withAnswers(snapshot: Snapshot, answers: ReadonlyMap<MemberKey, MemberAnswer>): Snapshot {
  const members = new Map(snapshot.members);
  const left = new Set(snapshot.left);
  for (const [key, answer] of answers) {
    if (answer.is === 'gone') left.add(key);
    else place(answer.member, members, left);
  }
  return { ...snapshot, members, left };
}

/** Members who are present in the store, but neither in the snapshot nor marked as left in it. Sorted by key. */
export function findUnaccounted(stored: ReadonlyMap<MemberKey, StoredMember>, snapshot: Snapshot): readonly MemberKey[] {
  return [...stored]
    .filter(([key, { departed }]) => !departed && !snapshot.members.has(key) && !snapshot.left.has(key))
    .map(([key]) => key)
    .sort();
}

function place(member: SeenMember, present: Map<MemberKey, SeenMember>, left: Set<MemberKey>): void {
  const key = memberKey(member.userid);
  if (member.fields.status === LEFT) {
    present.delete(key);
    left.add(key);
    return;
  }
  left.delete(key);
  present.set(key, newest(present.get(key), member));
}

/** The later copy, with the spelling that sorts first, so that the order of answers does not change what is stored. */
function newest(earlier: SeenMember | undefined, later: SeenMember): SeenMember {
  const memberships = later.memberships === undefined ? {} : { memberships: tidy(later.memberships) };
  const userid = earlier !== undefined && earlier.userid < later.userid ? earlier.userid : later.userid;
  return { ...later, userid, ...memberships };
}

/** One membership for each department, sorted: WeCom promises no order and sometimes sends duplicates. */
function tidy(memberships: readonly SeenMembership[]): readonly SeenMembership[] {
  const byDepartment = new Map(memberships.map((membership) => [membership.departmentId, membership]));
  return [...byDepartment.values()].sort((a, b) => a.departmentId - b.departmentId);
}

function byId(departments: readonly SeenDepartment[]): ReadonlyMap<number, SeenDepartment> {
  return new Map(departments.map((department) => [department.id, department]));
}
