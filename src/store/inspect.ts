import { access, constants } from 'node:fs/promises';
import { dirname } from 'node:path';
import { reportFailure, reportOk } from '../core/finding.ts';
import type { Finding } from '../core/finding.ts';
import type { Clock } from '../core/ports/system.ts';
import { formatAge } from '../core/status.ts';
import { asOrgsyncError } from '../errors.ts';
import type { OrgsyncError } from '../errors.ts';
import type { Database } from './engine/database.ts';
import { cannotCreate } from './engine/sqlite/errors.ts';
import { marks } from './engine/statements.ts';
import { compareReplica } from './replica.ts';
import { checkTables } from './schema/migrate.ts';
import { FIRST_TABLES } from './schema/tables.ts';
import { neededNumber, neededText, neededTime } from './engine/values.ts';

export interface StoreInspection {
  readonly engine: 'mysql' | 'sqlite';
  /** The host or file, as shown to people. */
  readonly where: string;
  readonly clock: Clock;
  /** Whether to check only what lookups need. */
  readonly readOnly: boolean;
}

/** With a larger difference between the clocks, ages and leases are misleading. */
const SKEW_MS = 5_000;

/** Checks a store without changing anything. Errors become findings; only defects are thrown. */
export async function inspectStore(database: Database, options: StoreInspection): Promise<readonly Finding[]> {
  try {
    const server = await inspectServer(database, options);
    return [...server, await inspectTables(database, options), ...(await inspectRights(database, options))];
  } catch (error) {
    const known = asExpected(error);
    const isToCome = known.code === 'store_missing' && !options.readOnly;
    return [isToCome ? await inspectFolder(options.where) : reportFailure('store reachable', known)];
  }
}

const COPIES = 'store_read has what the store has';

/** Checks a replica, and whether it follows its store. Errors become findings; only defects are thrown. */
export async function inspectReplica(replica: Database, store: Database, options: Pick<StoreInspection, 'where' | 'clock'>): Promise<readonly Finding[]> {
  const findings = await inspectStore(replica, { ...options, engine: 'mysql', readOnly: true });
  const own = findings.map((finding) => ({ ...finding, title: `store_read: ${finding.title}`, ...('fix' in finding ? { fix: finding.fix.replaceAll('`store:`', '`store_read:`') } : {}) }));
  return own.some(({ result }) => result === 'failed') ? own : [...own, await inspectDelay(replica, store)];
}

async function inspectDelay(replica: Database, store: Database): Promise<Finding> {
  try {
    const state = await compareReplica(replica, store);
    if (state.is === 'current') return reportOk(COPIES, 'yes');
    if (state.is === 'behind') {
      const detail = `it lacks what the store has had for ${formatAge(state.byMs)}`;
      return { title: COPIES, result: 'warning', detail, fix: 'see whether replication runs (SHOW REPLICA STATUS); lookups say meanwhile that they may be old' };
    }
    const detail = 'its newest run is not in the store';
    return { title: COPIES, result: 'failed', kind: 'config', detail, fix: 'let `store_read:` name a replica of `store:`; after a failover that lost runs, set the replica up anew' };
  } catch (error) {
    return { title: COPIES, result: 'warning', detail: `not known: ${asExpected(error).message}`, fix: 'correct `store:` first' };
  }
}

/** An SQLite file that does not exist yet: the first run creates it, if it may. */
async function inspectFolder(file: string): Promise<Finding> {
  const title = 'store reachable';
  try {
    await access(dirname(file), constants.W_OK | constants.X_OK);
    return reportOk(title, `not yet: the first run creates ${file}`);
  } catch (error) {
    const { message, hint } = cannotCreate(file, error);
    return { title, result: 'failed', kind: 'config', detail: message, fix: hint };
  }
}

async function inspectServer(database: Database, { engine, where, clock, readOnly }: StoreInspection): Promise<readonly Finding[]> {
  const askedAt = clock.monotonic();
  const version = engine === 'sqlite' ? "'SQLite ' || sqlite_version()" : 'VERSION()';
  const server = engine === 'sqlite' ? '0' : '@@global.read_only';
  const [row] = await database.read((connection) => connection.query(`SELECT ${version} AS version, ${server} AS read_only, ${database.dialect.now} AS now`));
  const tookMs = Math.round(clock.monotonic() - askedAt);
  if (row === undefined) return [];
  const findings = [reportOk('store reachable', `${neededText(row, 'version')} at ${where}, answers in ${tookMs} ms`), skew(neededTime(row, 'now'), clock)];
  if (neededNumber(row, 'read_only') === 0 || readOnly) return findings;
  const fix = 'let `store:` name the server that takes writes, or set `read_only: true` where only lookups are wanted';
  return [...findings, { title: 'store takes writes', result: 'warning', detail: 'the server is read-only (a replica?)', fix }];
}

