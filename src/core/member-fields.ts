/** The kind of value in a member field. `userids` is a list of userids, such as the leaders. */
export type FieldKind = 'text' | 'number' | 'userids' | 'json';

/**
 * The fields that orgsync stores for a member, in addition to the userid and the memberships: one line for each field.
 * Types, columns (the same names in snake case), statements, digests and the history are derived from it.
 *
 * Fields are stored and shown in this order, and digests depend on it: add new fields at the end, with a migration that
 * adds the column.
 */
export const MEMBER_FIELD_KINDS = {
  name: 'text',
  alias: 'text',
  /** As WeCom sends it: mainland numbers without +86, `""` when there is none. */
  mobile: 'text',
  email: 'text',
  bizMail: 'text',
  telephone: 'text',
  position: 'text',
  /** `"1"` male, `"2"` female, `"0"` unknown or not shown to this application. */
  gender: 'text',
  /** 1 active, 2 disabled, 4 not activated, 5 left. */
  status: 'number',
  mainDepartment: 'number',
  directLeaders: 'userids',
  avatar: 'text',
  address: 'text',
  extattr: 'json',
  /** The position that people outside the corp see (对外职务). */
  externalPosition: 'text',
} as const satisfies Readonly<Record<string, FieldKind>>;
