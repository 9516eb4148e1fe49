import type { Erased, Person } from '../core/history.ts';
import type { Json } from '../core/model.ts';
import type { Connection } from './database.ts';
import { jsonOf, jsonText, neededNumber, textOf } from './values.ts';

/** What stands where an erased person's userid stood. */
const ERASED = '(erased)';

/**
 * Erases one person, inside the caller's transaction. The corp's row is locked first, as a commit locks it: so no run
 * writes them back from what it read before.
 */
export async function erasePerson(connection: Connection, { corpId, userid }: Person): Promise<Erased> {
  await connection.query(`SELECT fence FROM corps WHERE id = ?${connection.dialect.updateLock}`, [corpId]);
  const [row] = await connection.query('SELECT mobile_e164 FROM members WHERE corp_id = ? AND userid = ?', [corpId, userid]);
  const mobile = row === undefined ? null : textOf(row, 'mobile_e164');
  if (mobile !== null) await connection.write('DELETE FROM wrong_numbers WHERE mobile_e164 = ?', [mobile]);
  const memberships = await connection.write('DELETE FROM memberships WHERE corp_id = ? AND userid = ?', [corpId, userid]);
  const members = await connection.write('DELETE FROM members WHERE corp_id = ? AND userid = ?', [corpId, userid]);
  const changes = await connection.write("DELETE FROM changes WHERE corp_id = ? AND entity = 'member' AND entity_id = ?", [corpId, userid]);
  const present = '(SELECT COUNT(*) FROM members WHERE corp_id = ? AND departed_at IS NULL)';
  await connection.write(`UPDATE corps SET member_count = ${present} WHERE id = ?`, [corpId, corpId]);
  const mentions = await eraseMentions(connection, { corpId, userid });
  return { members: members.touched, memberships: memberships.touched, changes: changes.touched, mentions };
}

/** Others' changes may name this person as their leader. */
async function eraseMentions(connection: Connection, { corpId, userid }: Person): Promise<number> {
  const like = `%"${userid.toLowerCase().replace(/[!%_]/gu, '!$&')}"%`;
  const rows = await connection.query(
    `SELECT id, old_values, new_values FROM changes WHERE corp_id = ? AND (${['old_values', 'new_values'].map(mentioning).join(' OR ')})`,
    [corpId, like, like],
  );
  let mentions = 0;
  for (const row of rows) {
    const values = ['old_values', 'new_values'].map((column) => {
      const before = jsonOf(row, column);
      return { before: jsonText(before), after: jsonText(without(before, userid.toLowerCase())) };
    });
    if (values.every(({ before, after }) => before === after)) continue;
    mentions += 1;
    await connection.write('UPDATE changes SET old_values = ?, new_values = ? WHERE id = ?', [...values.map(({ after }) => after), neededNumber(row, 'id')]);
  }
  return mentions;
}

/** MySQL compares JSON with regard to case; as text, all engines do what LOWER makes of it. */
function mentioning(column: string): string {
  return `LOWER(CAST(${column} AS CHAR)) LIKE ? ESCAPE '!'`;
}

const NAMING: ReadonlySet<string> = new Set(['leaders', 'direct_leaders']);

function without(values: Json, userid: string): Json {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return values;
  const replaced = (value: Json): Json => (Array.isArray(value) ? value.map((one: Json) => (typeof one === 'string' && one.toLowerCase() === userid ? ERASED : one)) : value);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, NAMING.has(name) ? replaced(value) : value]));
}
