import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inject, onTestFinished } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { diff } from '../../src/core/diff.ts';
import type { ChangeSet, Corp, SeenDepartment, SeenMember } from '../../src/core/model.ts';
import type { Committed, Fence, Writer } from '../../src/core/ports/writing.ts';
import type { Store } from '../../src/store/store.ts';
import type { Database, Engine, Row } from '../../src/store/engine/database.ts';
import { createMigrator } from '../../src/store/schema/migrate.ts';
import { openMysql } from '../../src/store/engine/mysql/mysql.ts';
import { openSqlite } from '../../src/store/engine/sqlite/sqlite.ts';
import { createStore } from '../../src/store/store.ts';
import { openDatabase as openUnits } from '../../src/store/engine/transaction.ts';
import { openDatabase } from './database.ts';
import { department, snapshot } from './organisation.ts';

/** A corp of a test's own. */
export const CORP: Corp = { id: 'ww0000000000000001', name: 'Head office' };

/** Who writes, unless a test says otherwise. */
export const WRITER: Writer = { host: 'host-1', pid: 4711, version: '1.4.2', environment: '', accepts: () => true };

/** Opens engines over one store: each call is another process to it. */
export type OpenEngine = (options?: { readonly readOnly?: boolean; readonly silenceMs?: number; readonly statementMs?: number; readonly connectMs?: number }) => Engine;

/** A place for one test's store in a private MariaDB. */
export async function mariadbPlace(server: string = inject('mysqlUrl')): Promise<OpenEngine> {
  return mysqlEngines(await openDatabase(server));
}

/** Engines for a MySQL url. */
export function mysqlEngines(url: string): OpenEngine {
  return ({ readOnly = false, silenceMs = 20_000, statementMs = 20_000, connectMs = 10_000 } = {}) =>
    openMysql({ clock: systemClock, url, readOnly, silenceMs, connectMs, statementMs });
}

/** A place for one test's store in a file. */
export async function sqlitePlace(): Promise<OpenEngine> {
  const dir = await mkdtemp(path.join(tmpdir(), 'orgsync-sqlite-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  return ({ readOnly = false } = {}) => openSqlite({ clock: systemClock, file: path.join(dir, 'orgsync.sqlite'), readOnly, lockWaitMs: 3_000 });
}

/** A store with its tables, a look under it, and a clock that moves by hand. */
export interface Bench {
  readonly store: Store;
  readonly database: Database;
  readonly clock: { now: number };
  readonly openEngine: OpenEngine;
  /** The same store as another process would open it. */
  readonly another: (options?: { readonly allowTakeover?: boolean; readonly readOnly?: boolean }) => Store;
}

/** Migrates an empty place and opens it. */
export async function openBench(place: Promise<OpenEngine>): Promise<Bench> {
  const openEngine = await place;
  const clock = { now: Date.UTC(2026, 2, 1, 8) };
  const database = kept(openUnits(openEngine(), { clock: systemClock }));
  await createMigrator(database, () => clock.now).migrate();
  const another: Bench['another'] = ({ allowTakeover = false, readOnly = false } = {}) =>
    createStore(kept(openUnits(openEngine({ readOnly }), { clock: systemClock })), { now: () => clock.now, allowTakeover });
  return { store: another(), database, clock, openEngine, another };
}

/** Closed when the test is over: a server has connections for so many. */
function kept(database: Database): Database {
  onTestFinished(() => database.close());
  return database;
}

/** What a run finds, and what it would write. */
export async function plan(store: Store, members: readonly SeenMember[], more: { readonly departments?: readonly SeenDepartment[]; readonly left?: readonly string[]; readonly corp?: Corp } = {}): Promise<ChangeSet> {
  const after = snapshot(members, more.departments ?? [department(1)], more.left);
  return diff(await store.readBefore(more.corp ?? CORP, after), after, 'CN');
}

/** A whole run: begins, compares, commits. */
export async function sync(store: Store, members: readonly SeenMember[], more: Parameters<typeof plan>[2] = {}): Promise<{ readonly fence: Fence; readonly changes: ChangeSet; readonly committed: Committed }> {
  const fence = await store.begin(more.corp ?? CORP, WRITER);
  const changes = await plan(store, members, more);
  return { fence, changes, committed: await store.commit(fence, changes, { requests: 7 }) };
}

/** All rows of a table, in order of its first two columns. */
export async function rowsOf(database: Database, table: string, columns = '*'): Promise<readonly Row[]> {
  return await database.read((connection) => connection.query(`SELECT ${columns} FROM ${table} ORDER BY 1, 2`));
}

/** The organisation as the tables hold it, to the last column. */
export async function organisationRows(database: Database): Promise<Readonly<Record<string, readonly Row[]>>> {
  return {
    departments: await rowsOf(database, 'departments'),
    members: await rowsOf(database, 'members'),
    memberships: await rowsOf(database, 'memberships', 'userid, department_id, corp_id, sort_order, is_leader'),
  };
}
