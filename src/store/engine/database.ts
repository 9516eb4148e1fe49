import type { OrgsyncError } from '../../errors.ts';

/**
 * What a placeholder takes and a column gives, in every engine. Times are text, `YYYY-MM-DD HH:MM:SS.mmm` in UTC;
 * yes and no are 1 and 0; JSON is text.
 */
export type SqlValue = null | number | string | Buffer;

/** One row, by column name. */
export type Row = Readonly<Record<string, SqlValue>>;

/** What a statement did. */
export interface Written {
  /** Rows that the statement touched; how engines count an upsert differs, so ask no more than whether it is 0. */
  readonly touched: number;
  /** The automatic id of the row inserted last. */
  readonly insertedId: number;
}

/** Runs statements one after the other. Values go by `?` placeholders, never into the text. */
export interface Connection {
  readonly dialect: Dialect;
  query(sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]>;
  /** As {@link Connection.query}, each row an array in the order of the select list: for many rows of few columns. */
  tuples(sql: string, values?: readonly SqlValue[]): Promise<readonly (readonly SqlValue[])[]>;
  write(sql: string, values?: readonly SqlValue[]): Promise<Written>;
}

/** What kind of value a column holds. */
export type ColumnType =
  /** Corp ids and userids: ASCII, compared without regard to case. */
  | 'id'
  /** ASCII, compared exactly. */
  | 'key'
  | 'text'
  | 'longText'
  /** Whole numbers up to 2^53. */
  | 'number'
  /** Whole numbers 0 … 2^32-1. */
  | 'unsigned'
  | 'flag'
  | 'json'
  | 'time'
  /** 16 bytes. */
  | 'digest'
  /** A number that the database gives, never the same twice. */
  | 'automatic';

/** Where the engines' SQL differs. */
export interface Dialect {
  readonly types: Readonly<Record<ColumnType, string>>;
  /** What follows the closing parenthesis of CREATE TABLE. */
  readonly tableSuffix: string;
  /** An index as a line of CREATE TABLE, where the engine has such lines; else it stands beside the table. */
  indexInTable(name: string, columns: readonly string[]): string | undefined;
  /** An index as a statement of its own, which finds it there already without complaint. */
  indexBeside(name: string, table: string, columns: readonly string[]): string | undefined;
  /** Ends a SELECT whose rows nobody may change before our transaction ends; others may read and lock them the same way. */
  readonly shareLock: string;
  /** Ends a SELECT whose rows nobody may change or lock before our transaction ends. */
  readonly updateLock: string;
  /** The database's own time, as an expression. */
  readonly now: string;
  /** The database's own time and so many milliseconds, as an expression. */
  later(ms: number): string;
  /** Ends an INSERT whose row may be there already, by its primary key: then it gets the new values of `columns`. */
  onConflict(key: readonly string[], columns: readonly string[]): string;
  /** How to select a text column that may hold any character. */
  exactText(column: string): string;
}

/** A database whose errors are all {@link OrgsyncError}s. Opening connects to nothing; every wait in here has an end. */
export interface Database {
  readonly dialect: Dialect;
  /**
   * Runs `work` on a connection that is its own meanwhile, and sees the database as it is at one moment, and cannot change it. Trouble
   * repeats it once, for somebody may be waiting for the answer; `patiently`, as often as a transaction is.
   */
  read<T>(work: (connection: Connection) => Promise<T>, options?: { readonly patiently?: boolean }): Promise<T>;
  /**
   * Runs `work` on a connection that is its own meanwhile, in one transaction: all of it or nothing.
   *
   * Deadlocks, lock waits and lost connections repeat the whole of `work`, within a bound. A connection lost at COMMIT
   * leaves open whether it landed, and `work` is repeated all the same: it must find out by itself, after locking what
   * the lost one had locked, and be content to find its work done.
   * @param options.tidiesUp what is under way is finished though the process is told to stop: for what it must not leave behind
   * @param options.urgent does not wait until the connections of ordinary work are free
   */
  transaction<T>(work: (connection: Connection) => Promise<T>, options?: { readonly tidiesUp?: boolean; readonly urgent?: boolean }): Promise<T>;
  /** Runs `work` while no other process runs its own `alone`: for migrations. Not atomic where DDL is not. */
  alone<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** One connection with a transaction in it, as an engine gives it to {@link Database}'s common part. */
export interface Session extends Connection {
  begin(): Promise<void>;
  commit(): Promise<void>;
  /** Never throws. */
  rollback(): Promise<void>;
  /** Ends the session, or gives it back to be used again unless it is to be discarded; never throws. */
  close(how?: { readonly discard?: boolean }): Promise<void>;
}

/** What a session is opened for: `read` sees one moment, `migrate` may take long. */
export type Purpose = 'read' | 'write' | 'migrate';

/** What to do about an engine's error: `contention` and `lost` are worth another try. */
export type Trouble = 'contention' | 'lost' | 'final';

/** An engine: connections, its dialect, and its errors in our words. */
export interface Engine {
  readonly dialect: Dialect;
  /** Whether it was opened never to write. */
  readonly readOnly: boolean;
  open(purpose: Purpose, options?: { readonly urgent?: boolean }): Promise<Session>;
  /** Takes the lock of {@link Database.alone} on this session; what it gives back frees it, and is told how `work` went. */
  lockAlone(session: Session): Promise<(succeeded: boolean) => Promise<void>>;
  judge(error: unknown): Trouble;
  translate(error: unknown): OrgsyncError;
  close(): Promise<void>;
}
