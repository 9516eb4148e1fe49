/** What kind of value a member field holds. `userids` are a list of them, such as that of leaders. */
export type FieldKind = 'text' | 'number' | 'userids' | 'json';

/**
 * What orgsync keeps of a member beside the userid and the memberships: one line for each field. Types, columns (the same
 * names in snake case), statements, digests and the history follow from it.
 *
 * The order is the order of storing and showing. Digests depend on it: add new fields at the end, with a migration that
 * adds the column.
 */
export const MEMBER_FIELD_KINDS = {
  name: 'text',
  alias: 'text',
  /** As WeCom gives it: mainland numbers without +86, `""` where none is set. */
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
} as const satisfies Readonly<Record<string, FieldKind>>;
