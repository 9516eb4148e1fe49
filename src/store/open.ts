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
  /** Whether an SQLite store may be created, or upgraded from an older version, now; by default it may. */
  readonly mayCreate?: () => boolean;
  /** The ttl of a lease. The server ends the session of a silent writer earlier than that, and a run whose server is silent ends earlier, too: see {@link storeLimits}. */
  readonly leaseTtlMs?: number;
  /** Whether to write corps that a newer version or another environment has written. */
  readonly allowTakeover?: boolean;
  readonly clock: Clock;
  /** Aborts when the process must end: units of work stop, and nothing waits any longer. */
  readonly stopping?: AbortSignal;
}

/** The time limits of a store, in milliseconds. */
interface StoreLimits {
  /** How long connecting may take; and how long a statement may be silent before we look whether the server still works on it. */
  readonly connectMs: number;
  /** How long the server may be silent while it works on one statement. */
  readonly statementMs: number;
  /** How long after the first lost connection another attempt may begin. */
  readonly lostMs: number;
  /** The same when the server is silent. */
  readonly silentMs: number;
}

/**
 * The limits for leases of this ttl. When the server falls silent, a statement ends after 2¼ times `connectMs`, and the
 * attempts after it within `silentMs` and one more connection: together less than the ttl, from 10 s on.
 */
export function storeLimits(leaseTtlMs: number): StoreLimits {
  return {
    connectMs: between(2_500, leaseTtlMs / 6, 10_000),
    statementMs: Math.max(30_000, leaseTtlMs * 0.75),
    lostMs: between(4_000, leaseTtlMs / 2, 15_000),
    silentMs: between(1_000, leaseTtlMs / 8, 7_500),
  };
}

function between(least: number, wanted: number, most: number): number {
  return Math.round(Math.min(Math.max(wanted, least), most));
}

/** A store, its migrator, and their database, which other adapters use as well. */
export interface OpenedStore {
  readonly store: Store;
  readonly migrator: Migrator;
  /** Closed by {@link Store.close}. */
  readonly database: Database;
}

/** The default of `lock.ttl`, for commands that take no lease. */
const LEASE_TTL_MS = 60_000;

/** Opens the store at a url. Does not connect yet. Throws `config` / `store_url` when the url is wrong. */
export async function openStore(options: OpenOptions): Promise<OpenedStore> {
  const { readOnly, mayCreate = () => true, allowTakeover = false, clock, stopping } = options;
  const url = reveal(options.url);
  const now = (): number => clock.now();
  const limits = storeLimits(options.leaseTtlMs ?? LEASE_TTL_MS);
  const database = openDatabase(await openEngine(url, options, limits), { clock, lostMs: limits.lostMs, silentMs: limits.silentMs, ...(stopping === undefined ? {} : { stopping }) });
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
async function openEngine(url: string, options: OpenOptions, { connectMs, statementMs }: StoreLimits): Promise<Engine> {
  const { readOnly, mayCreate = () => true, leaseTtlMs = LEASE_TTL_MS, clock, stopping } = options;
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
