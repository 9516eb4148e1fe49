import type { Before, MemberFields, Membership, SeenDepartment, SeenMember, Snapshot, StoredDepartment, StoredMember } from '../../src/core/model.ts';
import { MEMBER_FIELDS, memberKey } from '../../src/core/model.ts';

/** A member as WeCom sends one, with a name and one department unless told otherwise. */
export function seen(userid: string, fields: Partial<MemberFields> = {}, departments: readonly number[] | null = [1]): SeenMember {
  const memberships = departments === null ? {} : { memberships: departments.map((id) => membership(id)) };
  return { userid, fields: { name: `name of ${userid.toLowerCase()}`, status: 1, ...fields }, ...memberships };
}

/** A plain membership. */
export function membership(departmentId: number, more: Partial<Membership> = {}): Membership {
  return { departmentId, sortOrder: 0, isLeader: false, ...more };
}

/** A member as the store holds one. */
export function stored(userid: string, fields: Partial<MemberFields> = {}, more: Partial<StoredMember> = {}): StoredMember {
  const unknown = Object.fromEntries(MEMBER_FIELDS.map((field) => [field, null])) as StoredMember['fields'];
  return {
    userid,
    fields: { ...unknown, name: `name of ${userid.toLowerCase()}`, status: 1, ...fields },
    mobileE164: null,
    memberships: [membership(1)],
    departed: false,
    ...more,
  };
}

/** A department as WeCom sends one. */
export function department(id: number, more: Partial<SeenDepartment> = {}): SeenDepartment {
  return { id, parentId: id === 1 ? 0 : 1, sortOrder: 0, name: `department ${id}`, ...more };
}

/** A department as the store holds one. */
export function storedDepartment(id: number, more: Partial<StoredDepartment> = {}): StoredDepartment {
  return { nameEn: null, leaders: null, name: `department ${id}`, parentId: id === 1 ? 0 : 1, sortOrder: 0, id, removed: false, ...more };
}

/** A snapshot of these members and departments. */
export function snapshot(members: readonly SeenMember[], departments: readonly SeenDepartment[] = [department(1)], left: readonly string[] = []): Snapshot {
  return {
    members: new Map(members.map((member) => [memberKey(member.userid), member])),
    departments: new Map(departments.map((one) => [one.id, one])),
    left: new Set(left.map(memberKey)),
    keepsDepartments: false,
  };
}

/** What the store held: these members, all of them to be compared. */
export function before(members: readonly StoredMember[] = [], departments: readonly StoredDepartment[] = [storedDepartment(1)]): Before {
  return {
    members: new Map(members.map((member) => [memberKey(member.userid), member])),
    departments: new Map(departments.map((one) => [one.id, one])),
    same: new Set(),
    memberCount: members.filter(({ departed }) => !departed).length,
    departmentCount: departments.filter(({ removed }) => !removed).length,
  };
}
