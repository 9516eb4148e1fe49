import { connect as connectSocket, isIP, type Socket } from 'node:net';
import { type Connection as Driver, createConnection, type QueryError, type ResultSetHeader, type RowDataPacket } from 'mysql2';
import type { Clock } from '../../../core/ports/system.ts';
import type { Purpose, Row, Session, SqlValue, Written } from '../database.ts';
import { mysqlDialect } from './dialect.ts';
import { settingStatements } from './settings.ts';
import type { MysqlAddress } from './url.ts';

/** How to open sessions, and their time limits. */
export interface SessionOptions {
  readonly address: MysqlAddress;
  /** The server ends a session that is silent for longer. Shorter than the lease's ttl, so that a frozen writer does not block others. */
  readonly silenceMs: number;
  /** How long connecting may take. */
  readonly connectMs: number;
  /** How long one statement may take. */
  readonly statementMs: number;
  readonly clock: Clock;
  /** Aborts when the process must end; then every statement has at most {@link HURRY_MS}. */
  readonly stopping?: AbortSignal;
}

/** The time limit of a statement when the process must end. */
const HURRY_MS = 800;
/** A migration may rewrite a table of millions of rows. */
const MIGRATION_STATEMENT_MS = 3_600_000;
/** How long the server may take to close the connection after we asked for it. */
const GOODBYE_MS = 1_000;
/** With more values than this, sending them in binary is cheaper, although it needs one more round trip. */
const BINARY_FROM_VALUES = 200;
/** The most prepared statements of a session. Only few are used often, and servers limit the number over all sessions. */
const PREPARED = 8;

/** A connection to the server, used by one unit of work after the other. */
export class MysqlSession implements Omit<Session, 'close'> {
  readonly dialect = mysqlDialect;
  readonly #driver: Driver;
  readonly #socket: Socket;
  readonly #options: SessionOptions;
  #limitMs: number;
  #reads = false;
  #whenBroken: () => void = () => undefined;
  /** The error that broke the connection while no statement was running. */
  #broken: QueryError | undefined;
  #usable = true;

  private constructor(driver: Driver, socket: Socket, options: SessionOptions) {
    this.#driver = driver;
    this.#socket = socket;
    this.#options = options;
    this.#limitMs = options.connectMs;
    driver.on('error', (error: QueryError) => {
      this.#broken ??= error;
    });
    socket.once('close', () => {
      this.#usable = false;
      this.#whenBroken();
    });
  }

  /** Connects, and sets the session's variables. */
  static async open(options: SessionOptions): Promise<MysqlSession> {
    const { address, connectMs } = options;
    const socket = connectTo(address);
    const driver = createConnection({
      stream: () => socket,
      host: address.host,
      port: address.port,
      user: address.user,
      password: address.password,
      database: address.database,
      ...(address.ssl === undefined ? {} : { ssl: address.ssl }),
      charset: 'utf8mb4_unicode_ci',
      dateStrings: true,
      jsonStrings: true,
      connectTimeout: connectMs,
      maxPreparedStatements: PREPARED,
      connectAttributes: { program_name: 'orgsync' },
    });
    const session = new MysqlSession(driver, socket, options);
    try {
      await session.#prepare();
    } catch (error) {
      socket.destroy();
      throw error;
    }
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
    this.#limitMs = purpose === 'migrate' ? MIGRATION_STATEMENT_MS : this.#options.statementMs;
  }

  /** Resets the session: rolls back an open transaction, and drops locks and prepared statements. */
  async reset(): Promise<void> {
    this.#limitMs = this.#options.connectMs;
    await this.#send<unknown>((done) => this.#driver.reset((error) => done(error, undefined)));
    await this.#prepare();
  }

