import type { Connection, SqlValue } from './database.ts';

/** More rows a statement gain nothing, and cost memory (docs/decisions/007). */
export const ROWS_PER_STATEMENT = 500;
/** Well below MySQL 5.7's max_allowed_packet of 4 MB, whatever the encoding. */
const CHARACTERS_PER_STATEMENT = 500_000;

/** Where rows go, and what happens to those that are there already: `update` names the columns they get anew. */
export interface Target {
  readonly table: string;
  readonly columns: readonly string[];
  readonly key?: readonly string[];
  readonly update?: readonly string[];
}

/**
 * Writes rows in bulk, in their order: sort them by key first, so that two writers never wait for each other in a circle.
 * While the database works on one statement the next one is put together: give rows that are made when they are asked for.
 */
export async function writeRows(connection: Connection, target: Target, rows: Iterable<readonly SqlValue[]>): Promise<void> {
  let sent: Promise<unknown> = Promise.resolve();
  for (const { count, values } of batches(rows)) {
    await sent;
    sent = connection.write(insertSql(connection, target, count), values);
    // Its failure is heard when it is awaited, and must not count as unheard until then.
    sent.catch(() => undefined);
  }
  await sent;
}

function insertSql({ dialect }: Connection, { table, columns, key, update }: Target, rowCount: number): string {
  const row = `(${marks(columns.length)})`;
  const conflict = key === undefined || update === undefined ? '' : dialect.onConflict(key, update);
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${Array(rowCount).fill(row).join(', ')}${conflict}`;
}

/** `?, ?, ?` */
export function marks(count: number): string {
  return Array(count).fill('?').join(', ');
}

/** A list in pieces of `size` at most. */
export function* pieces<T>(list: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < list.length; start += size) yield list.slice(start, start + size);
}

interface Batch {
  count: number;
  /** Of all rows, one after the other. */
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
