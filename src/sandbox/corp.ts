import type { Secret } from './secrets.ts';
import { SandboxError } from './sandbox-error.ts';

/** Custom fields. The form without `type` is older; WeCom still sends it for fields of that age. */
export interface Extattr {
  readonly attrs: readonly (
    | { readonly type: 0; readonly name: string; readonly text: { readonly value: string } }
    | { readonly type: 1; readonly name: string; readonly web: { readonly url: string; readonly title: string } }
    | { readonly name: string; readonly value: string }
  )[];
}

/** A department with WeCom's key names. Missing optional keys are not sent. */
export interface Department {
  readonly id: number;
  name: string;
  name_en?: string;
  department_leader?: readonly string[];
  parentid: number;
  /** 0 … 2^32-1; the largest comes first. */
  order: number;
}

/** A member's place in one department. */
export interface Place {
  readonly department: number;
  readonly order: number;
  readonly leader: boolean;
}

/** The fields of a member, except the departments, with WeCom's key names. */
export interface MemberSpec {
  readonly userid: string;
  /** When missing, never sent: some applications may not see names. */
  name?: string;
  alias?: string;
  position?: string;
  /** Mainland numbers without country code, others `+CC…`, `""` for none. */
  mobile?: string;
  gender?: string;
  email?: string;
  biz_mail?: string;
  telephone?: string;
  address?: string;
  english_name?: string;
  /** 1 active, 2 disabled, 4 not activated, 5 left but still listed. */
  status?: number;
  direct_leader?: readonly string[];
  main_department?: number;
  extattr?: Extattr;
  external_position?: string;
  external_profile?: Readonly<Record<string, unknown>>;
  /** Sends `is_leader_in_dept: []` together with a filled `department`, as WeCom does for some members. */
  empty_leader_array?: boolean;
}

/** Fields to change. A key set to `undefined` is no longer sent. */
export type MemberPatch = { [Key in Exclude<keyof MemberSpec, 'userid'>]?: MemberSpec[Key] | undefined };

/** A member and their places, in no particular order. */
export interface Member extends MemberSpec {
  places: readonly Place[];
}

/** A tag: a set of members and departments with one id. */
export interface Tag {
  readonly id: number;
  name: string;
  userids: readonly string[];
  departments: readonly number[];
}

/** The data of a corp, except its departments and members. */
export interface CorpFacts {
  readonly id: string;
  readonly name: string;
  readonly memberLimit: number;
}

/**
 * One invented enterprise. It enforces WeCom's rules: userids are unique without regard to case, mobiles are unique in the
 * corp, and no department or member belongs to a missing department. A violation throws a SandboxError.
 */
export class Corp {
  readonly id: string;
  name: string;
  memberLimit: number;
  /** While this is set, every request gets this errcode: 301007, 40141. */
  frozen: number | undefined;
  readonly secrets: Secret[] = [];
  readonly tags = new Map<number, Tag>();
  /** Increases with every change. A value computed from a corp is valid for one version. */
  version = 0;
  /** The serial number of the next invented person or department. */
  nextPerson = 1;
  nextDepartment = 1;

  #departmentIds: readonly number[] | undefined;
  readonly #departments = new Map<number, Department>();
  readonly #members = new Map<string, Member>();
  readonly #rosters = new Map<number, Set<string>>();
  readonly #mobiles = new Map<string, string>();

  constructor({ id, name, memberLimit }: CorpFacts) {
    this.id = id;
    this.name = name;
    this.memberLimit = memberLimit;
  }

  get departments(): ReadonlyMap<number, Department> {
    return this.#departments;
  }