  async #prepare(): Promise<void> {
    const { silenceMs } = this.#options;
    for (const statement of settingStatements(Math.max(1, Math.floor(silenceMs / 1000)))) await this.query(statement);
  }

  async query(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    return await this.#send<RowDataPacket[]>((done) => this.#driver.query({ sql, values: [...values] }, done));
  }

  async tuples(sql: string, values: readonly SqlValue[] = []): Promise<readonly (readonly SqlValue[])[]> {
    const rows = await this.#send<RowDataPacket[]>((done) => this.#driver.query({ sql, values: [...values], rowsAsArray: true }, done));
    return rows as unknown as SqlValue[][];
  }

  async write(sql: string, values: readonly SqlValue[] = []): Promise<Written> {
    const { affectedRows, insertId } = await this.#send<ResultSetHeader>((done) =>
      values.length >= BINARY_FROM_VALUES
        ? this.#driver.execute({ sql, values: [...values] }, done)
        : this.#driver.query({ sql, values: [...values] }, done),
    );
    return { touched: affectedRows, insertedId: insertId };
  }

  async begin(): Promise<void> {
    await this.query(this.#reads ? 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY' : 'START TRANSACTION');
  }

  async commit(): Promise<void> {
    // A reading transaction is ended by the reset in the background, so that the caller does not wait.
    if (!this.#reads) await this.query('COMMIT');
  }

  async rollback(): Promise<void> {
    await this.query('ROLLBACK').catch(() => undefined);
  }

  /** Ends the connection and waits until the server has closed it. Otherwise the server would count an aborted client. Never throws. */
  async end(): Promise<void> {
    if (this.usable) {
      const closed = new Promise<void>((resolve) => this.#socket.once('close', resolve));
      this.#driver.end(() => undefined);
      const waited = new AbortController();
      await Promise.race([closed, this.#options.clock.sleep(GOODBYE_MS, waited.signal).catch(() => undefined)]);
      waited.abort();
    }
    this.#socket.destroy();
  }

  /** Runs one statement within its time limit. After a timeout, the connection is not usable any more. */
  async #send<T>(statement: (done: (error: QueryError | null, result: T) => void) => void): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const answered = within({ ...this.#options, ms: this.#limitMs }, (ms) => {
        this.#usable = false;
        this.#socket.destroy();
        reject(new StatementTimeout(`no answer within ${ms} ms`));
      });
      statement((error, result) => {
        answered();
        if (error === null) {
          resolve(result);
          return;
        }
        if (error.fatal) this.#usable = false;
        reject(this.#explain(error));
      });
    });
  }

  /** Returns the real cause of an error, without the statement that mysql2 adds: it contains data of members, which must not be logged. */
  #explain(error: QueryError): QueryError {
    const cause = 'code' in error ? error : (this.#broken ?? Object.assign(error, { code: 'PROTOCOL_CONNECTION_LOST' }));
    return Object.assign(cause, { sql: undefined });
  }
}

/** No answer to a statement in time. Recognised by its code, like the errors of the driver. */
class StatementTimeout extends Error {
  readonly code = 'STATEMENT_TIMEOUT';
}

/** Calls `giveUp` after the time limit, unless the returned function was called before. */
function within({ ms, clock, stopping }: Pick<SessionOptions, 'clock' | 'stopping'> & { readonly ms: number }, giveUp: (ms: number) => void): () => void {
  const answered = new AbortController();
  const wait = (limit: number): void => void clock.sleep(limit, answered.signal).then(() => giveUp(limit), () => undefined);
  const hurry = (): void => wait(HURRY_MS);
  wait(stopping?.aborted === true ? Math.min(ms, HURRY_MS) : ms);
  stopping?.addEventListener('abort', hurry);
  return () => {
    answered.abort();
    stopping?.removeEventListener('abort', hurry);
  };
}

function connectTo({ host, port, socket: path }: MysqlAddress): Socket {
  const socket = path === undefined ? connectSocket({ host, port, noDelay: true, keepAlive: true }) : connectSocket({ path });
  // mysql2 passes only host names to TLS, and no IP addresses. Node.js then checks the certificate against `_host`.
  return isIP(host) === 0 ? socket : Object.assign(socket, { _host: host });
}
