import { connect as connectSocket, isIP, type Socket } from 'node:net';
import { type Connection as Driver, createConnection, type QueryError, type ResultSetHeader, type RowDataPacket } from 'mysql2';
import type { Clock } from '../../../core/ports/system.ts';
import { OrgsyncError } from '../../../errors.ts';
import type { Engine, Row, Session, SqlValue, Written } from '../database.ts';
import { mysqlDialect } from './dialect.ts';
import { judgeMysqlError, translateMysqlError } from './errors.ts';
import { type MysqlAddress, parseMysqlUrl } from './url.ts';

/** How a MySQL or MariaDB is spoken to. */
export interface MysqlOptions {
  readonly url: string;
  readonly readOnly: boolean;
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

/** More values than this in a statement are cheaper sent in binary, though that takes a round trip more. */
const BINARY_FROM_VALUES = 200;

/** MySQL 5.7+, 8.x, MariaDB 10.5+. Every unit of work has a connection of its own: none is old, none is shared. */
export function openMysql(options: MysqlOptions): Engine {
  const address = parseMysqlUrl(options.url);
  const where = `MySQL at ${address.socket ?? `${address.host}:${address.port}`}`;
  return {
    dialect: mysqlDialect,
    readOnly: options.readOnly,
    open: (purpose) => MysqlSession.open(address, options, purpose === 'read'),
    lockAlone,
    judge: judgeMysqlError,
    translate: (error) => translateMysqlError(error, where),
    close: () => Promise.resolve(),
  };
}

async function lockAlone(session: Session): Promise<() => Promise<void>> {
  const [row] = await session.query("SELECT GET_LOCK(CONCAT('orgsync.', LEFT(DATABASE(), 40)), 20) AS locked");
  if (row?.['locked'] !== 1) {
    throw new OrgsyncError('temporary', {
      code: 'migration_running',
      message: 'Another process is migrating the tables.',
      hint: 'try again when it has finished',
    });
  }
  return async () => {
    await session.query("SELECT RELEASE_LOCK(CONCAT('orgsync.', LEFT(DATABASE(), 40)))");
  };
}

class MysqlSession implements Session {
  readonly dialect = mysqlDialect;
  readonly #driver: Driver;
  readonly #socket: Socket;
  readonly #patience: Patience;
  readonly #readOnly: boolean;

  /** What broke the connection while nobody waited for an answer. */
  #broken: QueryError | undefined;

  private constructor(driver: Driver, socket: Socket, patience: Patience, readOnly: boolean) {
    this.#driver = driver;
    this.#socket = socket;
    this.#patience = patience;
    this.#readOnly = readOnly;
    driver.on('error', (error: QueryError) => {
      this.#broken ??= error;
    });
  }

  static async open(address: MysqlAddress, options: MysqlOptions, readOnly: boolean): Promise<Session> {
    const socket = connectTo(address);
    const driver = createConnection({
      stream: () => socket,
      host: address.host,
      port: address.port,
      user: address.user,
      password: address.password,
      database: address.database,
      ...(address.ssl === undefined ? {} : { ssl: address.ssl }),
      charset: 'utf8mb4',
      dateStrings: true,
      jsonStrings: true,
      connectTimeout: options.connectMs,
      connectAttributes: { program_name: 'orgsync' },
    });
    const { connectMs, statementMs, clock, stopping } = options;
    const session = new MysqlSession(driver, socket, { ms: connectMs, clock, stopping }, readOnly);
    try {
      await session.#prepare(options.silenceMs);
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return new MysqlSession(driver, socket, { ms: statementMs, clock, stopping }, readOnly);
  }

  /** What the servers' own defaults must not decide. */
  async #prepare(silenceMs: number): Promise<void> {
    const seconds = Math.max(1, Math.floor(silenceMs / 1000));
    await this.query(
      `SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = 5,
       lock_wait_timeout = 10, wait_timeout = ${seconds}, net_read_timeout = ${seconds}, net_write_timeout = ${seconds}`,
    );
    await this.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
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
    await this.query(this.#readOnly ? 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY' : 'START TRANSACTION');
  }

  async commit(): Promise<void> {
    // What only read ends with its connection, and nobody waits for that.
    if (!this.#readOnly) await this.query('COMMIT');
  }

  async rollback(): Promise<void> {
    await this.query('ROLLBACK').catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#send((done) => this.#driver.end(done)).catch(() => undefined);
    this.#socket.destroy();
  }

  /** One statement, within its time; after that nothing more can be asked of this connection. */
  async #send<T>(statement: (done: (error: QueryError | null, result: T) => void) => void): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const answered = within(this.#patience, (ms) => {
        this.#socket.destroy();
        reject(new StatementTimeout(`no answer within ${ms} ms`));
      });
      statement((error, result) => {
        answered();
        if (error === null) resolve(result);
        else reject(this.#explain(error));
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

/** How long to wait, and what cuts it short. */
interface Patience {
  readonly ms: number;
  readonly clock: Clock;
  readonly stopping: AbortSignal | undefined;
}

/** Calls `giveUp` when patience is at an end, unless what it gives back was called before. */
function within({ ms, clock, stopping }: Patience, giveUp: (ms: number) => void): () => void {
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
