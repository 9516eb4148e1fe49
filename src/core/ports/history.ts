import type { ChangedValues, Corp, DepartmentAction, MemberAction } from '../model.ts';

/** One row of `changes`, with names for people. */
export interface ChangeRecord {
  readonly id: number;
  /** null when a live lookup wrote it. */
  readonly runId: number | null;
  readonly corp: Corp;
  readonly at: Date;
  readonly entity: 'member' | 'department';
  /** A userid, or a department's id. */
  readonly entityId: string;
  /** The current or last name; null when it was never known. */
  readonly name: string | null;
  readonly action: MemberAction | DepartmentAction;
  /** By the names of `MemberFields` and `Department`; null for a new member or department. */
  readonly oldValues: ChangedValues | null;
  readonly newValues: ChangedValues | null;
}

/** A member of a corp. */
export interface Person {
  readonly corpId: string;
  readonly userid: string;
}

/** Which changes to return; a missing key means no limit. */
export interface ChangeFilter {
  readonly since?: Date;
  readonly corpIds?: readonly string[];
  /** Only changes of these members. */
  readonly people?: readonly Person[];
  /** Only changes of this department, and members who joined or left it. */
  readonly departmentId?: number;
  readonly actions?: readonly ChangeRecord['action'][];
  /** The largest number of changes; the newest are returned. */
  readonly limit: number;
}

/** Changes, oldest first. */
export interface Changes {
  readonly records: readonly ChangeRecord[];
  /** Whether older changes were left out because of the limit. */
  readonly more: boolean;
  /** The current or last names of departments, by corp id and department id. */
  readonly departmentNames: ReadonlyMap<string, ReadonlyMap<number, string>>;
}

/** A present department, and the number of members directly in it. */
export interface DepartmentSize {
  readonly id: number;
  readonly parentId: number;
  readonly name: string | null;
  readonly sortOrder: number;
  readonly members: number;
}

/** What was erased: rows by table. */
export interface Erased {
  readonly members: number;
  readonly memberships: number;
  readonly changes: number;
  /** Rows and changes of others that named this person as a leader and now say `(erased)`. */
  readonly mentions: number;
}

/** The history in the store. Throws OrgsyncError only, like every part of the store, see `Tables` in tables.ts. */
export interface History {
  /** The changes that match `filter`, read in one snapshot. */
  changes(filter: ChangeFilter): Promise<Changes>;
  /** All userids, also of former members, that equal one of these without regard to case, in the corps of `corpIds` or in all. */
  findPeople(userid: string, corpIds?: readonly string[]): Promise<readonly Person[]>;
  /** The present departments of a corp, by id. */
  departments(corpId: string): Promise<readonly DepartmentSize[]>;
  /** The store's clock. With SQLite, it is that of this host. */
  now(): Promise<Date>;
  /**
   * Deletes changes and ended runs older than `before`: at most `steps` times a few hundred. Each step is one transaction, so
   * that other writers do not wait. Keeps the run that a corp's row names. Returns the number of deleted rows; some old
   * ones remain when the steps are not enough.
   */
  prune(before: Date, steps: number): Promise<{ readonly changes: number; readonly runs: number }>;
  /**
   * Erases a person: the row, the memberships, all changes, the mentions as a leader in rows and changes of others, and the
   * number where the store remembers it as wrong. One transaction, which excludes commits of the corp. Idempotent.
   */
  erase(person: Person): Promise<Erased>;
}

/** A department, and its name if it was ever known. */
export interface NamedDepartment {
  readonly id: number;
  readonly name: string | null;
}

/** Finds the name of a department. */
export type NameDepartment = (id: number) => NamedDepartment;

/** The names of one corp's departments in {@link Changes.departmentNames}. */
export function departmentNamer(names: Changes['departmentNames'], corpId: string): NameDepartment {
  const known = names.get(corpId.toLowerCase());
  return (id) => ({ id, name: known?.get(id) ?? null });
}
