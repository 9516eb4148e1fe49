import type { Connection as Driver, QueryError, ResultSetHeader, RowDataPacket } from 'mysql2';
import type { Purpose, Row, Session, SqlValue, Written } from '../database.ts';
import { Connecting, type ConnectOptions } from './connection.ts';
import { mysqlDialect } from './dialect.ts';
import type { Lookout } from './lookout.ts';
import { areInEffect, SETTINGS_IN_EFFECT, settingStatements } from './settings.ts';
import { waitWhileAlive } from './silence.ts';

/** How to open sessions, and their time limits. */
export interface SessionOptions extends ConnectOptions {
  /** The server ends a session that is silent for longer. Shorter than the lease's ttl, so that a frozen writer does not block others. */
  readonly silenceMs: number;
  /** How long the server may be silent while it works on one statement. */
  readonly statementMs: number;
  /** Aborts when the process must end; then every statement has at most {@link HURRY_MS}. */
  readonly stopping?: AbortSignal;
}

/** The time limit of a statement when the process must end. */
const HURRY_MS = 800;
/** A migration may rewrite a table of millions of rows. */
const MIGRATION_STATEMENT_MS = 3_600_000;
/** The time limit of connecting after the server was found silent: it has been waited for already. */
const RECONNECT_MS = 2_000;
/** How long the server may take to close the connection after we asked for it. */
const GOODBYE_MS = 1_000;
/** With more values than this, sending them in binary is cheaper, although it needs one more round trip. */
const BINARY_FROM_VALUES = 200;
/** Refusals of prepared statements: none left, lost by a pooler, not prepared by a proxy. Such a statement was not executed. */
const NOT_PREPARED: ReadonlySet<unknown> = new Set([1461, 1243, 1295, 1047]);

/**
 * What a server or proxy says that will never take the settings: no such variable, not settable, only globally, another type,
 * another value, not understood.
 */
const NOT_SETTABLE: ReadonlySet<unknown> = new Set([1064, 1193, 1228, 1229, 1231, 1232, 1238, 1621, 3010]);

/** The server, or a proxy before it, took the settings of the session and does not keep them. */
class SettingsRefused extends Error {
  override readonly name = 'SettingsRefused';
  readonly code = 'SETTINGS_REFUSED';
}

/** A connection to the server, used by one unit of work after the other. */
export class MysqlSession implements Omit<Session, 'close'> {
  readonly dialect = mysqlDialect;
  readonly #connection: Connecting;
  readonly #options: SessionOptions;
  readonly #lookout: Lookout;
  /** How long connecting may take; undefined when the session is set up. */
  #connectMs: number | undefined;
  #statementMs: number;
  #reads = false;
  #preparesStatements = true;
  #whenBroken: () => void = () => undefined;
  /** The error that broke the connection while no statement was running. */
  #broken: QueryError | undefined;
  #usable = true;

  private constructor(options: SessionOptions, lookout: Lookout) {
    const connection = new Connecting(options);
    this.#connection = connection;
    this.#options = options;
    this.#lookout = lookout;
    this.#connectMs = lookout.isSilent ? Math.min(RECONNECT_MS, options.connectMs / 2) : options.connectMs;
    this.#statementMs = options.statementMs;
    connection.driver.on('error', (error: QueryError) => {
      this.#broken ??= error;
    });
    connection.socket.once('close', () => {
      this.#usable = false;
      this.#whenBroken();
    });
  }

