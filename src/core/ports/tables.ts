/**
 * The tables of the store. Opening a store does not connect. Every method of every part throws OrgsyncError only:
 * `unavailable` when the database cannot be reached; `refused` when it denies a privilege, or its tables belong to a newer
 * version; `config` when tables are missing or too old, or the disk is full; `temporary` when a fence is no longer the
 * newest, or a lock wait was longer than the retries.
 */
export interface Tables {
  /** Throws `config` (`tables_missing`, `tables_outdated`) or `refused` (`tables_too_new`) unless the tables are those of this version. In a run, the embedded store migrates itself first. */
  ensureReady(): Promise<void>;
}

/** Creates and upgrades the tables. */
export interface Migrator {
  /** Applies the missing migrations one after the other. Safe to run twice and by two processes at the same time. Returns the applied names. */
  migrate(): Promise<readonly string[]>;
  /**
   * The SQL that {@link Migrator.migrate} would run, for a DBA: on an empty database, or on one whose newest migration is
   * `after`. Does not connect. Throws `usage` / `unknown_migration`.
   */
  sql(after?: string): string;
}
