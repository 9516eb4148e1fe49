import type { Migrator } from '../../core/ports/tables.ts';
import { OrgsyncError } from '../../errors.ts';
import type { Connection, Database, Dialect } from '../engine/database.ts';
import { addColumn, createTable, FIFTH_COLUMNS, FIRST_TABLES, FOURTH_INDEXES, SECOND_COLUMNS, THIRD_COLUMNS } from './tables.ts';
import type { AddedColumn, AddedIndex, Table } from './tables.ts';
import { neededText, timeText } from '../engine/values.ts';

/** One step of the schema. A released step is never edited. A step can be run twice without harm. */
interface Migration {
  readonly name: string;
  readonly tables?: readonly Table[];
  readonly columns?: readonly AddedColumn[];
  readonly indexes?: readonly AddedIndex[];
  readonly updates?: readonly string[];
}

/** In order of application. */
export const MIGRATIONS: readonly Migration[] = [
  { name: '0001_first_tables', tables: FIRST_TABLES },
  {
    name: '0002_nonces_and_erasures',
    columns: SECOND_COLUMNS,
    // Older versions left the character set of a session to the server, which could store ? for rare characters. Without
    // digests the next run compares every field and repairs them.
    updates: ['UPDATE members SET digest = NULL'],
  },
  { name: '0003_external_position', columns: THIRD_COLUMNS },
  { name: '0004_indexes_of_the_history', indexes: FOURTH_INDEXES },
  { name: '0005_mobile_count', columns: FIFTH_COLUMNS },
];

/** Follows each migration: a run of an older version that is still under way must not commit into tables that it does not know. */
const FENCE_OFF = 'UPDATE corps SET fence = fence + 1';

const LEDGER = {
  name: 'schema_migrations',
  key: ['name'],
  columns: { name: { type: 'key', needed: true }, applied_at: { type: 'time', needed: true } },
} as const;

/** Creates and upgrades tables. In MySQL each DDL statement commits, so an interrupted migration continues where it stopped. */
export function createMigrator(database: Database, now: () => number): Migrator {
  return {
    migrate: () => database.alone((connection) => applyMissing(connection, now)),
    sql: (after) => migrationSql(database.dialect, after),
  };
}

async function applyMissing(connection: Connection, now: () => number): Promise<readonly string[]> {
  for (const statement of createTable(connection.dialect, LEDGER)) await connection.write(statement);
  const applied = await appliedNames(connection);
  refuseNewer(applied);
  const missing = MIGRATIONS.filter(({ name }) => !applied.includes(name));
  for (const migration of missing) {
    const present = await presentParts(connection, migration);
    for (const statement of definitionsOf(connection.dialect, migration, present)) await connection.write(statement);
    // Empty tables need no UPDATE, and at the installation the account may not have the privilege for it yet.
    const isEmpty = (await connection.query('SELECT 1 FROM corps LIMIT 1')).length === 0;
    for (const statement of isEmpty ? [] : updatesOf(migration)) await connection.write(statement);
    // On two nodes of a cluster, two processes can arrive here. One gets ER_DUP_ENTRY and starts again.
    await connection.write('INSERT INTO schema_migrations (name, applied_at) VALUES (?, ?)', [migration.name, timeText(now())]);
  }
  return missing.map(({ name }) => name);
}

function definitionsOf(dialect: Dialect, { tables = [], columns = [], indexes = [] }: Migration, present: ReadonlySet<string> = new Set()): readonly string[] {
  return [
    ...tables.flatMap((table) => createTable(dialect, table)),
    ...columns.filter(({ table, column }) => !present.has(`${table}.${column}`)).map((column) => addColumn(dialect, column)),
    ...indexes.filter(({ table, index }) => !present.has(`${table}.${index}`)).map(({ table, index, columns: of }) => dialect.createIndex(index, table, of)),
  ];
}

function updatesOf({ updates = [] }: Migration): readonly string[] {
  return [...updates, FENCE_OFF];
}

/** Columns and indexes that an interrupted migration has already added, as `table.name`. */
async function presentParts(connection: Connection, { columns = [], indexes = [] }: Migration): Promise<ReadonlySet<string>> {
  const present = new Set<string>();
  const { dialect } = connection;
  for (const table of new Set([...columns, ...indexes].map((added) => added.table))) {
    for (const query of [dialect.columnsOf(table), dialect.indexesOf(table)]) {
      for (const row of await connection.query(query)) present.add(`${table}.${neededText(row, 'name')}`);
    }
  }
  return present;
}

/** All migrations as a script for an empty database, or those after `after` for one whose newest migration this is. Throws `usage` / `unknown_migration`. */
export function migrationSql(dialect: Dialect, after?: string): string {
  const names = MIGRATIONS.map(({ name }) => name);
  if (after !== undefined && !names.includes(after)) {
    throw new OrgsyncError('usage', { code: 'unknown_migration', message: `no migration is called ${after}`, hint: `give one of ${names.join(', ')}: SELECT MAX(name) FROM schema_migrations tells which` });
  }
  const following = MIGRATIONS.slice(after === undefined ? 0 : names.indexOf(after) + 1);
  const script = following.flatMap((migration) => [
    ...definitionsOf(dialect, migration),
    ...updatesOf(migration),
    `INSERT INTO schema_migrations (name, applied_at) VALUES ('${migration.name}', ${dialect.now})`,
  ]);
  const ledger = after === undefined ? createTable(dialect, LEDGER) : [];
  return following.length === 0 ? `-- No migration follows ${names.at(-1)}.\n` : [...ledger, ...script].map((statement) => `${statement};\n`).join('\n');
}

/** Throws `config` if tables are missing or too old, `refused` if a newer version made them. Needs SELECT only. */
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
