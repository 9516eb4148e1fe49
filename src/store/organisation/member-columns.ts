import { type FieldKind, MEMBER_FIELD_KINDS } from '../../core/member-fields.ts';
import { MEMBER_FIELDS } from '../../core/model.ts';
import type { Json, MemberFields, Membership, StoredFields, StoredMember } from '../../core/model.ts';
import type { Dialect, Row, SqlValue } from '../engine/database.ts';
import { jsonOf, jsonText, neededText, numberOf, textOf, textsOf, timeOf } from '../engine/values.ts';

/** A member field with its column of `members`. */
interface FieldColumn {
  readonly field: keyof MemberFields;
  readonly column: string;
  readonly kind: FieldKind;
}

/** The columns of all member fields, in the order of the fields. */
export const FIELD_COLUMNS: readonly FieldColumn[] = MEMBER_FIELDS.map((field) => ({
  field,
  column: field.replace(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`),
  kind: MEMBER_FIELD_KINDS[field],
}));

/** The function that reads each kind of field. */
const READ: Readonly<Record<FieldKind, (row: Row, column: string) => Json>> = { text: textOf, number: numberOf, userids: textsOf, json: jsonOf };

/** The columns of {@link memberValues}. */
export const MEMBER_COLUMNS: readonly string[] = ['mobile_e164', ...FIELD_COLUMNS.map(({ column }) => column)];

/** Counts rows of `members`: all, and those whose mobile a run was shown. A mobile that a lookup found does not show that runs see any. */
export const COUNTS = "COUNT(*) AS member_count, SUM(CASE WHEN mobile_source = 'run' THEN 1 ELSE 0 END) AS mobile_count";

/** Returns the select list for {@link memberFromRow}. */
export function memberSelection(dialect: Dialect): string {
  const columns = FIELD_COLUMNS.map(({ column, kind }) => (kind === 'text' ? dialect.exactText(column) : column));
  return ['corp_id', 'userid', 'departed_at', 'updated_at', 'mobile_e164', ...columns].join(', ');
}

/** Reads a stored member from a row; the memberships come from another table. */
export function memberFromRow(row: Row, memberships: readonly Membership[]): StoredMember {
  const fields: Record<string, Json> = {};
  for (const { field, column, kind } of FIELD_COLUMNS) fields[field] = READ[kind](row, column);
  return {
    userid: neededText(row, 'userid'),
    fields: fields as StoredFields,
    mobileE164: textOf(row, 'mobile_e164'),
    memberships,
    departed: timeOf(row, 'departed_at') !== null,
  };
}

/** Returns a member's values in the order of {@link MEMBER_COLUMNS}. */
export function memberValues({ mobileE164, fields }: StoredMember): readonly SqlValue[] {
  const values: SqlValue[] = [mobileE164];
  for (const { field } of FIELD_COLUMNS) {
    const value = fields[field];
    values.push(typeof value === 'string' || typeof value === 'number' ? value : jsonText(value));
  }
  return values;
}
