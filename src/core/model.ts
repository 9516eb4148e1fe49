import { MEMBER_FIELD_KINDS } from './member-fields.ts';

/** Anything JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One WeCom enterprise. */
export interface Corp {
  /** The corpid, such as `ww1234567890abcdef`. */
  readonly id: string;
  /** A name for people; the corpid when the configuration has no name. */
  readonly name: string;
}

/** A department as WeCom sent it. A key that is missing was not sent, which is not the same as empty. */
export interface SeenDepartment {
  readonly id: number;
  /** 0 for the root. May name a department that the application cannot see. */
  readonly parentId?: number;
  readonly sortOrder?: number;
  readonly name?: string;
  readonly nameEn?: string;
  /** Userids. */
  readonly leaders?: readonly string[];
}

/** A department as it is stored; `null` for a key that WeCom never sent. */
export interface Department {
  readonly id: number;
  readonly parentId: number;
  readonly sortOrder: number;
  readonly name: string | null;
  readonly nameEn: string | null;
  readonly leaders: readonly string[] | null;
}

/** A {@link Department} and what only the store knows. */
export interface StoredDepartment extends Department {
  readonly removed: boolean;
}

/** A member's place in a department. */
export interface Membership {
  readonly departmentId: number;
  /** 0 … 2^32-1; the largest comes first. */
  readonly sortOrder: number;
  readonly isLeader: boolean;
}

/** A {@link Membership} as WeCom sent it. A key that is missing was not sent. */
export interface SeenMembership {
  readonly departmentId: number;
  readonly sortOrder?: number;
  readonly isLeader?: boolean;
}

/** The type of a field of each kind. */
interface FieldValues {
  readonly text: string;
  readonly number: number;
  readonly userids: readonly string[];
  readonly json: Json;
}

/** The fields that orgsync stores for a member, in addition to the userid and the memberships. */
export type MemberFields = { readonly [Field in keyof typeof MEMBER_FIELD_KINDS]: FieldValues[(typeof MEMBER_FIELD_KINDS)[Field]] };

/** The names of {@link MemberFields}, in the order in which they are stored and shown. */
export const MEMBER_FIELDS: readonly (keyof MemberFields)[] = Object.keys(MEMBER_FIELD_KINDS).filter(isMemberField);

function isMemberField(name: string): name is keyof MemberFields {
  return name in MEMBER_FIELD_KINDS;
}

/** A member as WeCom sent it. A field that is missing was not sent: the application may not see it. */
export interface SeenMember {
  readonly userid: string;
  readonly fields: Partial<MemberFields>;
  /** Missing when the answer had no `department` key at all; empty when the member is in none that is visible. */
  readonly memberships?: readonly SeenMembership[];
}

/** A member's fields as they are stored; `null` for a field that WeCom never sent. */
export type StoredFields = { readonly [Field in keyof MemberFields]: MemberFields[Field] | null };

/** A member in the store. */
export interface StoredMember {
  readonly userid: string;
  readonly fields: StoredFields;
  /** `fields.mobile` in E.164 (`+8613800138000`); `null` when there is none or it is not a phone number. */
  readonly mobileE164: string | null;
  /** Sorted by department id. Empty for departed members. */
  readonly memberships: readonly Membership[];
  readonly departed: boolean;
}

/** Identifies a member in a corp: WeCom compares userids without regard to case. */
export type MemberKey = string & { readonly __brand: 'MemberKey' };

/** The {@link MemberKey} of a userid. Userids are ASCII (P90195), so lower-casing is exact. */
export function memberKey(userid: string): MemberKey {
  return userid.toLowerCase() as MemberKey;
}

/** Something that a reading of a corp could not get. With any gap, the corp fails. */
export interface Gap {
  /** What is missing: `department 12`, … */
  readonly what: string;
  readonly why: string;
  readonly errcode?: number;
  readonly request?: string;
}

/** The raw result of reading a corp. */
export interface Reading {
  readonly departments: readonly SeenDepartment[];
  /** In the order of reading. A member of several departments occurs several times; the last copy is the newest. */
  readonly members: readonly SeenMember[];
  readonly gaps: readonly Gap[];
  readonly unreadable: Unreadable;
}

/** Records without a usable id, named for people. The others are written, but nobody departs and no department is removed. */
export interface Unreadable {
  readonly members: readonly string[];
  readonly departments: readonly string[];
}

/** Everything could be read. */
export const NOTHING_UNREADABLE: Unreadable = { members: [], departments: [] };

/** One whole corp at about one moment: every visible department and member once. */
export interface Snapshot {
  readonly departments: ReadonlyMap<number, SeenDepartment>;
  /** Without members whose status says that they have left. */
  readonly members: ReadonlyMap<MemberKey, SeenMember>;
  /** Members whom WeCom itself lists as having left (status 5): their absence from `members` needs no confirmation. */
  readonly left: ReadonlySet<MemberKey>;
  /** Whether a department that is missing is to stay, because one of WeCom's list could not be read. */
  readonly keepsDepartments: boolean;
}

/**
 * The content of the store before a run, as far as a comparison needs it: every department; every member who is present in
 * the store but missing from the snapshot; and every member whose record differs from the one last committed.
 */
export interface Before {
  readonly departments: ReadonlyMap<number, StoredDepartment>;
  /** Members that have to be compared, with all fields. A member of the snapshot in neither this nor `same` is new. */
  readonly members: ReadonlyMap<MemberKey, StoredMember>;
  /** Present members whose record in the snapshot is exactly the one last committed: nothing to compare. */
  readonly same: ReadonlySet<MemberKey>;
  /** The number of present members (not departed) and departments (not removed) in the store. */
  readonly memberCount: number;
  readonly departmentCount: number;
}

export type MemberAction = 'joined' | 'departed' | 'returned' | 'changed';
export type DepartmentAction = 'created' | 'removed' | 'restored' | 'changed';

/** Values of a change, by the field names of {@link MemberFields} or {@link Department}, and `userid` and `memberships`. */
export type ChangedValues = Readonly<Record<string, Json>>;

/** One member's change: what is to be stored, and what differs. */
export interface MemberChange {
  readonly action: MemberAction;
  /** The whole record as it is to be stored. */
  readonly after: StoredMember;
  /** As WeCom sent it, so that the store recognises it next time; missing when the member was not seen (departed). */
  readonly seen?: SeenMember;
  /** Only the fields that differ; `null` for a new member. */
  readonly oldValues: ChangedValues | null;
  readonly newValues: ChangedValues;
}

/** One department's change. */
export interface DepartmentChange {
  readonly action: DepartmentAction;
  readonly after: StoredDepartment;
  readonly oldValues: ChangedValues | null;
  readonly newValues: ChangedValues;
}

/** Everything that a run would write. */
export interface ChangeSet {
  /** Sorted by id. */
  readonly departments: readonly DepartmentChange[];
  /** Sorted by {@link MemberKey}. */
  readonly members: readonly MemberChange[];
  /** Members whose record has another form but equal values: stored only so that it is recognised next time. */
  readonly reseen: readonly SeenMember[];
}

/** How many of what a change set holds. */
export interface ChangeCounts {
  readonly joined: number;
  readonly departed: number;
  /** Members that `returned` or `changed`. */
  readonly changed: number;
  readonly departmentsChanged: number;
}

/** How one corp's part of a run ended. */
export type CorpOutcome = 'ok' | 'failed' | 'held_back' | 'interrupted' | 'skipped';
