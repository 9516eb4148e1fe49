/**
 * The tables under everything that is stored. Opening a store connects to nothing; every method of every part of it throws
 * OrgsyncError only: `unavailable` when the database cannot be reached, `refused` when it denies a privilege or its tables
 * are a newer version's, `config` when tables are missing or too old or the disk is full, `temporary` when a fence is no
 * longer the newest or a lock wait outlasted the bounded retries.
 */
export interface Tables {
  /** Throws `config` (`tables_missing`, `tables_outdated`) or `refused` (`tables_too_new`) unless the tables are those of this version. The embedded store migrates itself first. */
  ensureReady(): Promise<void>;
}

/** Creates and upgrades the tables. */
export interface Migrator {
  /** Applies what is missing, one migration after the other; safe to run twice and by two processes at once. Returns the names applied. */
  migrate(): Promise<readonly string[]>;
  /** The SQL that {@link Migrator.migrate} would run on an empty database, for a DBA to read. Connects to nothing. */
  sql(): string;
}
