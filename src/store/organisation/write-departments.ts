import { isDeepStrictEqual } from 'node:util';
import type { Corp, DepartmentChange, Json, StoredDepartment } from '../../core/model.ts';
import type { Connection, Row, SqlValue } from '../engine/database.ts';
import { DEPARTMENT_COLUMNS, departmentFromRow, departmentSelection, departmentValues } from './rows.ts';
import { marks, pieces, ROWS_PER_STATEMENT, writeRows } from '../engine/statements.ts';
import { neededNumber, textOf } from '../engine/values.ts';

const KEY = ['corp_id', 'id'];
const UPDATED = [...DEPARTMENT_COLUMNS, 'updated_at', 'removed_at'];
const TARGET = { table: 'departments', columns: [...KEY, 'created_at', ...UPDATED], key: KEY, update: UPDATED };

/** Writes departments, and returns the changes that had an effect. What is stored already is not written. */
export async function writeDepartments(connection: Connection, corp: Corp, changes: readonly DepartmentChange[], at: string): Promise<readonly DepartmentChange[]> {
  const effective: DepartmentChange[] = [];
  for (const piece of pieces(changes, ROWS_PER_STATEMENT)) {
    const stored = await selectDepartments(connection, corp, piece);
    const fresh = piece.filter(({ after }) => !isStored(stored.get(after.id), after));
    await writeRows(connection, TARGET, fresh.map(({ after }) => rowOf(corp, after, stored.get(after.id), at)));
    effective.push(...fresh);
  }
  return effective;
}

async function selectDepartments(connection: Connection, corp: Corp, changes: readonly DepartmentChange[]): Promise<ReadonlyMap<number, Row>> {
  const ids = changes.map(({ after }) => after.id);
  const rows = await connection.query(
    `SELECT ${departmentSelection(connection.dialect)} FROM departments WHERE corp_id = ? AND id IN (${marks(ids.length)})`,
    [corp.id, ...ids],
  );
  return new Map(rows.map((row) => [neededNumber(row, 'id'), row]));
}

function rowOf(corp: Corp, after: StoredDepartment, stored: Row | undefined, at: string): readonly SqlValue[] {
  const createdAt = (stored && textOf(stored, 'created_at')) ?? at;
  const removedAt = after.removed ? ((stored && textOf(stored, 'removed_at')) ?? at) : null;
  return [corp.id, after.id, createdAt, ...departmentValues(after), at, removedAt];
}

function isStored(row: Row | undefined, after: StoredDepartment): boolean {
  return row !== undefined && isDeepStrictEqual(asJson(departmentFromRow(row)), asJson(after));
}

function asJson({ id, parentId, sortOrder, name, nameEn, leaders, removed }: StoredDepartment): Json {
  return { id, parentId, sortOrder, name, nameEn, leaders, removed };
}
