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

/** Where a store is, and how it is to behave. */
export interface OpenOptions {
  /** `mysql://…` or `sqlite:PATH`, the path absolute or from the working directory. */
  readonly url: string | Secret;
  /** Nothing is ever written, whatever is asked for. */
  readonly readOnly: boolean;
  /** How long a lease lives: a writer that falls silent loses its transaction sooner than that. */
  readonly leaseTtlMs?: number;
  /** Whether a corp may be taken that a newer version or another environment wrote. */
  readonly allowTakeover?: boolean;
  readonly clock: Clock;
  /** Aborts when the process is to end: what is under way stops, and nobody is waited for. */
  readonly stopping?: AbortSignal;
  /** How long connecting to a server, and any one statement, may take. */
  readonly connectMs?: number;
  readonly statementMs?: number;
}

/** A store, what migrates it, and the database under both, for whatever else lives there. */
export interface OpenedStore {
  readonly store: Store;
  readonly migrator: Migrator;
  /** Closed by {@link Store.close}. */
  readonly database: Database;
}

/** Opens the store that a url names, and connects to nothing yet. Throws `config` / `store_url` for a url that names none. */
export async function openStore(options: OpenOptions): Promise<OpenedStore> {
  const { readOnly, allowTakeover = false, clock, stopping } = options;
  const url = reveal(options.url);
  const now = (): number => clock.now();
  const database = openDatabase(await openEngine(url, options), { clock, ...(stopping === undefined ? {} : { stopping }) });
  const migrator = createMigrator(database, now);
  const migratesItself = isSqlite(url) && !readOnly;
  const store = createStore(database, { now, allowTakeover, ...(migratesItself ? { migrate: () => migrator.migrate() } : {}) });
  return { store, migrator, database };
}

/** The SQL that would create the tables of an empty store at this url; needs no driver and no server. */
export function tablesSql(url: string | Secret): string {
  return migrationSql(dialectOf(reveal(url)));
}

/** Drivers are loaded when they are needed: most processes need one of them, and many none. */
async function openEngine(url: string, options: OpenOptions): Promise<Engine> {
  const { readOnly, leaseTtlMs = 60_000, connectMs = 10_000, statementMs = 30_000, clock, stopping } = options;
  if (dialectOf(url) === sqliteDialect) {
    const { openSqlite } = await import('./engine/sqlite/sqlite.ts');
    return openSqlite({ file: url.replace(/^sqlite:(\/\/)?/, ''), readOnly, lockWaitMs: 5_000, clock });
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