  get #driver(): Driver {
    return this.#connection.driver;
  }

  /** Connects, and sets the session's variables. */
  static async open(options: SessionOptions, lookout: Lookout): Promise<MysqlSession> {
    const session = new MysqlSession(options, lookout);
    try {
      await session.#prepare();
      await session.#ensurePrepared();
    } catch (error) {
      session.#connection.socket.destroy();
      if (error instanceof StatementTimeout) lookout.note('silent');
      throw error;
    }
    lookout.note('answers');
    return session;
  }

  /** Whether the connection is usable, as far as is known without a round trip. */
  get usable(): boolean {
    return this.#usable && this.#broken === undefined;
  }

  /** Calls `listener` once, when the server or the network ends the connection. */
  onBroken(listener: () => void): void {
    this.#whenBroken = listener;
  }

  /** Sets the purpose of the next unit of work. */
  serve(purpose: Purpose): void {
    this.#reads = purpose === 'read';
    this.#statementMs = purpose === 'migrate' ? MIGRATION_STATEMENT_MS : this.#options.statementMs;
  }

  /** Resets the session: rolls back an open transaction, and drops locks and prepared statements. */
  async reset(): Promise<void> {
    this.#connectMs = this.#options.connectMs;
    await this.#send<unknown>((done) => this.#driver.reset((error) => done(error, undefined)));
    await this.#prepare();
  }

  async #prepare(): Promise<void> {
    const { silenceMs } = this.#options;
    try {
      for (const statement of settingStatements(Math.max(1, Math.floor(silenceMs / 1000)))) await this.#run(statement);
    } catch (error) {
      // A failed login is told by the first statement.
      const refused = error instanceof Error && this.#driver.authorized && 'errno' in error && NOT_SETTABLE.has(error.errno);
      throw refused ? Object.assign(error, { code: 'SETTINGS_REFUSED' }) : error;
    }
    this.#connectMs = undefined;
  }

  /** Asks once for each connection: what a proxy does with SET does not change. */
  async #ensurePrepared(): Promise<void> {
    const [row] = await this.query(SETTINGS_IN_EFFECT);
    if (!areInEffect(row?.['settings'])) throw new SettingsRefused(`the settings of the session have no effect: ${String(row?.['settings'])}`);
  }

  async query(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    return rowsIn(await this.#send<RowDataPacket[]>((done) => this.#driver.query({ sql, values: [...values] }, done)));
  }

  async tuples(sql: string, values: readonly SqlValue[] = []): Promise<readonly (readonly SqlValue[])[]> {
    const rows = await this.#send<RowDataPacket[]>((done) => this.#driver.query({ sql, values: [...values], rowsAsArray: true }, done));
    return rowsIn(rows) as unknown as SqlValue[][];
  }

  async write(sql: string, values: readonly SqlValue[] = []): Promise<Written> {
    const { affectedRows, insertId } = await (this.#preparesStatements && values.length >= BINARY_FROM_VALUES ? this.#writeBinary(sql, values) : this.#writeText(sql, values));
    return { touched: affectedRows, insertedId: insertId };
  }

  async #writeText(sql: string, values: readonly SqlValue[]): Promise<ResultSetHeader> {
    return await this.#send<ResultSetHeader>((done) => this.#driver.query({ sql, values: [...values] }, done));
  }

  async #writeBinary(sql: string, values: readonly SqlValue[]): Promise<ResultSetHeader> {
    try {
      return await this.#send<ResultSetHeader>((done) => this.#driver.execute({ sql, values: [...values] }, done));
    } catch (error) {
      if (!(error instanceof Error && 'errno' in error && NOT_PREPARED.has(error.errno))) throw error;
      this.#preparesStatements = false;
      return await this.#writeText(sql, values);
    }
  }

  /** Runs a statement that has no result. */
  async #run(sql: string): Promise<void> {
    await this.#send<unknown>((done) => this.#driver.query(sql, done));
  }

  async begin(): Promise<void> {
    await this.#run(this.#reads ? 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY' : 'START TRANSACTION');
  }

  async commit(): Promise<void> {
    // A reading transaction is ended by the reset in the background, so that the caller does not wait.
    if (!this.#reads) await this.#run('COMMIT');
  }

  async rollback(): Promise<void> {
    await this.#run('ROLLBACK').catch(() => undefined);
  }

  /** Ends the connection and waits until the server has closed it. Otherwise the server would count an aborted client. Never throws. */
  async end(): Promise<void> {
    if (this.usable) {
      const closed = new Promise<void>((resolve) => this.#connection.socket.once('close', resolve));
      this.#driver.end(() => undefined);
      const waited = new AbortController();
      await Promise.race([closed, this.#options.clock.sleep(GOODBYE_MS, waited.signal).catch(() => undefined)]);
      waited.abort();
    }
    this.#connection.socket.destroy();
  }

  /** Runs one statement within its time limit. After a timeout, the connection is not usable any more. */
  async #send<T>(statement: (done: (error: QueryError | null, result: T) => void) => void): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const answered = new AbortController();
      const giveUp = (why: string): void => {
        if (answered.signal.aborted) return;
        answered.abort();
        this.#usable = false;
        this.#connection.socket.destroy();
        reject(new StatementTimeout(why));
      };
      void this.#waitWhileAlive(answered.signal).then(giveUp, () => undefined);
      const { stopping } = this.#options;
      if (stopping !== undefined) void this.#hurry(stopping, answered.signal).then(giveUp, () => undefined);
      statement((error, result) => {
        answered.abort();
        if (error === null) {
          resolve(result);
          return;
        }
        if (error.fatal) this.#usable = false;
        reject(this.#explain(error));
      });
    });
  }

  /** Resolves with the reason to give the statement up; rejects when it is answered. */
  async #waitWhileAlive(answered: AbortSignal): Promise<string> {
    const { clock, connectMs: quietMs } = this.#options;
    const { socket, driver } = this.#connection;
    if (this.#connectMs === undefined) {
      return await waitWhileAlive({ socket, clock }, { quietMs, mostMs: this.#statementMs, look: () => this.#lookout.look(driver.threadId) }, answered);
    }
    const connectMs = this.#connectMs;
    await clock.sleep(connectMs, answered);
    return `no answer to ${this.#connection.step} within ${connectMs} ms`;
  }

  /** As {@link #waitWhileAlive}, once the process must end. */
  async #hurry(stopping: AbortSignal, answered: AbortSignal): Promise<string> {
    if (!stopping.aborted) await untilStopping(stopping, answered);
    await this.#options.clock.sleep(HURRY_MS, answered);
    return `no answer within ${HURRY_MS} ms`;
  }

  /** Returns the real cause of an error, without the statement that mysql2 adds: it contains data of members, which must not be logged. */
  #explain(error: QueryError): QueryError {
    const cause = 'code' in error ? error : (this.#broken ?? Object.assign(error, { code: 'PROTOCOL_CONNECTION_LOST' }));
    // What mysql2 throws where it cannot read an answer.
    const unreadable = cause instanceof RangeError || cause instanceof TypeError;
    return Object.assign(cause, { sql: undefined, ...(unreadable && { code: 'UNREADABLE_ANSWER' }) });
  }
}

/** Returns the rows of an answer. Throws {@link NoRows} where it has none, not even no rows: mysql2 then gives the header of an OK packet. */
function rowsIn<T>(answer: readonly T[]): readonly T[] {
  const given: unknown = answer;
  if (!Array.isArray(given)) throw new NoRows('the answer to a query was OK, without a list of rows');
  return answer;
}

/** An answer without rows to a statement that has some. Recognised by its code, like the errors of the driver. */
class NoRows extends Error {
  readonly code = 'NO_ROWS';
}

/** No answer to a statement in time. Recognised by its code, like the errors of the driver. */
class StatementTimeout extends Error {
  readonly code = 'STATEMENT_TIMEOUT';
}

/** Resolves when the process must end; rejects when the statement is answered before. */
async function untilStopping(stopping: AbortSignal, answered: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const settle = (): void => {
      stopping.removeEventListener('abort', settle);
      answered.removeEventListener('abort', settle);
      if (stopping.aborted) resolve();
      else reject(answered.reason as Error);
    };
    stopping.addEventListener('abort', settle);
    answered.addEventListener('abort', settle);
  });
}
