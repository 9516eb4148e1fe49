import { statSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import Libsql from 'libsql';
import type { Clock } from '../../../core/ports/system.ts';
import { OrgsyncError } from '../../../errors.ts';
import type { Engine, Row, Session, SqlValue, Written } from '../database.ts';
import { sqliteDialect } from './dialect.ts';
import { cannotCreate, judgeSqliteError, translateSqliteError } from './errors.ts';

/** How to open an SQLite file. */
export interface SqliteOptions {
  readonly file: string;
  readonly readOnly: boolean;
  /** Whether a missing file may be created now; by default it may, unless `readOnly`. */
  readonly mayCreate?: () => boolean;
  /** How long a writer waits for another writer, in this process or another one. */
  readonly lockWaitMs: number;
  readonly clock: Clock;
}

/** SQLite itself must not wait for a lock, because it would block the whole process, with its timers and signals. */
const PREPARE = 'PRAGMA busy_timeout = 0';

/** Opens an SQLite file; it is created by the first write. */
export function openSqlite(options: SqliteOptions): Engine {
  const turns = new Turns();
  return {
    dialect: sqliteDialect,
    readOnly: options.readOnly,
    open: async (purpose) => {
      const writes = purpose !== 'read';
      const leave = writes ? await turns.take() : () => undefined;
      try {
        return await SqliteSession.open(options, writes, leave);
      } catch (error) {
        leave();
        throw error;
      }
    },
    lockAlone: async (session) => {
      await session.begin();
      return (succeeded) => (succeeded ? session.commit() : session.rollback());
    },
    judge: judgeSqliteError,
    translate: (error) => translateSqliteError(error, options.file),
    close: () => Promise.resolve(),
  };
}

/** Lets one writer of this process work at a time, in the order of arrival. */
class Turns {
  #last: Promise<void> = Promise.resolve();

  async take(): Promise<() => void> {
    const before = this.#last;
    const { promise, resolve } = withResolvers();
    this.#last = promise;
    await before;
    return resolve;
  }
}

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((resolver) => {
    resolve = resolver;
  });
  return { promise, resolve };
}

class SqliteSession implements Session {
  readonly dialect = sqliteDialect;
  readonly #driver: Libsql.Database;
  readonly #writes: boolean;
  readonly #patience: Pick<SqliteOptions, 'lockWaitMs' | 'clock'>;
  readonly #leave: () => void;

  private constructor(driver: Libsql.Database, writes: boolean, patience: Pick<SqliteOptions, 'lockWaitMs' | 'clock'>, leave: () => void) {
    this.#driver = driver;
    this.#writes = writes;
    this.#patience = patience;
    this.#leave = leave;
  }

  static async open({ file, readOnly, mayCreate = () => true, lockWaitMs, clock }: SqliteOptions, writes: boolean, leave: () => void): Promise<Session> {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found === undefined) await create(file, !readOnly && mayCreate());
    else if (!found.isFile()) throw wrongPath(`${file} is ${found.isDirectory() ? 'a folder' : 'no file'}`, 'let `store:` name a file, or one that does not exist yet (Docker makes a folder in the place of a file that is missing)');
    const session = new SqliteSession(new Libsql(file), writes, { lockWaitMs, clock }, leave);
    try {
      await session.#patiently(() => session.#driver.exec(`${PREPARE}; PRAGMA query_only = ${writes ? 'OFF' : 'ON'}`));
      if (writes) await session.#patiently(() => session.#driver.pragma('journal_mode = WAL'));
      return session;
    } catch (error) {
      session.#driver.close();
      throw error;
    }
  }

  async query(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    return await this.#patiently(() => {
      const statement = this.#driver.prepare(sql).raw();
      const names = statement.columns().map(({ name }) => name);
      const rows = statement.all([...values]) as SqlValue[][];
      return rows.map((row) => Object.fromEntries(row.map((value, index) => [names[index] ?? '', value])));
    });
  }

  async tuples(sql: string, values: readonly SqlValue[] = []): Promise<readonly (readonly SqlValue[])[]> {
    return await this.#patiently(() => this.#driver.prepare(sql).raw().all([...values]) as SqlValue[][]);
  }

  async write(sql: string, values: readonly SqlValue[] = []): Promise<Written> {
    // Lets timers and signals run between the statements of a long transaction.
    await nextTurn();
    const { changes, lastInsertRowid } = await this.#patiently(() => this.#driver.prepare(sql).run([...values]));
    return { touched: changes, insertedId: Number(lastInsertRowid) };
  }

  async begin(): Promise<void> {
    await this.#patiently(() => this.#driver.exec(this.#writes ? 'BEGIN IMMEDIATE' : 'BEGIN'));
  }

  async commit(): Promise<void> {
    await this.#patiently(() => this.#driver.exec('COMMIT'));
  }

  rollback(): Promise<void> {
    if (this.#driver.inTransaction) this.#driver.exec('ROLLBACK');
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#driver.close();
    this.#leave();
    return Promise.resolve();
  }

  async #patiently<T>(action: () => T): Promise<T> {
    const { lockWaitMs, clock } = this.#patience;
    const deadline = clock.monotonic() + lockWaitMs;
    for (;;) {
      try {
        return action();
      } catch (error) {
        if (judgeSqliteError(error) !== 'contention' || clock.monotonic() > deadline) throw error;
        await clock.sleep(5 + Math.random() * 10);
      }
    }
  }
}

/** Creates the file, readable only by its owner, because it will contain phone numbers. */
async function create(file: string, mayCreate: boolean): Promise<void> {
  if (!mayCreate) {
    throw new OrgsyncError('config', {
      code: 'store_missing',
      message: `${file} does not exist.`,
      hint: 'the first `orgsync run` creates it, and so does `orgsync migrate`; or correct `store:`',
    });
  }
  try {
    const handle = await openFile(file, 'a', 0o600);
    await handle.close();
  } catch (error) {
    const { message, hint } = cannotCreate(file, error);
    throw wrongPath(message, hint, error);
  }
}

function wrongPath(message: string, hint: string, cause?: unknown): OrgsyncError {
  return new OrgsyncError('config', { code: 'store_path', message, hint, cause });
}
