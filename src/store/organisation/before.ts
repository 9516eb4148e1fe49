import { memberKey } from '../../core/model.ts';
import type { Before, Corp, MemberKey, Snapshot, StoredDepartment } from '../../core/model.ts';
import type { Connection } from '../engine/database.ts';
import type { Fence } from '../../core/ports/writing.ts';
import { neededNumber } from '../engine/values.ts';
import { digestOf } from './digest.ts';
import { storeBehind } from './fencing.ts';
import { readMembers } from './find-members.ts';
import { departmentFromRow, departmentSelection } from './rows.ts';

/** Reads what is needed to compare the store with a snapshot: all digests, and the full rows of members whose digest differs. */
export async function readBefore(connection: Connection, corp: Corp, after: Snapshot, fence: Fence | undefined): Promise<Before> {
  if (fence !== undefined) await ensureSeen(connection, fence);
  const rows = await connection.tuples(
    'SELECT userid, LOWER(HEX(digest)), CASE WHEN departed_at IS NULL THEN 1 ELSE 0 END FROM members WHERE corp_id = ?',
    [corp.id],
  );
  const same = new Set<MemberKey>();
  const wanted: MemberKey[] = [];
  let memberCount = 0;
  for (const [userid, digest, present] of rows) {
    const key = memberKey(String(userid));
    const seen = after.members.get(key);
    if (present === 1) memberCount += 1;
    if (present === 1 && seen !== undefined && digest === digestOf(seen)) same.add(key);
    else if (present === 1 || seen !== undefined) wanted.push(key);
  }
  const departments = await readDepartments(connection, corp);
  const departmentCount = [...departments.values()].filter(({ removed }) => !removed).length;
  return { departments, members: await readMembers(connection, corp.id, wanted), same, memberCount, departmentCount };
}

/** Runs in the same database snapshot as the reads after it. A server that lags behind would show values that are no longer true. */
async function ensureSeen(connection: Connection, fence: Fence): Promise<void> {
  const [row] = await connection.query('SELECT fence FROM corps WHERE id = ?', [fence.corp.id]);
  if (row === undefined || neededNumber(row, 'fence') < fence.token) throw storeBehind(fence);
}

/** Every department, removed ones included. */
async function readDepartments(connection: Connection, corp: Corp): Promise<ReadonlyMap<number, StoredDepartment>> {
  const rows = await connection.query(`SELECT ${departmentSelection(connection.dialect)} FROM departments WHERE corp_id = ?`, [corp.id]);
  return new Map(rows.map(departmentFromRow).map((department) => [department.id, department]));
}
