import type { Migrator } from '../../core/ports/tables.ts';
import { OrgsyncError } from '../../errors.ts';
import type { Connection, Database, Dialect } from '../engine/database.ts';
import { addColumn, createTable, FIRST_TABLES, SECOND_COLUMNS } from './tables.ts';
import type { AddedColumn, Table } from './tables.ts';
import { neededText, timeText } from '../engine/values.ts';

/** One step of the tables' life. Released ones are never edited; all of it can be run twice. */
interface Migration {
  readonly name: string;
  readonly tables?: readonly Table[];
  readonly columns?: readonly AddedColumn[];
  readonly updates?: readonly string[];
}

/** In order of application. */
export const MIGRATIONS: readonly Migration[] = [
  { name: '0001_first_tables', tables: FIRST_TABLES },
  {
    name: '0002_nonces_and_erasures',
    columns: SECOND_COLUMNS,
    // Sessions that left their character set to the server stored ? for rare characters: without digests the next run compares all, and repairs them.
    updates: ['UPDATE members SET digest = NULL'],
  },
];

/** After each migration: a run of the version before, under way still, commits nothing into tables that it does not know. */
const FENCE_OFF = 'UPDATE corps SET fence = fence + 1';

const LEDGER = {
  name: 'schema_migrations',
  key: ['name'],
  columns: { name: { type: 'key', needed: true }, applied_at: { type: 'time', needed: true } },
} as const;

/** Creates and upgrades tables. On MySQL a statement of DDL commits by itself, so that a broken migration is taken up where it broke. */
export function createMigrator(database: Database, now: () => number): Migrator {
  return {
    migrate: () => database.alone((connection) => applyMissing(connection, now)),
    sql: () => migrationSql(database.dialect),
  };
}

async function applyMissing(connection: Connection, now: () => number): Promise<readonly string[]> {
  for (const statement of createTable(connection.dialect, LEDGER)) await connection.write(statement);
  const applied = await appliedNames(connection);
  refuseNewer(applied);
  const missing = MIGRATIONS.filter(({ name }) => !applied.includes(name));
  for (const migration of missing) {
    const present = await presentColumns(connection, migration);
    for (const statement of definitionsOf(connection.dialect, migration, present)) await connection.write(statement);
    // Empty tables need no UPDATE, and at the installation the account may not have the privilege for it yet.
    const isEmpty = (await connection.query('SELECT 1 FROM corps LIMIT 1')).length === 0;
    for (const statement of isEmpty ? [] : updatesOf(migration)) await connection.write(statement);
    // On two nodes of a cluster, two processes may come here: one of them gets ER_DUP_ENTRY, and begins again.
    await connection.write('INSERT INTO schema_migrations (name, applied_at) VALUES (?, ?)', [migration.name, timeText(now())]);
  }
  return missing.map(({ name }) => name);
}

function definitionsOf(dialect: Dialect, { tables = [], columns = [] }: Migration, present: ReadonlySet<string> = new Set()): readonly string[] {
  const lacking = columns.filter(({ table, column }) => !present.has(`${table}.${column}`));
  return [...tables.flatMap((table) => createTable(dialect, table)), ...lacking.map((column) => addColumn(dialect, column))];
}

function updatesOf({ updates = [] }: Migration): readonly string[] {
  return [...updates, FENCE_OFF];
}

/** Columns that a migration which broke off has added already, as `table.column`. */
async function presentColumns(connection: Connection, { columns = [] }: Migration): Promise<ReadonlySet<string>> {
  const present = new Set<string>();
  for (const table of new Set(columns.map((added) => added.table))) {
    for (const row of await connection.query(connection.dialect.columnsOf(table))) present.add(`${table}.${neededText(row, 'name')}`);
  }
  return present;
}

/** All migrations as a script for an empty database. */
export function migrationSql(dialect: Dialect): string {
  const script = MIGRATIONS.flatMap((migration) => [
    ...definitionsOf(dialect, migration),
    ...updatesOf(migration),
    `INSERT INTO schema_migrations (name, applied_at) VALUES ('${migration.name}', ${dialect.now})`,
  ]);
  return [...createTable(dialect, LEDGER), ...script].map((statement) => `${statement};\n`).join('\n');
}

/** Throws `config` where tables are missing or too old, `refused` where they are a newer version's. Needs no more than SELECT. */
export async function checkTables(connection: Connection): Promise<void> {
  const applied = await appliedNames(connection);
  refuseNewer(applied);
  const missing = MIGRATIONS.filter(({ name }) => !applied.includes(name));
  if (missing.length === 0) return;
  throw new OrgsyncError('config', {
    code: applied.length === 0 ? 'tables_missing' : 'tables_outdated',
    message: `The tables lack ${missing.map(({ name }) => name).join(', ')}.`,
    hint: 'run `orgsync migrate`',
  });
}

async function appliedNames(connection: Connection): Promise<readonly string[]> {
  const rows = await connection.query('SELECT name FROM schema_migrations ORDER BY name');
  return rows.map((row) => neededText(row, 'name'));
}

function refuseNewer(applied: readonly string[]): void {
  const unknown = applied.filter((name) => !MIGRATIONS.some((migration) => migration.name === name));
  if (unknown.length === 0) return;
  throw new OrgsyncError('refused', {
    code: 'tables_too_new',
    message: `The tables are those of a newer orgsync (${unknown.join(', ')}).`,
    hint: 'install that version here too',
  });
}
