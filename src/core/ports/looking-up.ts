import type { Corp, MemberKey, StoredMember } from '../model.ts';
import type { Sight } from '../sighting.ts';
import type { Writer } from './writing.ts';

/** A department, with all names from the root to its own. */
export interface DepartmentPath {
  readonly id: number;
  readonly name: string;
  readonly path: readonly string[];
}

/** A member found by phone number. */
export interface PhoneMatch {
  readonly corp: Corp;
  readonly member: StoredMember;
  /** For departed members: their last departments. */
  readonly departments: readonly DepartmentPath[];
  readonly updatedAt: Date;
  /** null while a member. */
  readonly departedAt: Date | null;
}

/** What the store can know about the phone numbers of a corp. */
export interface Coverage {
  readonly corp: Corp;
  readonly lastSuccessAt: Date | null;
  /** False when there are current members, and no run was shown the mobile of any of them. */
  readonly showsMobiles: boolean;
  /** Whether the last run that succeeded left out members, because they or their departments could not be read. */
  readonly leftOut: boolean;
}

/** Finds members by number. Throws like every part of the store, see `Tables` in tables.ts. */
export interface PhoneBook {
  /**
   * All members, including departed ones, with a mobile in `e164s`, by number; only in the corps of `corpIds` when given.
   * Current members come first, then the latest departed. Also checks the tables like `Tables.ensureReady`, in the same
   * session, because a person waits for the answer.
   */
  findByPhones(e164s: readonly string[], corpIds?: readonly string[]): Promise<ReadonlyMap<string, readonly PhoneMatch[]>>;

  /** The coverage of all corps in the store. Checks the tables like {@link PhoneBook.findByPhones}. */
  readCoverage(): Promise<readonly Coverage[]>;
}

/** How a corp stood before WeCom was asked. */
export interface Mark {
  readonly fence: number;
  /** Its latest run; null before any. */
  readonly lastRunId: number | null;
  /** Whether that run had ended. */
  readonly lastRunEnded: boolean;
}

/**
 * The result of writing a sight.
 *
 * - `written`: the store holds what was seen
 * - `same`: the store held it already
 * - `overtaken`: a run that began after the mark has committed, or a person was erased; the answer may be older
 * - `beside`: a run that was active at the mark has committed since; only another question can tell which of the two is newer
 */
export type LiveEnd = 'written' | 'same' | 'overtaken' | 'beside';

/** Reads and writes single members for a live lookup. Throws like every part of the store, see `Tables` in tables.ts. */
export interface Sightings {
  /** Members by key, with all fields; a member that is not stored is missing in the result. */
  findMembers(corp: Corp, keys: readonly MemberKey[]): Promise<ReadonlyMap<MemberKey, StoredMember>>;

  /** Departments by id, in the order of `ids`; the name of one that is not stored is its number. */
  findDepartments(corp: Corp, ids: readonly number[]): Promise<readonly DepartmentPath[]>;

  /** How the corp stands now. Read it before WeCom is asked, for {@link Sightings.commitLive}. */
  mark(corp: Corp): Promise<Mark>;

  /**
   * Writes what a live lookup saw, with its rows in `changes` (run_id NULL), in one transaction that excludes commits and
   * erasures. The stored members are read and compared again inside it. Runs that began before it do not change these members.
   * Writes nothing, and returns why, when something newer was committed since `mark`.
   */
  commitLive(corp: Corp, sight: Sight, order: { readonly mark: Mark; readonly writer: Writer }): Promise<LiveEnd>;
}
