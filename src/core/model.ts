import { MEMBER_FIELD_KINDS } from './member-fields.ts';

/** Anything JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One WeCom enterprise. */
export interface Corp {
  /** The corpid, such as `ww1234567890abcdef`. */
  readonly id: string;
  /** What people call it; the corpid where the configuration gives no name. */
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

/** A department as it is stored: `null` where WeCom never said. */
export interface Department {
  readonly id: number;
  readonly parentId: number;
  readonly sortOrder: number;
  readonly name: string | null;
  readonly nameEn: string | null;
  readonly leaders: readonly string[] | null;
}

/** A {@link Department} with what the store knows beside it. */
export interface StoredDepartment extends Department {
  readonly removed: boolean;
}

/** That a member belongs to a department, and how. */
export interface Membership {
  readonly departmentId: number;
  /** Larger comes first, 0 … 2^32-1. */
  readonly sortOrder: number;
  readonly isLeader: boolean;
}

/** A {@link Membership} as WeCom sent it. A key that is missing was not sent. */
export interface SeenMembership {
  readonly departmentId: number;
  readonly sortOrder?: number;
  readonly isLeader?: boolean;
}

/** What a field of each kind holds in our code. */
interface FieldValues {
  readonly text: string;
  readonly number: number;
  readonly userids: readonly string[];
  readonly json: Json;
}

/** What orgsync keeps of a member beside the userid and the memberships, field by field. */
export type MemberFields = { readonly [Field in keyof typeof MEMBER_FIELD_KINDS]: FieldValues[(typeof MEMBER_FIELD_KINDS)[Field]] };

/** The names of {@link MemberFields}, in the order they are stored and shown. */
export const MEMBER_FIELDS = Object.keys(MEMBER_FIELD_KINDS) as readonly (keyof MemberFields)[];

/** A member as WeCom sent it. A field that is missing was not sent: the application may not see it. */
export interface SeenMember {
  readonly userid: string;
  readonly fields: Partial<MemberFields>;
  /** Missing when the answer had no `department` key at all; empty when the member is in none that is visible. */
  readonly memberships?: readonly SeenMembership[];
}

/** A member's fields as they are stored: `null` where WeCom never said. */
export type StoredFields = { readonly [Field in keyof MemberFields]: MemberFields[Field] | null };

/** A member as the store holds it. */
export interface StoredMember {
  readonly userid: string;
  readonly fields: StoredFields;
  /** `fields.mobile` in E.164 (`+8613800138000`); `null` when there is none or it is no phone number. */
  readonly mobileE164: string | null;
  /** Sorted by department id. Empty for the departed. */
  readonly memberships: readonly Membership[];
  readonly departed: boolean;
}

/** What names a member inside its corp: WeCom compares userids without regard to case. */
export type MemberKey = string & { readonly __brand: 'MemberKey' };

/** The {@link MemberKey} of a userid. Userids are ASCII (P90195), so lower-casing is exact. */
export function memberKey(userid: string): MemberKey {
  return userid.toLowerCase() as MemberKey;
}

/** Something a reading of a corp could not get; any gap makes the snapshot unfit to be applied. */
export interface Gap {
  /** What is missing: `department 12`, … */
  readonly what: string;
  readonly why: string;
  readonly errcode?: number;
  readonly request?: string;
}

/** The raw result of walking through a corp. */
export interface Reading {
  readonly departments: readonly SeenDepartment[];
  /** In the order they were read: a member of several departments stands here several times, the last copy is the newest. */
  readonly members: readonly SeenMember[];
  readonly gaps: readonly Gap[];
}

/** One whole corp at about one moment: every visible department and member once. */
export interface Snapshot {
  readonly departments: ReadonlyMap<number, SeenDepartment>;
  /** Without those whose status says that they have left. */
  readonly members: ReadonlyMap<MemberKey, SeenMember>;
  /** Members whom WeCom itself lists as having left (status 5): their absence from `members` needs no confirmation. */
  readonly left: ReadonlySet<MemberKey>;
}

/**
 * What the store held before a run, as far as a difference needs it: every department; every member who is present in
 * the store but missing from the snapshot, or whose record is not the one last committed.
 */
export interface Before {
  readonly departments: ReadonlyMap<number, StoredDepartment>;
  /** Members who need comparing, in full. A member of the snapshot who is in neither this nor `same` is new. */
  readonly members: ReadonlyMap<MemberKey, StoredMember>;
  /** Members of the snapshot whose record is exactly the one last committed, and who are present: nothing to compare. */
  readonly same: ReadonlySet<MemberKey>;
  /** How many members, and departments, are present (not departed, not removed) in the store. */
  readonly memberCount: number;
  readonly departmentCount: number;
}

export type MemberAction = 'joined' | 'departed' | 'returned' | 'changed';
export type DepartmentAction = 'created' | 'removed' | 'restored' | 'changed';

/** Values of a change, by field name of {@link MemberFields} or {@link Department}; `userid` and `memberships` beside them. */
export type ChangedValues = Readonly<Record<string, Json>>;

/** One member's change: what is to be stored, and what differs. */
export interface MemberChange {
  readonly action: MemberAction;
  /** The whole record as it is to be stored. */
  readonly after: StoredMember;
  /** As WeCom sent it, for the store to recognise it next time; missing when the member was not seen (departed). */
  readonly seen?: SeenMember;
  /** The fields that differ, and only those; `null` for someone new. */
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
  /** Members whose record arrived in another shape though nothing differs: only to be recognised next time. */
  readonly reseen: readonly SeenMember[];
}

/** How many of what a change set holds. */
export interface ChangeCounts {
  readonly joined: number;
  readonly departed: number;
  /** Members `returned` or `changed`. */
  readonly changed: number;
  readonly departmentsChanged: number;
}

/** How one corp's part of a run ended. */
export type CorpOutcome = 'ok' | 'failed' | 'held_back' | 'interrupted' | 'skipped';
