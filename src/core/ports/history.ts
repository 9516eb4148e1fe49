import type { ChangedValues, Corp, DepartmentAction, MemberAction } from '../model.ts';

/** One row of `changes`, with the names that people know. */
export interface ChangeRecord {
  readonly id: number;
  /** null when a live lookup wrote it. */
  readonly runId: number | null;
  readonly corp: Corp;
  readonly at: Date;
  readonly entity: 'member' | 'department';
  /** A userid, or a department's id. */
  readonly entityId: string;
  /** What it is called now, or was last; null where that was never known. */
  readonly name: string | null;
  readonly action: MemberAction | DepartmentAction;
  /** Under the names of `MemberFields` and `Department`; null for somebody or something new. */
  readonly oldValues: ChangedValues | null;
  readonly newValues: ChangedValues | null;
}

/** Somebody in a corp. */
export interface Person {
  readonly corpId: string;
  readonly userid: string;
}

/** Which changes are wanted; what is left out does not limit. */
export interface ChangeFilter {
  readonly since?: Date;
  readonly corpIds?: readonly string[];
  /** Only what happened to these. */
  readonly people?: readonly Person[];
  /** Only what happened to this department, and who joined or left it. */
  readonly departmentId?: number;
  readonly actions?: readonly ChangeRecord['action'][];
  /** How many at most, the newest. */
  readonly limit: number;
}

/** Changes, oldest first. */
export interface Changes {
  readonly records: readonly ChangeRecord[];
  /** Older ones were left out because of the limit. */
  readonly more: boolean;
  /** The departments' names now, or last, by corp id and department id. */
  readonly departmentNames: ReadonlyMap<string, ReadonlyMap<number, string>>;
}

/** A present department, and how many are in it directly. */
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
  /** Others' rows and changes that named this person as a leader, and now say `(erased)`. */
  readonly mentions: number;
}

/** What the store remembers of the past. Throws OrgsyncError only, as every part of the store does, see `Tables` in tables.ts. */
export interface History {
  /** The changes that `filter` lets through, read at one moment. */
  changes(filter: ChangeFilter): Promise<Changes>;
  /** Userids that ever had one of these spellings, whatever their case, in the corps of `corpIds` or in all. */
  findPeople(userid: string, corpIds?: readonly string[]): Promise<readonly Person[]>;
  /** The present departments of a corp, by id. */
  departments(corpId: string): Promise<readonly DepartmentSize[]>;
  /**
   * Deletes changes and ended runs older than `before`, at most `steps` times a few hundred, each step a transaction of
   * its own, so that nobody waits. The run that a corp's row names is kept. Returns how many; fewer than there are when the steps ran out.
   */
  prune(before: Date, steps: number): Promise<{ readonly changes: number; readonly runs: number }>;
  /**
   * Erases a person: the row, the memberships, every change, the mentions as a leader in others' rows and changes, and
   * their number where the store remembers it as wrong. All of it or nothing; excludes commits of the corp meanwhile. Repeated, it does nothing.
   */
  erase(person: Person): Promise<Erased>;
}

/** A department, and its name where that was ever known. */
export interface NamedDepartment {
  readonly id: number;
  readonly name: string | null;
}

/** Finds a department's name. */
export type NameDepartment = (id: number) => NamedDepartment;

/** What {@link Changes.departmentNames} says about one corp's departments. */
export function departmentNamer(names: Changes['departmentNames'], corpId: string): NameDepartment {
  const known = names.get(corpId.toLowerCase());
  return (id) => ({ id, name: known?.get(id) ?? null });
}
