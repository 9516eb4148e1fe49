import { connect as connectSocket, isIP, type Socket } from 'node:net';
import { type Connection as Driver, createConnection, type QueryError, type ResultSetHeader, type RowDataPacket } from 'mysql2';
import type { Clock } from '../../../core/ports/system.ts';
import type { Purpose, Row, Session, SqlValue, Written } from '../database.ts';
import { mysqlDialect } from './dialect.ts';
import { settingStatements } from './settings.ts';
import type { MysqlAddress } from './url.ts';

/** How sessions are opened, and how long they wait. */
export interface SessionOptions {
  readonly address: MysqlAddress;
  /** The server ends a session that is silent for longer: below the lease's life, so that a frozen writer blocks nobody. */
  readonly silenceMs: number;
  /** How long connecting, and any one statement, may take. */
  readonly connectMs: number;
  readonly statementMs: number;
  readonly clock: Clock;
  /** Once aborted, nothing may take longer than {@link HURRY_MS}: the process is to end. */
  readonly stopping?: AbortSignal;
}

/** How long an answer is still awaited by a process that is to end. */
const HURRY_MS = 800;
/** A migration may rewrite a table of millions of rows. */
const MIGRATION_STATEMENT_MS = 3_600_000;
/** How long the server may take to hang up after it was told good-bye. */
const GOODBYE_MS = 1_000;
/** More values than this in a statement are cheaper sent in binary, though that takes a round trip more. */
const BINARY_FROM_VALUES = 200;
/** Statements that a session keeps prepared: few shapes come often, and servers have a limit for all sessions together. */
const PREPARED = 8;

/** One connection to the server, used by one unit of work after the other. */
export class MysqlSession implements Omit<Session, 'close'> {
  readonly dialect = mysqlDialect;
  readonly #driver: Driver;
  readonly #socket: Socket;
  readonly #options: SessionOptions;
  #limitMs: number;
  #reads = false;
  #whenBroken: () => void = () => undefined;
  /** What broke the connection while nobody waited for an answer. */
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

  /** Connects, and sets what a session must not take from the server. */
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

  /** Whether the connection still stands, so far as is known without asking. */
  get usable(): boolean {
    return this.#usable && this.#broken === undefined;
  }

  /** Calls `told` once, when the server or the network ends the connection. */
  onBroken(told: () => void): void {
    this.#whenBroken = told;
  }

  /** Says what the next unit of work is for. */
  serve(purpose: Purpose): void {
    this.#reads = purpose === 'read';
    this.#limitMs = purpose === 'migrate' ? MIGRATION_STATEMENT_MS : this.#options.statementMs;
  }

  /** Makes the session as new: whatever is open is rolled back, locks and prepared statements are gone. */
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
    // What only read ends with the reset, and nobody waits for that.
    if (!this.#reads) await this.query('COMMIT');
  }

  async rollback(): Promise<void> {
    await this.query('ROLLBACK').catch(() => undefined);
  }

  /** Says good-bye and waits until the server has hung up; never throws. A server that is not told counts an aborted client. */
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

  /** One statement, within its time; after that nothing more can be asked of this connection. */
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

  /** What really happened. mysql2 hangs the whole statement on its errors, people's data included: that goes into no log. */
  #explain(error: QueryError): QueryError {
    const cause = 'code' in error ? error : (this.#broken ?? Object.assign(error, { code: 'PROTOCOL_CONNECTION_LOST' }));
    return Object.assign(cause, { sql: undefined });
  }
}

/** No answer to a statement in time; known by its code, as the driver's own errors are. */
class StatementTimeout extends Error {
  readonly code = 'STATEMENT_TIMEOUT';
}

/** Calls `giveUp` when patience is at an end, unless what it gives back was called before. */
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
  // mysql2 tells TLS only names, no addresses; this is where Node looks then for what a certificate must be made out to.
  return isIP(host) === 0 ? socket : Object.assign(socket, { _host: host });
}
