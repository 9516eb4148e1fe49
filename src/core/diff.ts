import { isDeepStrictEqual } from 'node:util';
import { MEMBER_FIELDS, memberKey } from './model.ts';
import type {
  Before,
  ChangeCounts,
  ChangedValues,
  ChangeSet,
  Department,
  DepartmentChange,
  Json,
  MemberChange,
  MemberFields,
  Membership,
  SeenDepartment,
  SeenMember,
  SeenMembership,
  Snapshot,
  StoredDepartment,
  StoredFields,
  StoredMember,
} from './model.ts';
import { toE164 } from './phone.ts';

/**
 * Computes what has to be written so that the store equals the snapshot.
 *
 * A field that WeCom did not send never overwrites a stored one: absent, `""` and `"0"` are three different things.
 * Only members that the snapshot lists as left are marked as departed; absence alone means nothing. All departments come in
 * one answer, so a department that is missing in it is removed, unless a department in it could not be read.
 *
 * @param region the region of numbers without a country code, such as `CN`
 */
export function diff(before: Before, snapshot: Snapshot, region: string): ChangeSet {
  const reseen: SeenMember[] = [];
  const members: MemberChange[] = [];
  for (const [key, seen] of snapshot.members) {
    if (before.same.has(key)) continue;
    const change = diffMember(before.members.get(key), seen, region);
    if (change === undefined) reseen.push(seen);
    else members.push(change);
  }
  for (const [key, stored] of before.members) {
    if (snapshot.left.has(key) && !stored.departed) members.push(depart(stored));
  }
  return { departments: diffDepartments(before.departments, snapshot), members: sortMembers(members), reseen };
}

/** The change of one member, or undefined when nothing differs. `stored` is undefined for a new member. */
export function diffMember(stored: StoredMember | undefined, seen: SeenMember, region: string): MemberChange | undefined {
  const after = merge(stored, seen, region);
  if (stored === undefined) return { action: 'joined', after, seen, oldValues: null, newValues: known(after) };
  const { oldValues, newValues } = differences(describe(stored), describe(after));
  if (stored.departed) return { action: 'returned', after, seen, oldValues, newValues };
  if (Object.keys(newValues).length === 0 && stored.mobileE164 === after.mobileE164) return undefined;
  return { action: 'changed', after, seen, oldValues, newValues };
}

/** How many of what a change set holds. */
export function countChanges({ members, departments }: ChangeSet): ChangeCounts {
  const counts = { joined: 0, departed: 0, changed: 0, departmentsChanged: departments.length };
  for (const { action } of members) counts[action === 'returned' ? 'changed' : action] += 1;
  return counts;
}

/** The record to store: what WeCom sent, and stored values for what it did not send. */
function merge(stored: StoredMember | undefined, seen: SeenMember, region: string): StoredMember {
  const fields = mergeFields(stored?.fields, seen.fields);
  return {
    userid: stored?.userid ?? seen.userid,
    fields,
    mobileE164: fields.mobile === null ? null : toE164(fields.mobile, region),
    memberships: mergeMemberships(stored?.memberships ?? [], seen.memberships),
    departed: false,
  };
}

function mergeFields(stored: StoredFields | undefined, seen: Partial<MemberFields>): StoredFields {
  const known = stored ?? NOTHING_KNOWN;
  return { ...known, ...seen, ...(genderIsHidden(stored, seen) ? { gender: known.gender } : {}) };
}

/** The list of departments comes from WeCom if it sent one. In each membership, keys that were not sent keep their stored value. */
function mergeMemberships(stored: readonly Membership[], seen: readonly SeenMembership[] | undefined): readonly Membership[] {
  if (seen === undefined) return stored;
  const known = new Map(stored.map((membership) => [membership.departmentId, membership]));
  return seen.map((sent) => ({ ...PLAIN, ...known.get(sent.departmentId), ...sent }));
}

/** The defaults of a membership of which WeCom sent only the department. */
const PLAIN = { sortOrder: 0, isLeader: false };

/** An application that may not see the gender gets `"0"` (P90196), so `"0"` does not replace a known gender. */
function genderIsHidden(stored: StoredFields | undefined, seen: Partial<MemberFields>): boolean {
  return seen.gender === '0' && stored !== undefined && stored.gender !== null;
}

const NOTHING_KNOWN = Object.fromEntries(MEMBER_FIELDS.map((field) => [field, null])) as StoredFields;

function depart(stored: StoredMember): MemberChange {
  const after = { ...stored, memberships: [], departed: true };
  return { action: 'departed', after, ...differences(describe(stored), describe(after)) };
}

/** All values of a member that a change can contain. */
function describe({ fields, memberships }: StoredMember): Record<string, Json> {
  return { ...fields, memberships: memberships.map(describedMembership) };
}

function describedMembership({ departmentId, sortOrder, isLeader }: Membership): Json {
  return { departmentId, sortOrder, isLeader };
}

function known(member: StoredMember): ChangedValues {
  return Object.fromEntries(Object.entries(describe(member)).filter(([, value]) => value !== null));
}

function differences(before: Record<string, Json>, after: Record<string, Json>): { oldValues: ChangedValues; newValues: ChangedValues } {
  const names = Object.keys(after).filter((name) => !isDeepStrictEqual(before[name] ?? null, after[name] ?? null));
  const pick = (values: Record<string, Json>): ChangedValues => Object.fromEntries(names.map((name) => [name, values[name] ?? null]));
  return { oldValues: pick(before), newValues: pick(after) };
}

function diffDepartments(
  before: ReadonlyMap<number, StoredDepartment>,
  { departments: seen, keepsDepartments }: Pick<Snapshot, 'departments' | 'keepsDepartments'>,
): readonly DepartmentChange[] {
  const changes: DepartmentChange[] = [];
  for (const department of seen.values()) {
    const change = diffDepartment(before.get(department.id), department);
    if (change !== undefined) changes.push(change);
  }
  for (const stored of keepsDepartments ? [] : before.values()) {
    if (!stored.removed && !seen.has(stored.id)) changes.push({ action: 'removed', after: { ...stored, removed: true }, oldValues: {}, newValues: {} });
  }
  return changes.sort((a, b) => a.after.id - b.after.id);
}

/** The defaults of a department of which WeCom sent only the id. */
const NOTHING_SAID = { parentId: 0, sortOrder: 0, name: null, nameEn: null, leaders: null };

function diffDepartment(stored: StoredDepartment | undefined, seen: SeenDepartment): DepartmentChange | undefined {
  const after: StoredDepartment = { ...NOTHING_SAID, ...stored, ...seen, removed: false };
  if (stored === undefined) {
    const newValues = Object.fromEntries(Object.entries(describedDepartment(after)).filter(([, value]) => value !== null));
    return { action: 'created', after, oldValues: null, newValues };
  }
  const { oldValues, newValues } = differences(describedDepartment(stored), describedDepartment(after));
  if (stored.removed) return { action: 'restored', after, oldValues, newValues };
  return Object.keys(newValues).length === 0 ? undefined : { action: 'changed', after, oldValues, newValues };
}

function describedDepartment({ parentId, sortOrder, name, nameEn, leaders }: Department): Record<string, Json> {
  return { parentId, sortOrder, name, nameEn, leaders };
}

function sortMembers(members: MemberChange[]): readonly MemberChange[] {
  const keyed = members.map((change) => ({ key: memberKey(change.after.userid), change }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : 1));
  return keyed.map(({ change }) => change);
}
