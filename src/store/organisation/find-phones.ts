import { memberKey } from '../../core/model.ts';
import type { Corp, MemberKey, Membership } from '../../core/model.ts';
import type { PhoneMatch } from '../../core/ports/looking-up.ts';
import type { Connection, Row } from '../engine/database.ts';
import { pathTo, readTree } from './department-paths.ts';
import { readMemberships } from './find-members.ts';
import { memberFromRow, memberSelection } from './member-columns.ts';
import { marks, pieces, ROWS_PER_STATEMENT } from '../engine/statements.ts';
import { jsonOf, neededText, neededTime, textOf, timeOf } from '../engine/values.ts';

/** Finds the members with these mobiles, by number: current members first, then departed ones, the latest first. */
export async function findByPhones(connection: Connection, e164s: readonly string[], corpIds: readonly string[] | undefined): Promise<ReadonlyMap<string, readonly PhoneMatch[]>> {
  const rows: Row[] = [];
  for (const piece of pieces([...new Set(e164s)], ROWS_PER_STATEMENT)) rows.push(...(await selectByPhone(connection, piece, corpIds)));
  const names = rows.length === 0 ? new Map<string, string>() : await readCorpNames(connection);
  const matches: PhoneMatch[] = [];
  for (const [key, people] of grouped(rows, corpKey)) {
    const id = neededText(people[0] ?? {}, 'corp_id');
    matches.push(...(await matchesOf(connection, { id, name: names.get(key) ?? id }, people)));
  }
  return grouped(matches.sort(byRelevance), ({ member }) => member.mobileE164 ?? '');
}

/** Returns the matches of one corp, with their departments. */
async function matchesOf(connection: Connection, corp: Corp, people: readonly Row[]): Promise<readonly PhoneMatch[]> {
  const present = people.filter((row) => timeOf(row, 'departed_at') === null).map(keyOf);
  const memberships = new Map<MemberKey, Membership[]>();
  for (const piece of pieces(present, ROWS_PER_STATEMENT)) {
    for (const [key, some] of await readMemberships(connection, corp.id, piece)) memberships.set(key, some);
  }
  const whereabouts = people.map((row) => ({ row, mine: memberships.get(keyOf(row)) ?? [], departmentIds: departmentsOf(row, memberships) }));
  const tree = await readTree(connection, corp.id, whereabouts.flatMap(({ departmentIds }) => departmentIds));
  return whereabouts.map(({ row, mine, departmentIds }) => ({
    corp,
    member: memberFromRow(row, mine),
    departments: departmentIds.map((id) => pathTo(id, tree)),
    updatedAt: neededTime(row, 'updated_at'),
    departedAt: timeOf(row, 'departed_at'),
  }));
}

async function selectByPhone(connection: Connection, e164s: readonly string[], corpIds: readonly string[] | undefined): Promise<readonly Row[]> {
  const inCorps = corpIds === undefined ? '' : ` AND corp_id IN (${marks(corpIds.length)})`;
  if (corpIds?.length === 0) return [];
  return await connection.query(
    `SELECT ${memberSelection(connection.dialect)}, last_departments FROM members WHERE mobile_e164 IN (${marks(e164s.length)})${inCorps}`,
    [...e164s, ...(corpIds ?? [])],
  );
}

async function readCorpNames(connection: Connection): Promise<ReadonlyMap<string, string>> {
  const rows = await connection.query(`SELECT id, ${connection.dialect.exactText('name')} FROM corps`);
  return new Map(rows.map((row) => [neededText(row, 'id').toLowerCase(), textOf(row, 'name') ?? neededText(row, 'id')]));
}

/** Returns a member's departments; for a departed one, the last departments. */
function departmentsOf(row: Row, memberships: ReadonlyMap<MemberKey, readonly Membership[]>): readonly number[] {
  if (timeOf(row, 'departed_at') === null) return (memberships.get(keyOf(row)) ?? []).map(({ departmentId }) => departmentId);
  const last = jsonOf(row, 'last_departments');
  return Array.isArray(last) ? last.map(Number) : [];
}

function byRelevance(a: PhoneMatch, b: PhoneMatch): number {
  const leftAt = (match: PhoneMatch): number => match.departedAt?.getTime() ?? Infinity;
  if (leftAt(a) !== leftAt(b)) return leftAt(a) > leftAt(b) ? -1 : 1;
  return nameOf(a) < nameOf(b) ? -1 : 1;
}

/** Returns a key that gives equally relevant matches a stable order. */
function nameOf({ corp, member }: PhoneMatch): string {
  return `${corp.id} ${memberKey(member.userid)}`;
}

/** Groups items by key, as Map.groupBy, which Node.js 20 does not have. */
function grouped<Item, Key>(items: readonly Item[], keyFor: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const group = groups.get(keyFor(item)) ?? [];
    group.push(item);
    groups.set(keyFor(item), group);
  }
  return groups;
}

function corpKey(row: Row): string {
  return neededText(row, 'corp_id').toLowerCase();
}

function keyOf(row: Row): MemberKey {
  return memberKey(neededText(row, 'userid'));
}
