import type { Before, ChangeCounts, ChangeSet, Corp, CorpOutcome, Snapshot } from '../model.ts';

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

/** Writes organisations: what a run does to the store. Throws as every part of the store does, see `Tables` in tables.ts. */
export interface Organisations {
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
}
