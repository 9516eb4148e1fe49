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
 * What has to be written for the store to hold the snapshot.
 *
 * A field that WeCom did not send never overwrites a stored one: absent, `""` and `"0"` are three different things.
 * Only members whom the snapshot knows to have left are marked departed; absence alone means nothing. Departments come
 * in one answer, so one that is missing from it is removed.
 *
 * @param region where numbers without a country code belong, such as `CN`
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
  return { departments: diffDepartments(before.departments, snapshot.departments), members: sorted(members), reseen };
}

/** One member's change, or undefined when what was seen says nothing new. `stored` is undefined for somebody new. */
export function diffMember(stored: StoredMember | undefined, seen: SeenMember, region: string): MemberChange | undefined {
  const after = merge(stored, seen, region);
  if (stored === undefined) return { action: 'joined', after, seen, oldValues: null, newValues: known(after) };
  const { oldValues, newValues } = differences(described(stored), described(after));
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

/** The record to store: what was seen, over what was known. */
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

/** Which departments is for WeCom to say, as soon as it sends any list of them; of each, what was not sent stays as it was. */
function mergeMemberships(stored: readonly Membership[], seen: readonly SeenMembership[] | undefined): readonly Membership[] {
  if (seen === undefined) return stored;
  const known = new Map(stored.map((membership) => [membership.departmentId, membership]));
  return seen.map((sent) => ({ ...PLAIN, ...known.get(sent.departmentId), ...sent }));
}

/** What a membership is of which WeCom sent no more than the department. */
const PLAIN = { sortOrder: 0, isLeader: false };

/** Gender `"0"` is what an application gets that may not see it (P90196): it says nothing against a known one. */
function genderIsHidden(stored: StoredFields | undefined, seen: Partial<MemberFields>): boolean {
  return seen.gender === '0' && stored !== undefined && stored.gender !== null;
}

const NOTHING_KNOWN = Object.fromEntries(MEMBER_FIELDS.map((field) => [field, null])) as StoredFields;

function depart(stored: StoredMember): MemberChange {
  const after = { ...stored, memberships: [], departed: true };
  return { action: 'departed', after, ...differences(described(stored), described(after)) };
}

/** Everything of a member that a change can be told by. */
function described({ fields, memberships }: StoredMember): Record<string, Json> {
  return { ...fields, memberships: memberships.map(describedMembership) };
}

function describedMembership({ departmentId, sortOrder, isLeader }: Membership): Json {
  return { departmentId, sortOrder, isLeader };
}

function known(member: StoredMember): ChangedValues {
  return Object.fromEntries(Object.entries(described(member)).filter(([, value]) => value !== null));
}

function differences(before: Record<string, Json>, after: Record<string, Json>): { oldValues: ChangedValues; newValues: ChangedValues } {
  const names = Object.keys(after).filter((name) => !isDeepStrictEqual(before[name] ?? null, after[name] ?? null));
  const pick = (values: Record<string, Json>): ChangedValues => Object.fromEntries(names.map((name) => [name, values[name] ?? null]));
  return { oldValues: pick(before), newValues: pick(after) };
}

function diffDepartments(
  before: ReadonlyMap<number, StoredDepartment>,
  seen: ReadonlyMap<number, SeenDepartment>,
): readonly DepartmentChange[] {
  const changes: DepartmentChange[] = [];
  for (const department of seen.values()) {
    const change = diffDepartment(before.get(department.id), department);
    if (change !== undefined) changes.push(change);
  }
  for (const stored of before.values()) {
    if (!stored.removed && !seen.has(stored.id)) changes.push({ action: 'removed', after: { ...stored, removed: true }, oldValues: {}, newValues: {} });
  }
  return changes.sort((a, b) => a.after.id - b.after.id);
}

/** A department of which WeCom sent no more than the id. */
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

function sorted(members: MemberChange[]): readonly MemberChange[] {
  const keyed = members.map((change) => ({ key: memberKey(change.after.userid), change }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : 1));
  return keyed.map(({ change }) => change);
}
