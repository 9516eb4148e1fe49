import type { Migrator } from '../core/ports/tables.ts';
import type { Clock } from '../core/ports/system.ts';
import { Secret } from '../core/secret.ts';
import { OrgsyncError } from '../errors.ts';
import type { Database, Dialect, Engine } from './engine/database.ts';
import { createMigrator, migrationSql } from './schema/migrate.ts';
import { mysqlDialect } from './engine/mysql/dialect.ts';
import { sqliteDialect } from './engine/sqlite/dialect.ts';
import { createStore, type Store } from './store.ts';
import { openDatabase } from './engine/transaction.ts';

/** How to open a store. */
export interface OpenOptions {
  /** `mysql://…` or `sqlite:PATH`; the path is absolute, or relative to the working directory. */
  readonly url: string | Secret;
  /** Whether writing is refused. */
  readonly readOnly: boolean;
  /** Whether a missing SQLite store may be created now; by default it may. Tables of an older version are upgraded all the same. */
  readonly mayCreate?: () => boolean;
  /** The ttl of a lease. The server ends the session of a silent writer earlier than that. */
  readonly leaseTtlMs?: number;
  /** Whether to write corps that a newer version or another environment has written. */
  readonly allowTakeover?: boolean;
  readonly clock: Clock;
  /** Aborts when the process must end: units of work stop, and nothing waits any longer. */
  readonly stopping?: AbortSignal;
  /** How long connecting may take. */
  readonly connectMs?: number;
  /** How long one statement may take. */
  readonly statementMs?: number;
}

/** A store, its migrator, and their database, which other adapters use as well. */
export interface OpenedStore {
  readonly store: Store;
  readonly migrator: Migrator;
  /** Closed by {@link Store.close}. */
  readonly database: Database;
}

/** Opens the store at a url. Does not connect yet. Throws `config` / `store_url` when the url is wrong. */
export async function openStore(options: OpenOptions): Promise<OpenedStore> {
  const { readOnly, mayCreate = () => true, allowTakeover = false, clock, stopping } = options;
  const url = reveal(options.url);
  const now = (): number => clock.now();
  const database = openDatabase(await openEngine(url, options), { clock, ...(stopping === undefined ? {} : { stopping }) });
  const migrator = createMigrator(database, now);
  const migratesItself = isSqlite(url) && !readOnly;
  const store = createStore(database, { now, allowTakeover, ...(migratesItself ? { migrate: () => migrator.migrate(), mayCreate } : {}) });
  return { store, migrator, database };
}

/** Returns the SQL that creates the tables of an empty store. Needs no driver and no server. */
export function tablesSql(url: string | Secret): string {
  return migrationSql(dialectOf(reveal(url)));
}

/** Loads only the driver that is needed. */
async function openEngine(url: string, options: OpenOptions): Promise<Engine> {
  const { readOnly, mayCreate = () => true, leaseTtlMs = 60_000, connectMs = 10_000, statementMs = 30_000, clock, stopping } = options;
  if (dialectOf(url) === sqliteDialect) {
    const { openSqlite } = await import('./engine/sqlite/sqlite.ts');
    return openSqlite({ file: url.replace(/^sqlite:(\/\/)?/, ''), readOnly, mayCreate, lockWaitMs: 5_000, clock });
  }
  const { openMysql } = await import('./engine/mysql/mysql.ts');
  return openMysql({ url, readOnly, silenceMs: leaseTtlMs / 2, connectMs, statementMs, clock, ...(stopping === undefined ? {} : { stopping }) });
}

function dialectOf(url: string): Dialect {
  if (isSqlite(url)) return sqliteDialect;
  if (/^(mysql|mariadb):\/\//.test(url)) return mysqlDialect;
  throw new OrgsyncError('config', {
    code: 'store_url',
    message: 'The address of the store begins with neither mysql:// nor sqlite:.',
    hint: 'write store: mysql://user:password@host:3306/database, or store: sqlite:orgsync.sqlite',
  });
}

function isSqlite(url: string): boolean {
  return url.startsWith('sqlite:');
}

function reveal(url: string | Secret): string {
  return url instanceof Secret ? url.reveal() : url;
}
