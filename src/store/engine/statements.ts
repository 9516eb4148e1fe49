import type { Connection, SqlValue } from './database.ts';

/** More rows per statement are not faster, and need more memory (docs/decisions/007). */
export const ROWS_PER_STATEMENT = 500;
/** In any encoding, this is well below the max_allowed_packet of MySQL 5.7, 4 MB. */
const CHARACTERS_PER_STATEMENT = 500_000;

/** Where to write rows. When a row exists already, its columns `update` are overwritten. */
export interface Target {
  readonly table: string;
  readonly columns: readonly string[];
  readonly key?: readonly string[];
  readonly update?: readonly string[];
}

/**
 * Writes rows in bulk, in their order. Sort them by key, so that two writers do not deadlock. While the database executes one
 * statement, the next one is built, so pass a generator where creating the rows takes time.
 */
export async function writeRows(connection: Connection, target: Target, rows: Iterable<readonly SqlValue[]>): Promise<void> {
  let sent: Promise<unknown> = Promise.resolve();
  for (const { count, values } of batches(rows)) {
    await sent;
    sent = connection.write(insertSql(connection, target, count), values);
    // An error is thrown by the next `await`. Until then it must not count as unhandled.
    sent.catch(() => undefined);
  }
  await sent;
}

function insertSql({ dialect }: Connection, { table, columns, key, update }: Target, rowCount: number): string {
  const row = `(${marks(columns.length)})`;
  const conflict = key === undefined || update === undefined ? '' : dialect.onConflict(key, update);
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${Array(rowCount).fill(row).join(', ')}${conflict}`;
}

/** Returns placeholders: `?, ?, ?`. */
export function marks(count: number): string {
  return Array(count).fill('?').join(', ');
}

/** Splits a list into pieces of at most `size` items. */
export function* pieces<T>(list: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < list.length; start += size) yield list.slice(start, start + size);
}

interface Batch {
  count: number;
  /** The values of all rows, one after the other. */
  readonly values: SqlValue[];
}

function* batches(rows: Iterable<readonly SqlValue[]>): Generator<Batch> {
  let batch: Batch = { count: 0, values: [] };
  let weight = 0;
  for (const row of rows) {
    const added = weightOf(row);
    if (batch.count > 0 && (batch.count >= ROWS_PER_STATEMENT || weight + added > CHARACTERS_PER_STATEMENT)) {
      yield batch;
      batch = { count: 0, values: [] };
      weight = 0;
    }
    batch.count += 1;
    batch.values.push(...row);
    weight += added;
  }
  if (batch.count > 0) yield batch;
}

function weightOf(row: readonly SqlValue[]): number {
  let weight = 0;
  for (const value of row) weight += value === null || typeof value === 'number' ? 8 : value.length;
  return weight;
}
