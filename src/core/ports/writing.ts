import type { OrgsyncError } from '../../errors.ts';
import type { Before, ChangeCounts, ChangeSet, Corp, CorpOutcome, Snapshot } from '../model.ts';

/** The permission to write one corp: taken at the start of a corp's run, and valid until another process takes a newer one. */
export interface Fence {
  readonly corp: Corp;
  /** Grows each time that a process takes the fence. */
  readonly token: number;
  /** The row of this run in `runs`. */
  readonly runId: number;
  /** A random text in that row and in no other: after a failover, another run may have the same token and the same row id. */
  readonly nonce: string;
}

/** The process that starts a run. It is stored in `runs` and compared with the last writer of the corp. */
export interface Writer {
  readonly host: string;
  readonly pid: number;
  /** Our package version, such as `1.4.2`. */
  readonly version: string;
  /** The actual values of the variables in `gate:`, as `NAME=value` joined by `,` in order of name; empty without a gate, null with --ignore-gate. */
  readonly environment: string | null;
  /** Whether this process may write a corp that was last written from `environment`: see `acceptsEnvironment` in gate.ts. */
  readonly accepts: (environment: string) => boolean;
}

/** How a corp's run ended, for its row in `runs`. */
export interface RunEnd {
  readonly outcome: Exclude<CorpOutcome, 'skipped'>;
  readonly requests: number;
  /** One line for people; null after success, unless something could not be written. */
  readonly error: string | null;
}

/** The result of a commit. Members that a live lookup wrote after the run began are not changed and not counted. */
export interface Committed {
  readonly counts: ChangeCounts;
  /** The number in the store after the commit. */
  readonly memberCount: number;
  readonly departmentCount: number;
}

/** Writes organisations during a run. Throws like every part of the store, see `Tables` in tables.ts. */
export interface Organisations {
  /**
   * Takes the corp's fence and opens its row in `runs` (outcome `interrupted` until the end), in one transaction. From then on
   * a process with an older fence cannot commit. Creates the corp's row when it is missing.
   */
  begin(corp: Corp, writer: Writer): Promise<Fence>;

  /** The errors with which {@link begin} would refuse this writer, by id of the corp in lower case. Changes nothing. */
  refusals(writer: Writer): Promise<ReadonlyMap<string, OrgsyncError>>;

  /**
   * What a comparison with `after` needs (see {@link Before}), read in one snapshot. With `fence`, only a server that has seen
   * this fence is read: throws `unavailable` / `store_behind` when no connection leads to one in time.
   */
  readBefore(corp: Corp, after: Snapshot, fence?: Fence): Promise<Before>;

  /**
   * Writes a whole change set and the end of the run, outcome `ok`, in one transaction. When this rejects, nothing was
   * written, except possibly after a lost connection: then it checks in `runs` whether the commit succeeded, and if not,
   * tries again a limited number of times.
   *
   * The fence is checked inside the transaction under a shared lock: with an older fence no row is written, and it rejects with
   * `temporary`, code `fenced_off`. The same change set committed twice (a new run, same input) changes no row of
   * departments, members and memberships the second time. Members whom a live lookup wrote since `begin` are
   * skipped. After a deadlock (1213) or a lock wait (1205) it retries a limited number of times. Only this method changes `lastSuccessAt`.
   */
  commit(fence: Fence, changes: ChangeSet, end: Pick<RunEnd, 'requests'> & Partial<Pick<RunEnd, 'error'>>): Promise<Committed>;

  /** Closes the row in `runs` of a run that committed nothing. Writes nothing else, and nothing when the run has already ended. */
  finish(fence: Fence, end: RunEnd): Promise<void>;
}
