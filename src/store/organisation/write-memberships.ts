import type { Corp, Membership } from '../../core/model.ts';
import type { Connection, SqlValue } from '../engine/database.ts';
import { MEMBERSHIP_COLUMNS, membershipValues } from './rows.ts';
import { pieces, writeRows } from '../engine/statements.ts';

/** One member's memberships, as they are stored and as they will be. */
export interface Moved {
  readonly userid: string;
  readonly before: readonly Membership[];
  readonly after: readonly Membership[];
}

const TARGET = {
  table: 'memberships',
  columns: MEMBERSHIP_COLUMNS,
  key: ['corp_id', 'userid', 'department_id'],
  update: ['sort_order', 'is_leader'],
};
const DELETED_PER_STATEMENT = 200;

/** Deletes, inserts and updates only the memberships that differ. */
export async function writeMemberships(connection: Connection, corp: Corp, moved: readonly Moved[]): Promise<void> {
  const gone: SqlValue[][] = [];
  const fresh: (readonly SqlValue[])[] = [];
  for (const { userid, before, after } of moved) {
    const stored = new Map(before.map((membership) => [membership.departmentId, membership]));
    const wanted = new Map(after.map((membership) => [membership.departmentId, membership]));
    gone.push(...before.filter(({ departmentId }) => !wanted.has(departmentId)).map(({ departmentId }) => [userid, departmentId]));
    for (const membership of inOrder(wanted.values())) {
      if (!isSame(stored.get(membership.departmentId), membership)) fresh.push(membershipValues(corp.id, userid, membership));
    }
  }
  for (const piece of pieces(gone, DELETED_PER_STATEMENT)) {
    const any = Array(piece.length).fill('(userid = ? AND department_id = ?)').join(' OR ');
    await connection.write(`DELETE FROM memberships WHERE corp_id = ? AND (${any})`, [corp.id, ...piece.flat()]);
  }
  await writeRows(connection, TARGET, fresh);
}

function inOrder(memberships: Iterable<Membership>): readonly Membership[] {
  return [...memberships].sort((a, b) => a.departmentId - b.departmentId);
}

function isSame(stored: Membership | undefined, wanted: Membership): boolean {
  return stored !== undefined && stored.sortOrder === wanted.sortOrder && stored.isLeader === wanted.isLeader;
}
