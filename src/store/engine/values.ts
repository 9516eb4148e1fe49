import type { Json } from '../../core/model.ts';
import type { Row, SqlValue } from './database.ts';

/** The value of a column that the statement selected. */
export function valueOf(row: Row, column: string): SqlValue {
  return row[column] ?? null;
}

/** Text, or null. A blob is text that was read as one, see Dialect.exactText. */
export function textOf(row: Row, column: string): string | null {
  const value = valueOf(row, column);
  return value === null ? null : typeof value === 'object' ? value.toString('utf8') : String(value);
}

/** Text of a column that holds no NULL. */
export function neededText(row: Row, column: string): string {
  return textOf(row, column) ?? '';
}

/** A number, or null. */
export function numberOf(row: Row, column: string): number | null {
  const value = valueOf(row, column);
  return value === null ? null : Number(value);
}

/** A number of a column that holds no NULL. */
export function neededNumber(row: Row, column: string): number {
  return numberOf(row, column) ?? 0;
}

/** A time, or null. */
export function timeOf(row: Row, column: string): Date | null {
  const text = textOf(row, column);
  return text === null ? null : new Date(`${text.replace(' ', 'T')}Z`);
}

/** A time of a column that holds no NULL. */
export function neededTime(row: Row, column: string): Date {
  return timeOf(row, column) ?? new Date(0);
}

/** What a JSON column holds; null for NULL. */
export function jsonOf(row: Row, column: string): Json {
  const text = textOf(row, column);
  return text === null ? null : (JSON.parse(text) as Json);
}

/** A JSON column that holds a list of texts, such as userids. */
export function textsOf(row: Row, column: string): readonly string[] | null {
  const json = jsonOf(row, column);
  return Array.isArray(json) ? json.map(String) : null;
}

/** `YYYY-MM-DD HH:MM:SS.mmm` in UTC, from milliseconds since 1970. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 23);
}

/** As a JSON column takes it. */
export function jsonText(value: Json | undefined): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}
