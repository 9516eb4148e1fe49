import { MEMBER_FIELDS } from '../../core/model.ts';
import type {
  ChangedValues,
  Json,
  MemberFields,
  Membership,
  StoredDepartment,
  StoredFields,
  StoredMember,
} from '../../core/model.ts';
import type { Dialect, Row, SqlValue } from '../engine/database.ts';
import { jsonOf, jsonText, neededNumber, neededText, numberOf, textOf, textsOf, timeOf } from '../engine/values.ts';

/** The column of each member field: here, and nowhere else, our names meet the database's. */
const FIELD_COLUMNS = {
  name: 'name',
  alias: 'alias',
  mobile: 'mobile',
  email: 'email',
  bizMail: 'biz_mail',
  telephone: 'telephone',
  position: 'position',
  gender: 'gender',
  status: 'status',
  mainDepartment: 'main_department',
  directLeaders: 'direct_leaders',
  avatar: 'avatar',
  address: 'address',
  extattr: 'extattr',
} as const satisfies Record<keyof MemberFields, string>;

/** The names of changed values as `changes` keeps them: those of the columns. */
const VALUE_COLUMNS: Readonly<Record<string, string>> = {
  ...FIELD_COLUMNS,
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

/** The columns of {@link memberValues}. */
export const MEMBER_COLUMNS: readonly string[] = ['mobile_e164', ...MEMBER_FIELDS.map((field) => FIELD_COLUMNS[field])];

const TEXT_COLUMNS = new Set<string>(['name', 'alias', 'mobile', 'email', 'biz_mail', 'telephone', 'position', 'avatar', 'address']);

/** The select list that {@link memberFromRow} reads, of a table called `members`. */
export function memberSelection(dialect: Dialect): string {
  const columns = MEMBER_COLUMNS.map((column) => (TEXT_COLUMNS.has(column) ? dialect.exactText(column) : column));
  return ['corp_id', 'userid', 'departed_at', 'updated_at', ...columns].join(', ');
}

/** A member as stored; their memberships stand in another table. */
export function memberFromRow(row: Row, memberships: readonly Membership[]): StoredMember {
  return {
    userid: neededText(row, 'userid'),
    fields: fieldsFromRow(row),
    mobileE164: textOf(row, 'mobile_e164'),
    memberships,
    departed: timeOf(row, 'departed_at') !== null,
  };
}

function fieldsFromRow(row: Row): StoredFields {
  return {
    name: textOf(row, 'name'),
    alias: textOf(row, 'alias'),
    mobile: textOf(row, 'mobile'),
    email: textOf(row, 'email'),
    bizMail: textOf(row, 'biz_mail'),
    telephone: textOf(row, 'telephone'),
    position: textOf(row, 'position'),
    gender: textOf(row, 'gender'),
    status: numberOf(row, 'status'),
    mainDepartment: numberOf(row, 'main_department'),
    directLeaders: textsOf(row, 'direct_leaders'),
    avatar: textOf(row, 'avatar'),
    address: textOf(row, 'address'),
    extattr: jsonOf(row, 'extattr'),
  };
}

/** A member's fields in the order of {@link MEMBER_COLUMNS}. */
export function memberValues({ mobileE164, fields }: StoredMember): readonly SqlValue[] {
  return [mobileE164, ...MEMBER_FIELDS.map((field) => columnValue(fields[field]))];
}

function columnValue(value: Json): SqlValue {
  return typeof value === 'string' || typeof value === 'number' ? value : jsonText(value);
}

/** The columns of {@link membershipValues}. */
export const MEMBERSHIP_COLUMNS = ['corp_id', 'userid', 'department_id', 'sort_order', 'is_leader'] as const;

/** One row of `memberships`. */
export function membershipValues(corpId: string, userid: string, membership: Membership): readonly SqlValue[] {
  return [corpId, userid, membership.departmentId, membership.sortOrder, membership.isLeader ? 1 : 0];
}

/** A membership, from `department_id`, `sort_order` and `is_leader`. */
export function membershipFromRow(row: Row): Membership {
  return {
    departmentId: neededNumber(row, 'department_id'),
    sortOrder: neededNumber(row, 'sort_order'),
    isLeader: neededNumber(row, 'is_leader') === 1,
  };
}

/** The columns of {@link departmentValues}. */
export const DEPARTMENT_COLUMNS = ['parent_id', 'name', 'name_en', 'sort_order', 'leaders'] as const;

/** The select list that {@link departmentFromRow} reads. */
export function departmentSelection(dialect: Dialect): string {
  return `id, parent_id, ${dialect.exactText('name')}, ${dialect.exactText('name_en')}, sort_order, leaders, created_at, removed_at`;
}

/** A department's columns in the order of {@link DEPARTMENT_COLUMNS}. */
export function departmentValues(department: StoredDepartment): readonly SqlValue[] {
  return [department.parentId, department.name, department.nameEn, department.sortOrder, jsonText(department.leaders)];
}

/** A department as stored. */
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

/** Changed values as `changes` keeps them: under the columns' names, memberships included. */
export function changedValuesText(values: ChangedValues | null): string | null {
  return values === null ? null : JSON.stringify(renamed(values, VALUE_COLUMNS));
}

/** {@link changedValuesText}, read back under our names. */
export function changedValuesFromRow(row: Row, column: string): ChangedValues | null {
  const json = jsonOf(row, column);
  return isRecord(json) ? renamed(json, VALUE_NAMES) : null;
}

/** A first load renames every value of everybody: hence loops, and not entries made and unmade. */
function renamed(values: ChangedValues, names: Readonly<Record<string, string>>): Record<string, Json> {
  const result: Record<string, Json> = {};
  for (const name of Object.keys(values)) {
    const value = values[name] ?? null;
    result[names[name] ?? name] = name === 'memberships' && Array.isArray(value) ? value.map((item: Json) => (isRecord(item) ? renamed(item, names) : item)) : value;
  }
  return result;
}

function isRecord(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
