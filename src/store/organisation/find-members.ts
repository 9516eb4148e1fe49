import { memberKey } from '../../core/model.ts';
import type { MemberKey, Membership, StoredMember } from '../../core/model.ts';
import type { Connection, Row } from '../engine/database.ts';
import { memberFromRow, memberSelection } from './member-columns.ts';
import { membershipFromRow } from './rows.ts';
import { marks, pieces, ROWS_PER_STATEMENT } from '../engine/statements.ts';
import { neededText } from '../engine/values.ts';

/** Reads members by key, with their memberships. Members that are not stored are missing in the result. */
export async function readMembers(connection: Connection, corpId: string, keys: readonly MemberKey[]): Promise<Map<MemberKey, StoredMember>> {
  const found = new Map<MemberKey, StoredMember>();
  for (const piece of pieces(keys, ROWS_PER_STATEMENT)) {
    const rows = await selectMembers(connection, corpId, piece, memberSelection(connection.dialect));
    const memberships = await readMemberships(connection, corpId, piece);
    for (const row of rows) {
      const key = memberKey(neededText(row, 'userid'));
      found.set(key, memberFromRow(row, memberships.get(key) ?? []));
    }
  }
  return found;
}

/** Reads columns of the members with these keys, 500 at most. */
export async function selectMembers(connection: Connection, corpId: string, keys: readonly MemberKey[], columns: string): Promise<readonly Row[]> {
  if (keys.length === 0) return [];
  return await connection.query(`SELECT ${columns} FROM members WHERE corp_id = ? AND userid IN (${marks(keys.length)})`, [corpId, ...keys]);
}

/** Reads the memberships of the members with these keys, 500 at most, sorted by department id. */
export async function readMemberships(connection: Connection, corpId: string, keys: readonly MemberKey[]): Promise<Map<MemberKey, Membership[]>> {
  if (keys.length === 0) return new Map();
  const rows = await connection.query(
    `SELECT userid, department_id, sort_order, is_leader FROM memberships WHERE corp_id = ? AND userid IN (${marks(keys.length)})`,
    [corpId, ...keys],
  );
  const byMember = new Map<MemberKey, Membership[]>();
  for (const row of rows) {
    const key = memberKey(neededText(row, 'userid'));
    const memberships = byMember.get(key) ?? [];
    memberships.push(membershipFromRow(row));
    byMember.set(key, memberships);
  }
  // Sorted here: with ORDER BY, the optimizer may read the whole corp in the order of departments.
  for (const memberships of byMember.values()) memberships.sort((a, b) => a.departmentId - b.departmentId);
  return byMember;
}
