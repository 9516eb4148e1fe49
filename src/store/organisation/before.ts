import { memberKey } from '../../core/model.ts';
import type { Before, Corp, MemberKey, Snapshot, StoredDepartment } from '../../core/model.ts';
import type { Connection } from '../engine/database.ts';
import { digestOf } from './digest.ts';
import { readMembers } from './find-members.ts';
import { departmentFromRow, departmentSelection } from './rows.ts';

/** What the difference with a snapshot needs: the digests of all decide whose rows have to be read in full. */
export async function readBefore(connection: Connection, corp: Corp, after: Snapshot): Promise<Before> {
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

/** Every department, removed ones included. */
async function readDepartments(connection: Connection, corp: Corp): Promise<ReadonlyMap<number, StoredDepartment>> {
  const rows = await connection.query(`SELECT ${departmentSelection(connection.dialect)} FROM departments WHERE corp_id = ?`, [corp.id]);
  return new Map(rows.map(departmentFromRow).map((department) => [department.id, department]));
}
