import type { PhoneBook, Sightings } from '../core/ports/looking-up.ts';
import type { Records } from '../core/ports/records.ts';
import type { Tables } from '../core/ports/tables.ts';
import type { Organisations } from '../core/ports/writing.ts';
import { OrgsyncError } from '../errors.ts';
import { readBefore } from './organisation/before.ts';
import { commitRun, commitSighting, readMark } from './organisation/commit.ts';
import type { Database } from './engine/database.ts';
import { readPaths } from './organisation/department-paths.ts';
import { beginRun, finishRun, readRefusals } from './organisation/fencing.ts';
import { readMembers } from './organisation/find-members.ts';
import { findByPhones } from './organisation/find-phones.ts';
import { checkTables } from './schema/migrate.ts';
import { readCorps, readCoverage, readRunDays, readRuns } from './organisation/records.ts';

/** What a store needs besides its database. */
export interface StoreOptions {
  readonly now: () => number;
  /** Whether {@link Store.begin} takes a corp that a newer version or another environment wrote. */
  readonly allowTakeover: boolean;
  /** Creates or upgrades the tables. Given for an embedded store, which migrates itself. */
  readonly migrate?: () => Promise<unknown>;
  /** Whether {@link migrate} may be called now; by default it may. */
  readonly mayCreate?: () => boolean;
}

/** All parts of the store in one object. */
export interface Store extends Tables, Organisations, PhoneBook, Sightings, Records {
  close(): Promise<void>;
}

/** The store over any database: each method is one unit of work. Closing it closes the database. */
export function createStore(database: Database, { now, allowTakeover, migrate, mayCreate = () => true }: StoreOptions): Store {
  const readChecked = afterCheck(database, migrate, mayCreate);
  return {
    ensureReady: () => readChecked(() => Promise.resolve()),
    begin: (corp, writer) => database.transaction((connection) => beginRun(connection, corp, writer, { now: now(), allowTakeover })),
    refusals: async (writer) => (allowTakeover ? new Map() : await database.read((connection) => readRefusals(connection, writer))),
    // Retried as long as a transaction is: if this fails, everything that was read from WeCom is lost.
    readBefore: (corp, after, fence) => database.read((connection) => readBefore(connection, corp, after, fence), { patiently: true }),
    commit: (fence, changes, { requests, error = null }) =>
      database.transaction((connection) => commitRun(connection, { fence, changes, requests, error, now: now() })),
    finish: (fence, end) => database.transaction((connection) => finishRun(connection, fence, end, now())),
    findByPhones: (e164s, corpIds) => readChecked((connection) => findByPhones(connection, e164s, corpIds)),
    readCoverage: () => readChecked(readCoverage),
    findMembers: (corp, keys) => database.read((connection) => readMembers(connection, corp.id, keys)),
    findDepartments: (corp, ids) => database.read((connection) => readPaths(connection, corp.id, ids)),
    mark: (corp) => database.read((connection) => readMark(connection, corp)),
    commitLive: (corp, sight, { mark, writer }) =>
      database.transaction((connection) => commitSighting(connection, corp, sight, { mark, writer, allowTakeover, now: now() })),
    corps: () => database.read(readCorps),
    runs: (corpId, limit) => database.read((connection) => readRuns(connection, corpId, limit)),
    runDays: (corpId, since) => database.read((connection) => readRunDays(connection, corpId, since)),
    close: () => database.close(),
  };
}

/** Checks the tables and reads, in one unit of work. Where tables are missing or old, it calls `migrate` first, if there is one and it may. */
function afterCheck(database: Database, migrate: StoreOptions['migrate'], mayCreate: () => boolean): Database['read'] {
  return async (work) => {
    try {
      return await database.read(async (connection) => {
        await checkTables(connection);
        return await work(connection);
      });
    } catch (error) {
      // Read first, and write only if it must: a run whose tables are there waits for no other writer here.
      if (migrate === undefined || !isLacking(error)) throw error;
      if (!mayCreate()) throw new OrgsyncError(error.kind, { code: error.code, message: error.message, hint: HINT, cause: error });
      await migrate();
      return await database.read(work);
    }
  };
}

const HINT = 'run `orgsync migrate`; the next `orgsync run` does it, too';

function isLacking(error: unknown): error is OrgsyncError {
  return error instanceof OrgsyncError && (error.code === 'tables_outdated' || error.code === 'tables_missing');
}