  /** In the order of creation. An array makes random choices fast in corps with 100,000 departments. */
  get departmentIds(): readonly number[] {
    return (this.#departmentIds ??= [...this.#departments.keys()]);
  }

  /** By lower-cased userid. */
  get members(): ReadonlyMap<string, Member> {
    return this.#members;
  }

  member(userid: string): Member | undefined {
    return this.#members.get(userid.toLowerCase());
  }

  memberByMobile(mobile: string): Member | undefined {
    const key = this.#mobiles.get(mobile);
    return key === undefined ? undefined : this.#members.get(key);
  }

  /** Members directly in the department, in the order in which they were added. */
  *roster(departmentId: number): Generator<Member> {
    for (const key of this.#rosters.get(departmentId) ?? []) {
      const member = this.#members.get(key);
      if (member !== undefined) yield member;
    }
  }

  childrenOf(departmentId: number): Department[] {
    return [...this.#departments.values()].filter(({ parentid }) => parentid === departmentId);
  }

  addDepartment(department: Department): void {
    const { id, parentid } = department;
    if (this.#departments.has(id)) throw new SandboxError(`department ${id} of ${this.id} exists already`);
    if (parentid !== 0 && !this.#departments.has(parentid)) throw new SandboxError(`department ${id} hangs under ${parentid}, which is not there`);
    this.#departments.set(id, { ...department });
    this.#departmentIds = undefined;
    this.#rosters.set(id, new Set());
    this.nextDepartment = Math.max(this.nextDepartment, id + 1);
    this.version += 1;
  }

  /** Renames, moves or reorders a department. Does not check for cycles, because a test may need one. */
  updateDepartment(id: number, patch: Partial<Omit<Department, 'id'>>): void {
    Object.assign(this.#department(id), patch);
    this.version += 1;
  }

  /** Removes a department. Its children, and members without another department, move to its parent. */
  removeDepartment(id: number): void {
    const { parentid } = this.#department(id);
    for (const child of this.childrenOf(id)) child.parentid = parentid;
    for (const member of [...this.roster(id)]) {
      const left = member.places.filter(({ department }) => department !== id);
      this.placeMember(member.userid, left.length > 0 || parentid === 0 ? left : [{ department: parentid, order: 0, leader: false }]);
    }
    this.#departments.delete(id);
    this.#departmentIds = undefined;
    this.#rosters.delete(id);
    this.version += 1;
  }

  addMember(spec: MemberSpec, places: readonly Place[]): Member {
    const key = spec.userid.toLowerCase();
    if (this.#members.has(key)) throw new SandboxError(`userid ${spec.userid} of ${this.id} is taken`);
    const member: Member = { ...spec, places: [] };
    this.#claimMobile(key, spec.mobile);
    this.#members.set(key, member);
    this.placeMember(spec.userid, places);
    return member;
  }

  /** Changes fields. A key set to `undefined` is no longer sent. */
  updateMember(userid: string, patch: MemberPatch): void {
    const member = this.#member(userid);
    if ('mobile' in patch) {
      if (member.mobile !== undefined && member.mobile !== patch.mobile) this.#mobiles.delete(member.mobile);
      this.#claimMobile(userid.toLowerCase(), patch.mobile);
    }
    Object.assign(member, patch);
    this.version += 1;
  }

  /** Puts a member into exactly these departments. The main department stays if it is among them; otherwise it is the first. */
  placeMember(userid: string, places: readonly Place[]): void {
    const member = this.#member(userid);
    for (const { department } of places) this.#department(department);
    for (const { department } of member.places) this.#rosters.get(department)?.delete(userid.toLowerCase());
    for (const { department } of places) this.#rosters.get(department)?.add(userid.toLowerCase());
    member.places = [...places];
    const main = places.find(({ department }) => department === member.main_department) ?? places[0];
    if (main === undefined) delete member.main_department;
    else member.main_department = main.department;
    this.version += 1;
  }

  removeMember(userid: string): Member {
    const member = this.#member(userid);
    this.placeMember(userid, []);
    if (member.mobile !== undefined) this.#mobiles.delete(member.mobile);
    this.#members.delete(userid.toLowerCase());
    this.version += 1;
    return member;
  }

  #claimMobile(key: string, mobile: string | undefined): void {
    if (mobile === undefined || mobile === '') return;
    const owner = this.#mobiles.get(mobile);
    if (owner !== undefined && owner !== key) throw new SandboxError(`mobile of ${key} is taken by ${owner} (60104)`);
    this.#mobiles.set(mobile, key);
  }

  #member(userid: string): Member {
    const member = this.member(userid);
    if (member === undefined) throw new SandboxError(`no member ${userid} in ${this.id}`);
    return member;
  }

  #department(id: number): Department {
    const department = this.#departments.get(id);
    if (department === undefined) throw new SandboxError(`no department ${id} in ${this.id}`);
    return department;
  }
}
