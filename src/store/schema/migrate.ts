import type { Migrator } from '../../core/ports/tables.ts';
import { OrgsyncError } from '../../errors.ts';
import type { Connection, Database, Dialect } from '../engine/database.ts';
import { createTable, FIRST_TABLES } from './tables.ts';
import { neededText, timeText } from '../engine/values.ts';

/** One step of the tables' life. Released ones are never edited; every statement can be run twice. */
interface Migration {
  readonly name: string;
  readonly statements: (dialect: Dialect) => readonly string[];
}

/** In order of application. */
export const MIGRATIONS: readonly Migration[] = [
  { name: '0001_first_tables', statements: (dialect) => FIRST_TABLES.flatMap((table) => createTable(dialect, table)) },
];

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
  for (const { name, statements } of missing) {
    for (const statement of statements(connection.dialect)) await connection.write(statement);
    await connection.write('INSERT INTO schema_migrations (name, applied_at) VALUES (?, ?)', [name, timeText(now())]);
  }
  return missing.map(({ name }) => name);
}

/** All migrations as a script for an empty database. */
export function migrationSql(dialect: Dialect): string {
  const script = MIGRATIONS.flatMap(({ name, statements }) => [
    ...statements(dialect),
    `INSERT INTO schema_migrations (name, applied_at) VALUES ('${name}', ${dialect.now})`,
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
