import type { Json } from '../../core/model.ts';
import type { Row, SqlValue } from './database.ts';

/** Returns a column's value. */
export function valueOf(row: Row, column: string): SqlValue {
  return row[column] ?? null;
}

/** Returns text, or null. Also decodes text that was read as a blob, see Dialect.exactText. */
export function textOf(row: Row, column: string): string | null {
  const value = valueOf(row, column);
  return value === null ? null : typeof value === 'object' ? value.toString('utf8') : String(value);
}

/** Returns text of a column without NULL. */
export function neededText(row: Row, column: string): string {
  return textOf(row, column) ?? '';
}

/** Returns a number, or null. */
export function numberOf(row: Row, column: string): number | null {
  const value = valueOf(row, column);
  return value === null ? null : Number(value);
}

/** Returns a number of a column without NULL. */
export function neededNumber(row: Row, column: string): number {
  return numberOf(row, column) ?? 0;
}

/** Returns a time, or null. */
export function timeOf(row: Row, column: string): Date | null {
  const text = textOf(row, column);
  return text === null ? null : new Date(`${text.replace(' ', 'T')}Z`);
}

/** Returns a time of a column without NULL. */
export function neededTime(row: Row, column: string): Date {
  return timeOf(row, column) ?? new Date(0);
}

/** Returns the value of a JSON column; null for NULL. */
export function jsonOf(row: Row, column: string): Json {
  const text = textOf(row, column);
  return text === null ? null : (JSON.parse(text) as Json);
}

/** Returns a list of texts, such as userids, from a JSON column; null for any other value. */
export function textsOf(row: Row, column: string): readonly string[] | null {
  const json = jsonOf(row, column);
  return Array.isArray(json) ? json.map(String) : null;
}

/** Formats milliseconds since 1970 as `YYYY-MM-DD HH:MM:SS.mmm` in UTC. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 23);
}

/** Formats a value for a JSON column. */
export function jsonText(value: Json | undefined): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}
