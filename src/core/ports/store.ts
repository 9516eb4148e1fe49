import type { Before, ChangeCounts, ChangeSet, Corp, CorpOutcome, MemberKey, Snapshot, StoredMember } from '../model.ts';

/** Leave to write one corp: taken at the start of a corp's run, and good until somebody takes a newer one. */
export interface Fence {
  readonly corp: Corp;
  /** Grows with every taker, whoever that is. */
  readonly token: number;
  /** The row in `runs` that this run writes its story to. */
  readonly runId: number;
}

/** Who starts a run, kept in `runs` and compared with who wrote the corp before. */
export interface Writer {
  readonly host: string;
  readonly pid: number;
  /** Our package version, such as `1.4.2`. */
  readonly version: string;
  /** The `gate:` values that made this the place to run, as `NAME=value` joined by `,` in order of name; empty without a gate, null where it was passed by hand. */
  readonly environment: string | null;
  /** Whether a corp last written from `environment` is ours to write: see `acceptsEnvironment` in gate.ts. */
  readonly accepts: (environment: string) => boolean;
}

/** How a corp's run ended, for its row in `runs`. */
export interface RunEnd {
  readonly outcome: Exclude<CorpOutcome, 'skipped'>;
  readonly requests: number;
  /** One line for people; null when all went well. */
  readonly error: string | null;
}

/** What a commit did. Members seen by a live lookup after the run began are left alone, and are not counted. */
export interface Committed {
  readonly counts: ChangeCounts;
  /** Present in the store after the commit. */
  readonly memberCount: number;
  readonly departmentCount: number;
}

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

/** A corp as the store knows it. */
export interface CorpRecord {
  readonly corp: Corp;
  readonly fence: number;
  readonly lastSuccessAt: Date | null;
  /** When its oldest run that is still known began; null once it has succeeded, and before any run. */
  readonly triedSince: Date | null;
  readonly lastRunId: number | null;
  readonly writerVersion: string | null;
  readonly memberCount: number;
  readonly departmentCount: number;
}

/** One row of `runs`. */
export interface RunRecord {
  readonly id: number;
  readonly corpId: string;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly outcome: Exclude<CorpOutcome, 'skipped'>;
  readonly requests: number;
  readonly counts: ChangeCounts;
  readonly host: string;
  readonly version: string;
  readonly error: string | null;
}

/**
 * Keeps organisations. Opening connects to nothing; every method throws OrgsyncError only: `unavailable` when the
 * database cannot be reached, `refused` when it denies a privilege or its tables are a newer version's, `config` when
 * tables are missing or too old or the disk is full, `temporary` when a fence is no longer the newest or a lock wait outlasted the bounded retries.
 */
export interface Store {
  /** Throws `config` (`tables_missing`, `tables_outdated`) or `refused` (`tables_too_new`) unless the tables are those of this version. The embedded store migrates itself first. */
  ensureReady(): Promise<void>;

  /**
   * Takes the corp's fence and opens its row in `runs` (outcome `interrupted` until told otherwise), in one
   * transaction: from here on nobody with an older fence commits. Creates the corp's row where there is none.
   */
  begin(corp: Corp, writer: Writer): Promise<Fence>;

  /** What the difference with `after` needs (see {@link Before}), read at one moment. */
  readBefore(corp: Corp, after: Snapshot): Promise<Before>;

  /**
   * Writes a whole change set and the end of the run, outcome `ok`, in one transaction: all of it or, when this rejects
   * with anything but a lost connection, nothing. After a lost connection it finds out from `runs` whether the
   * commit landed, and if not, tries again within a bound.
   *
   * The fence is checked inside the transaction under a shared lock: an old one writes no row and rejects with
   * `temporary`, code `fenced_off`. The same change set committed twice (a new run, same input) changes no row of
   * departments, members and memberships the second time. Members whom a live lookup wrote since `begin` are
   * skipped. Deadlocks (1213) and lock waits (1205) are repeated within a bound. `lastSuccessAt` advances here only.
   */
  commit(fence: Fence, changes: ChangeSet, end: { readonly requests: number }): Promise<Committed>;

  /** Closes the row in `runs` for a run that committed nothing. Writes nothing else, and nothing when the run had ended. */
  finish(fence: Fence, end: RunEnd): Promise<void>;

  /**
   * Everyone, departed included, whose mobile is one of `e164s`, by number; corps limited to `corpIds` when given.
   * Current members first, then the latest departed. Does as {@link Store.ensureReady} at the same moment, for
   * somebody waits for the answer.
   */
  findByPhones(e164s: readonly string[], corpIds?: readonly string[]): Promise<ReadonlyMap<string, readonly PhoneMatch[]>>;

  /** Members by key, in full; who is not stored is missing from the result. */
  findMembers(corp: Corp, keys: readonly MemberKey[]): Promise<ReadonlyMap<MemberKey, StoredMember>>;

  /** Departments by id, in the order of `ids`; one that is not stored is named by its number. */
  findDepartments(corp: Corp, ids: readonly number[]): Promise<readonly DepartmentPath[]>;

  /**
   * Writes what a live lookup saw, with its rows in `changes` (run_id NULL), in one transaction that excludes commits:
   * runs that began before leave these members alone. The caller computes `changes` from {@link Store.findMembers}.
   */
  commitLive(corp: Corp, changes: ChangeSet, writer: Writer): Promise<void>;

  /** Every corp the store knows, by id. */
  corps(): Promise<readonly CorpRecord[]>;
  /** The latest `limit` runs of a corp, newest first; with `before`, of those that began before the run of this id. */
  runs(corpId: string, limit: number, before?: number): Promise<readonly RunRecord[]>;

  close(): Promise<void>;
}

/** Creates and upgrades the tables. */
export interface Migrator {
  /** Applies what is missing, one migration after the other; safe to run twice and by two processes at once. Returns the names applied. */
  migrate(): Promise<readonly string[]>;
  /** The SQL that {@link Migrator.migrate} would run on an empty database, for a DBA to read. Connects to nothing. */
  sql(): string;
}