function skew(theirs: Date, clock: Clock): Finding {
  const apartMs = Math.abs(theirs.getTime() - clock.now());
  const title = 'the store’s clock agrees with ours';
  if (apartMs <= SKEW_MS) return reportOk(title, 'yes');
  return { title, result: 'warning', detail: `${Math.round(apartMs / 1000)} s apart`, fix: 'let both machines take their time from NTP' };
}

async function inspectTables(database: Database, { engine }: StoreInspection): Promise<Finding> {
  const title = 'the tables are those of this version';
  try {
    await database.read(checkTables);
    const other = engine === 'mysql' ? await otherEngines(database) : [];
    if (other.length === 0) return reportOk(title, 'yes');
    return { title, result: 'failed', kind: 'config', detail: `without transactions: ${other.join(', ')}`, fix: 'move them back: ALTER TABLE … ENGINE=InnoDB' };
  } catch (error) {
    const known = asExpected(error);
    // With SQLite, the first run creates the tables.
    if (engine === 'sqlite' && known.code !== 'tables_too_new') return reportOk(title, 'not yet: the first run makes them');
    return reportFailure(title, known);
  }
}

/** The tables that somebody moved to another storage engine, each with its engine. */
async function otherEngines(database: Database): Promise<readonly string[]> {
  const names = FIRST_TABLES.map(({ name }) => name);
  const sql = `SELECT table_name AS name, engine AS engine FROM information_schema.tables WHERE table_schema = DATABASE() AND engine <> 'InnoDB' AND table_name IN (${marks(names.length)})`;
  const rows = await database.read((connection) => connection.query(sql, names));
  return rows.map((row) => `${neededText(row, 'name')} (${neededText(row, 'engine')})`);
}

/** The statements of a writer. They change no row, but need the same rights as real ones. */
const STATEMENTS = {
  SELECT: (table: string, columns: string) => `SELECT ${columns} FROM ${table} WHERE 1 = 0`,
  INSERT: (table: string, columns: string) => `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM ${table} WHERE 1 = 0`,
  UPDATE: (table: string, _columns: string, key: string) => `UPDATE ${table} SET ${key} = ${key} WHERE 1 = 0`,
  DELETE: (table: string) => `DELETE FROM ${table} WHERE 1 = 0`,
} as const;

type Verb = keyof typeof STATEMENTS;

/** Tables from which a run deletes rows. Only `orgsync forget` deletes from the others. */
const DELETED_FROM: ReadonlySet<string> = new Set(['memberships', 'changes', 'runs', 'ration', 'ration_tickets', 'wrong_numbers']);
/** Tables whose rows a run never updates. */
const NEVER_UPDATED: ReadonlySet<string> = new Set(['changes']);

async function inspectRights(database: Database, { engine, readOnly }: StoreInspection): Promise<readonly Finding[]> {
  const title = readOnly ? 'the account may read the tables' : 'the account may write the tables';
  if (engine === 'sqlite') return [];
  const rights = FIRST_TABLES.flatMap(({ name, key, columns }) =>
    verbs(name, readOnly).map((verb) => ({ verb, name, sql: STATEMENTS[verb](name, Object.keys(columns).join(', '), key[0] ?? '') })));
  const lacking: string[] = [];
  for (const { verb, name, sql } of rights) {
    const error = await trial(database, sql, verb === 'SELECT');
    if (error?.kind === 'refused') lacking.push(`${verb} on ${name}`);
    else if (error !== undefined) return [reportFailure(title, error)];
  }
  if (lacking.length === 0) return [reportOk(title, 'yes')];
  return [{ title, result: 'failed', kind: 'refused', detail: `lacks ${lacking.join(', ')}`, fix: 'let the DBA grant it: docs/security.md has the statements' }];
}

function verbs(table: string, readOnly: boolean): readonly Verb[] {
  if (readOnly) return ['SELECT'];
  return ['SELECT', 'INSERT', ...(NEVER_UPDATED.has(table) ? [] : ['UPDATE' as const]), ...(DELETED_FROM.has(table) ? ['DELETE' as const] : [])];
}

async function trial(database: Database, sql: string, reads: boolean): Promise<OrgsyncError | undefined> {
  try {
    if (reads) await database.read((connection) => connection.query(sql));
    else await database.transaction((connection) => connection.write(sql));
    return undefined;
  } catch (error) {
    return asExpected(error);
  }
}

function asExpected(thrown: unknown): OrgsyncError {
  const error = asOrgsyncError(thrown);
  if (error.kind === 'defect') throw thrown;
  return error;
}
