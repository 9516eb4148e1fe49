import type { OrgsyncError } from '../../errors.ts';

/**
 * A value of a placeholder or a column, in every engine. Times are text, `YYYY-MM-DD HH:MM:SS.mmm` in UTC; booleans are 1
 * and 0; JSON is text.
 */
export type SqlValue = null | number | string | Buffer;

/** One row, by column name. */
export type Row = Readonly<Record<string, SqlValue>>;

/** The result of a writing statement. */
export interface Written {
  /** The number of rows that the statement changed. Engines count an upsert differently, so only compare it with 0. */
  readonly touched: number;
  /** The automatic id of the row inserted last. */
  readonly insertedId: number;
}

/** Runs statements one after the other. Values must be passed by `?` placeholders, never in the text. */
export interface Connection {
  readonly dialect: Dialect;
  query(sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]>;
  /** As {@link Connection.query}, each row an array in the order of the select list: for many rows of few columns. */
  tuples(sql: string, values?: readonly SqlValue[]): Promise<readonly (readonly SqlValue[])[]>;
  write(sql: string, values?: readonly SqlValue[]): Promise<Written>;
}

/** The type of a column. */
export type ColumnType =
  /** Corp ids and userids: ASCII, compared without case. */
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
  /** A number that the database assigns, never the same twice. */
  | 'automatic';

/** The differences between the engines' SQL. */
export interface Dialect {
  readonly types: Readonly<Record<ColumnType, string>>;
  /** The text after the closing parenthesis of CREATE TABLE. */
  readonly tableSuffix: string;
  /** An index as a line of CREATE TABLE; undefined when the engine needs a separate statement. */
  indexInTable(name: string, columns: readonly string[]): string | undefined;
  /** An index as a separate statement. */
  createIndex(name: string, table: string, columns: readonly string[]): string;
  /** Ends a SELECT with a shared lock: other transactions cannot change these rows, but can lock them in the same way. */
  readonly shareLock: string;
  /** Ends a SELECT with an exclusive lock: other transactions cannot change or lock these rows. */
  readonly updateLock: string;
  /** The database's current time, as an expression. */
  readonly now: string;
  /** The database's current time plus `ms` milliseconds, as an expression. */
  later(ms: number): string;
  /** The seconds from one column of times to another, as an expression; with milliseconds. */
  seconds(from: string, to: string): string;
  /** Ends an INSERT: a row with the same primary key gets the new values of `columns`. */
  onConflict(key: readonly string[], columns: readonly string[]): string;
  /** A query for the names of a table's columns, as `name`. */
  columnsOf(table: string): string;
  /** A query for the names of a table's indexes, as `name`. */
  indexesOf(table: string): string;
  /** How to select a text column that may hold any character. */
  exactText(column: string): string;
}

/** A database. All its errors are {@link OrgsyncError}s. Opening does not connect. Every wait has a limit. */
export interface Database {
  readonly dialect: Dialect;
  /**
   * Runs `work` in a read-only transaction on its own connection, which sees the database at one moment. It is retried once,
   * because a person may wait for the answer; with `patiently`, as often as a transaction.
   */
  read<T>(work: (connection: Connection) => Promise<T>, options?: { readonly patiently?: boolean }): Promise<T>;
  /**
   * Runs `work` in one transaction on its own connection: all of it or nothing.
   *
   * After a deadlock, a lock wait timeout or a lost connection, the whole `work` is retried, up to a limit. When the connection
   * is lost at COMMIT, it is unknown whether the transaction was committed, and `work` is retried as well. So `work` must
   * first lock the same rows, and then accept that its changes may be there already.
   * @param options.tidiesUp whether to finish the work although the process was told to stop
   * @param options.urgent whether to use the connections for urgent work, instead of waiting for an ordinary one
   */
  transaction<T>(work: (connection: Connection) => Promise<T>, options?: { readonly tidiesUp?: boolean; readonly urgent?: boolean }): Promise<T>;
  /** Runs `work` while no other process is in `alone`: for migrations. Not atomic on engines whose DDL is not. */
  alone<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** A connection of an engine, with the commands for transactions. */
export interface Session extends Connection {
  begin(): Promise<void>;
  commit(): Promise<void>;
  /** Never throws. */
  rollback(): Promise<void>;
  /** Returns the session for reuse, or ends it when `discard` is set or the engine does not reuse sessions. Never throws. */
  close(how?: { readonly discard?: boolean }): Promise<void>;
}

/** The purpose of a session: `read` sees one moment, `migrate` may take long. */
export type Purpose = 'read' | 'write' | 'migrate';

/**
 * The class of an engine's error. A retry may help after `contention`; on another connection also after `locked` (somebody holds
 * a lock for long), `lost` (a connection, or a server that cannot work now), and `silent` (a server that does not answer in time).
 */
export type Trouble = 'contention' | 'locked' | 'lost' | 'silent' | 'final';

/** A database engine: opens sessions, and translates its errors. */
export interface Engine {
  readonly dialect: Dialect;
  /** Whether it was opened read-only. */
  readonly readOnly: boolean;
  open(purpose: Purpose, options?: { readonly urgent?: boolean }): Promise<Session>;
  /** Takes the lock of {@link Database.alone} on this session. The returned function frees it; its argument says whether `work` succeeded. */
  lockAlone(session: Session): Promise<(succeeded: boolean) => Promise<void>>;
  judge(error: unknown): Trouble;
  translate(error: unknown): OrgsyncError;
  close(): Promise<void>;
}
