import type { Erased, Person } from '../../core/ports/history.ts';
import type { Json } from '../../core/model.ts';
import type { Connection } from '../engine/database.ts';
import { jsonOf, jsonText, neededNumber, textOf } from '../engine/values.ts';
import { COUNTS, FIELD_COLUMNS } from './member-columns.ts';

/** Replaces the userid of an erased person. */
const ERASED = '(erased)';

/**
 * Erases one person, inside the caller's transaction. It locks the corp's row first, as a commit does, and raises its fence.
 * So a run or a live lookup that is under way cannot write the person back.
 */
export async function erasePerson(connection: Connection, { corpId, userid }: Person): Promise<Erased> {
  const [corp] = await connection.query(`SELECT fence FROM corps WHERE id = ?${connection.dialect.updateLock}`, [corpId]);
  const [row] = await connection.query('SELECT mobile_e164 FROM members WHERE corp_id = ? AND userid = ?', [corpId, userid]);
  const mobile = row === undefined ? null : textOf(row, 'mobile_e164');
  if (mobile !== null) await connection.write('DELETE FROM wrong_numbers WHERE mobile_e164 = ?', [mobile]);
  const memberships = await connection.write('DELETE FROM memberships WHERE corp_id = ? AND userid = ?', [corpId, userid]);
  const members = await connection.write('DELETE FROM members WHERE corp_id = ? AND userid = ?', [corpId, userid]);
  const changes = await connection.write("DELETE FROM changes WHERE corp_id = ? AND entity = 'member' AND entity_id = ?", [corpId, userid]);
  const [present = {}] = await connection.query(`SELECT ${COUNTS} FROM members WHERE corp_id = ? AND departed_at IS NULL`, [corpId]);
  await connection.write('UPDATE corps SET member_count = ?, mobile_count = ? WHERE id = ?', [neededNumber(present, 'member_count'), neededNumber(present, 'mobile_count'), corpId]);
  let mentions = 0;
  for (const where of MENTIONING) mentions += await eraseMentions(connection, { corpId, userid }, where);
  const erased = { members: members.touched, memberships: memberships.touched, changes: changes.touched, mentions };
  if (corp !== undefined && Object.values(erased).some((rows) => rows > 0)) {
    const fence = neededNumber(corp, 'fence') + 1;
    await connection.write('UPDATE corps SET fence = ?, erased_fence = ? WHERE id = ?', [fence, fence, corpId]);
  }
  return erased;
}

/** A place where a userid can be stored as the leader of another member or of a department. */
interface Mentioning {
  readonly table: string;
  /** The column that identifies a row within a corp. */
  readonly key: string;
  readonly columns: readonly string[];
  /** Another assignment of the same UPDATE. */
  readonly also?: string;
}

/** Columns of `members` that hold userids. */
const NAMING_COLUMNS = FIELD_COLUMNS.filter(({ kind }) => kind === 'userids').map(({ column }) => column);

const MENTIONING: readonly Mentioning[] = [
  { table: 'changes', key: 'id', columns: ['old_values', 'new_values'] },
  // Without a digest the next run compares every field, and stores again what WeCom shows.
  { table: 'members', key: 'userid', columns: NAMING_COLUMNS, also: 'digest = NULL' },
  { table: 'departments', key: 'id', columns: ['leaders'] },
];

async function eraseMentions(connection: Connection, { corpId, userid }: Person, { table, key, columns, also }: Mentioning): Promise<number> {
  const like = `%"${userid.toLowerCase().replace(/[!%_]/gu, '!$&')}"%`;
  const rows = await connection.query(
    `SELECT ${[key, ...columns].join(', ')} FROM ${table} WHERE corp_id = ? AND (${columns.map(mentioning).join(' OR ')})`,
    [corpId, ...columns.map(() => like)],
  );
  const sets = [...columns.map((column) => `${column} = ?`), ...(also === undefined ? [] : [also])].join(', ');
  let mentions = 0;
  for (const row of rows) {
    const values = columns.map((column) => {
      const before = jsonOf(row, column);
      return { before: jsonText(before), after: jsonText(without(before, userid.toLowerCase())) };
    });
    if (values.every(({ before, after }) => before === after)) continue;
    mentions += 1;
    await connection.write(`UPDATE ${table} SET ${sets} WHERE corp_id = ? AND ${key} = ?`, [...values.map(({ after }) => after), corpId, row[key] ?? null]);
  }
  return mentions;
}

/** MySQL compares JSON case-sensitively. As lower-case text, all engines compare alike. */
function mentioning(column: string): string {
  return `LOWER(CAST(${column} AS CHAR)) LIKE ? ESCAPE '!'`;
}

const NAMING: ReadonlySet<string> = new Set(['leaders', ...NAMING_COLUMNS]);

/** Replaces a userid in a list of userids, or in changed values that contain such lists. */
function without(value: Json, userid: string): Json {
  if (Array.isArray(value)) return value.map((one: Json) => (typeof one === 'string' && one.toLowerCase() === userid ? ERASED : one));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, NAMING.has(name) ? without(inner, userid) : inner]));
}
