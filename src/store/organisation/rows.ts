import type { ChangedValues, Json, Membership, StoredDepartment } from '../../core/model.ts';
import type { Dialect, Row, SqlValue } from '../engine/database.ts';
import { jsonOf, jsonText, neededNumber, textOf, textsOf, timeOf } from '../engine/values.ts';
import { FIELD_COLUMNS } from './member-columns.ts';

/** The names of changed values as `changes` keeps them: those of the columns. */
const VALUE_COLUMNS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(FIELD_COLUMNS.map(({ field, column }) => [field, column])),
  userid: 'userid',
  memberships: 'memberships',
  id: 'id',
  parentId: 'parent_id',
  nameEn: 'name_en',
  sortOrder: 'sort_order',
  leaders: 'leaders',
  departmentId: 'department_id',
  isLeader: 'is_leader',
};

const VALUE_NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(VALUE_COLUMNS).map(([name, column]) => [column, name]),
);

/** The columns of {@link membershipValues}. */
export const MEMBERSHIP_COLUMNS = ['corp_id', 'userid', 'department_id', 'sort_order', 'is_leader'] as const;

/** One row of `memberships`. */
export function membershipValues(corpId: string, userid: string, membership: Membership): readonly SqlValue[] {
  return [corpId, userid, membership.departmentId, membership.sortOrder, membership.isLeader ? 1 : 0];
}

/** Reads a membership from `department_id`, `sort_order` and `is_leader`. */
export function membershipFromRow(row: Row): Membership {
  return {
    departmentId: neededNumber(row, 'department_id'),
    sortOrder: neededNumber(row, 'sort_order'),
    isLeader: neededNumber(row, 'is_leader') === 1,
  };
}

/** The columns of {@link departmentValues}. */
export const DEPARTMENT_COLUMNS = ['parent_id', 'name', 'name_en', 'sort_order', 'leaders'] as const;

/** Returns the select list for {@link departmentFromRow}. */
export function departmentSelection(dialect: Dialect): string {
  return `id, parent_id, ${dialect.exactText('name')}, ${dialect.exactText('name_en')}, sort_order, leaders, created_at, removed_at`;
}

/** Returns a department's values in the order of {@link DEPARTMENT_COLUMNS}. */
export function departmentValues(department: StoredDepartment): readonly SqlValue[] {
  return [department.parentId, department.name, department.nameEn, department.sortOrder, jsonText(department.leaders)];
}

/** Reads a stored department from a row. */
export function departmentFromRow(row: Row): StoredDepartment {
  return {
    id: neededNumber(row, 'id'),
    parentId: neededNumber(row, 'parent_id'),
    sortOrder: neededNumber(row, 'sort_order'),
    name: textOf(row, 'name'),
    nameEn: textOf(row, 'name_en'),
    leaders: textsOf(row, 'leaders'),
    removed: timeOf(row, 'removed_at') !== null,
  };
}

/** Formats changed values for the table `changes`, with the names of the columns. */
export function changedValuesText(values: ChangedValues | null): string | null {
  return values === null ? null : JSON.stringify(renameKeys(values, VALUE_COLUMNS));
}

/** Reads what {@link changedValuesText} wrote, with our names. */
export function changedValuesFromRow(row: Row, column: string): ChangedValues | null {
  const json = jsonOf(row, column);
  return isRecord(json) ? renameKeys(json, VALUE_NAMES) : null;
}

/** Renames keys, also in memberships. A first load renames all values of all members, so this uses loops instead of Object.entries. */
function renameKeys(values: ChangedValues, names: Readonly<Record<string, string>>): Record<string, Json> {
  const result: Record<string, Json> = {};
  for (const name of Object.keys(values)) {
    const value = values[name] ?? null;
    result[names[name] ?? name] = name === 'memberships' && Array.isArray(value) ? value.map((item: Json) => (isRecord(item) ? renameKeys(item, names) : item)) : value;
  }
  return result;
}

function isRecord(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
