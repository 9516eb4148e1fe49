import Libsql from 'libsql';
import type { Truth } from '../../src/sandbox/truth.ts';
import { connect } from './database.ts';

/** Reads rows past orgsync's own code, so that a fault in its reading cannot hide one in its writing. */
export async function rowsOf(storeUrl: string, sql: string, values: readonly (string | number)[] = []): Promise<readonly Record<string, unknown>[]> {
  if (storeUrl.startsWith('sqlite:')) {
    const database = new Libsql(storeUrl.slice('sqlite:'.length), { readonly: true });
    try {
      return database.prepare(sql).all(...values) as Record<string, unknown>[];
    } finally {
      database.close();
    }
  }
  const connection = await connect(storeUrl, { dateStrings: true });
  try {
    const [rows] = await connection.execute(sql, [...values]);
    return rows as Record<string, unknown>[];
  } finally {
    await connection.end();
  }
}

/** One corp's organisation in a form that store and source can be compared in. */
export interface Organisation {
  readonly departments: readonly Row[];
  readonly members: readonly Row[];
  readonly memberships: readonly Row[];
}

type Row = Readonly<Record<string, unknown>>;

/** The organisation that a store holds now: present departments and members only. */
export async function storedOrganisation(storeUrl: string, corpId: string): Promise<Organisation> {
  const [departments, members, memberships] = await Promise.all([
    rowsOf(storeUrl, 'SELECT id, parent_id, name, name_en, sort_order, leaders FROM departments WHERE corp_id = ? AND removed_at IS NULL ORDER BY id', [corpId]),
    rowsOf(storeUrl, `SELECT userid, ${COLUMNS.join(', ')} FROM members WHERE corp_id = ? AND departed_at IS NULL`, [corpId]),
    rowsOf(storeUrl, 'SELECT userid, department_id, sort_order, is_leader FROM memberships WHERE corp_id = ?', [corpId]),
  ]);
  return {
    departments: departments.map((row) => ({ ...row, id: Number(row['id']), leaders: parsed(row['leaders']) })),
    members: byUserid(members.map((row) => ({ ...row, direct_leaders: parsed(row['direct_leaders']), extattr: parsed(row['extattr']) }))),
    memberships: byUserid(
      memberships.map((row) => ({ userid: row['userid'], department: Number(row['department_id']), order: Number(row['sort_order']), is_leader: Boolean(row['is_leader']) })),
    ),
  };
}

/** The organisation as the sandbox says that it is. What it does not say is as it was in `before`, or as in a store that was never told. */
export function trueOrganisation({ departments, members, memberships }: Truth, before: Organisation = NOBODY): Organisation {
  const units = departments.map(({ id, parentid, name, name_en, order, department_leader }) => ({ id, parent_id: parentid, name, name_en, sort_order: order, leaders: department_leader }));
  const people = members.map((member) => Object.fromEntries(['userid', ...COLUMNS].map((column) => [column, member[SENT_AS[column] ?? column]])));
  return {
    departments: over(before.departments, units, UNTOLD.department),
    members: over(before.members, byUserid(people), UNTOLD.member),
    memberships: over(before.memberships, byUserid(memberships.map((membership) => ({ ...membership }))), UNTOLD.membership),
  };
}

/** Each row, completed by the one of the same id, or userid and department, or else by what is stored where nothing was said. */
function over(before: readonly Row[], rows: readonly Row[], untold: Row): readonly Row[] {
  const keyOf = (row: Row): string => JSON.stringify([row['id'], row['userid'], row['department']]);
  const known = new Map(before.map((row) => [keyOf(row), row]));
  return rows.map((row) => ({ ...untold, ...known.get(keyOf(row)), ...Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) }));
}

const COLUMNS = [
  'name', 'alias', 'mobile', 'email', 'biz_mail', 'telephone', 'position', 'gender', 'status', 'main_department', 'direct_leaders', 'avatar', 'address', 'extattr', 'external_position',
] as const;

const NOBODY: Organisation = { departments: [], members: [], memberships: [] };

const UNTOLD = {
  department: { parent_id: 0, name: null, name_en: null, sort_order: 0, leaders: null },
  member: Object.fromEntries(COLUMNS.map((column) => [column, null])),
  membership: { order: 0, is_leader: false },
};

/** Columns that WeCom calls something else. */
const SENT_AS: Readonly<Record<string, string>> = { direct_leaders: 'direct_leader' };

function parsed(json: unknown): unknown {
  return typeof json === 'string' ? JSON.parse(json) : json;
}

/** Sorted as WeCom compares userids: without case; within one userid by department. */
function byUserid(rows: readonly Row[]): readonly Row[] {
  const keyed = rows.map((row) => ({ ...row, userid: String(row['userid']).toLowerCase(), department: Number(row['department'] ?? 0) }));
  return keyed.sort((a, b) => (a.userid === b.userid ? a.department - b.department : a.userid < b.userid ? -1 : 1));
}
