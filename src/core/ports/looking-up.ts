import type { ChangeSet, Corp, MemberKey, StoredMember } from '../model.ts';
import type { Writer } from './writing.ts';

/** A department with the names from the top down to it, its own the last. */
export interface DepartmentPath {
  readonly id: number;
  readonly name: string;
  readonly path: readonly string[];
}

/** A member found by phone number, with what a person wants to know at once. */
export interface PhoneMatch {
  readonly corp: Corp;
  readonly member: StoredMember;
  /** For the departed: those they were in last. */
  readonly departments: readonly DepartmentPath[];
  readonly updatedAt: Date;
  /** null while a member. */
  readonly departedAt: Date | null;
}

/** Finds people by number. Throws as every part of the store does, see `Tables` in tables.ts. */
export interface PhoneBook {
  /**
   * Everyone, departed included, whose mobile is one of `e164s`, by number; corps limited to `corpIds` when given.
   * Current members first, then the latest departed. Does as `Tables.ensureReady` at the same moment, for
   * somebody waits for the answer.
   */
  findByPhones(e164s: readonly string[], corpIds?: readonly string[]): Promise<ReadonlyMap<string, readonly PhoneMatch[]>>;
}

/** Single members, to be compared with what WeCom says of them now, and written back. Throws as every part of the store does, see `Tables` in tables.ts. */
export interface Sightings {
  /** Members by key, in full; who is not stored is missing from the result. */
  findMembers(corp: Corp, keys: readonly MemberKey[]): Promise<ReadonlyMap<MemberKey, StoredMember>>;

  /** Departments by id, in the order of `ids`; one that is not stored is named by its number. */
  findDepartments(corp: Corp, ids: readonly number[]): Promise<readonly DepartmentPath[]>;

  /**
   * Writes what a live lookup saw, with its rows in `changes` (run_id NULL), in one transaction that excludes commits:
   * runs that began before leave these members alone. The caller computes `changes` from {@link Sightings.findMembers}.
   */
  commitLive(corp: Corp, changes: ChangeSet, writer: Writer): Promise<void>;
}
