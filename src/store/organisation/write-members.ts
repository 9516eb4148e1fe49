import { isDeepStrictEqual } from 'node:util';
import { memberKey } from '../../core/model.ts';
import type { Corp, Json, MemberChange, MemberKey, Membership, SeenMember, StoredMember } from '../../core/model.ts';
import type { Connection, Row, SqlValue } from '../engine/database.ts';
import { digestOf } from './digest.ts';
import { readMemberships, selectMembers } from './find-members.ts';
import { MEMBER_COLUMNS, memberFromRow, memberSelection, memberValues } from './member-columns.ts';
import { marks, pieces, ROWS_PER_STATEMENT, writeRows } from '../engine/statements.ts';
import { neededText, textOf } from '../engine/values.ts';
import { writeMemberships } from './write-memberships.ts';

/** The writer: a run, or a live lookup with the corp's current fence. */
export interface Author {
  readonly corp: Corp;
  /** `YYYY-MM-DD HH:MM:SS.mmm`. */
  readonly at: string;
  /** null for a run. */
  readonly liveFence: number | null;
}

const KEY = ['corp_id', 'userid'];
const UPDATED = [...MEMBER_COLUMNS, 'mobile_source', 'mobile_seen_at', 'digest', 'live_fence', 'last_departments', 'updated_at', 'departed_at'];
const TARGET = { table: 'members', columns: [...KEY, 'created_at', ...UPDATED], key: KEY, update: UPDATED };

/** Columns that keep their value and are not part of {@link StoredMember}. */
const KEPT = ['mobile_source', 'mobile_seen_at', 'live_fence', 'last_departments', 'created_at'] as const;

/** A stored member, read in the transaction that writes. */
interface Current {
  readonly member: StoredMember;
  readonly row: Row;
}

/** A change that has an effect, and the stored member. */
interface Fresh {
  readonly change: MemberChange;
  readonly stored: Current | undefined;
}

/**
 * Writes members with their memberships, and returns the changes that had an effect. What is stored already is not written, so
 * writing the same change set twice changes nothing the second time.
 */
export async function writeMembers(connection: Connection, author: Author, changes: readonly MemberChange[]): Promise<readonly MemberChange[]> {
  const isFirst = await isEmpty(connection, author.corp);
  const effective: MemberChange[] = [];
  // Without stored members, nothing has to be read between the statements, so all changes are written as one piece.
  for (const piece of pieces(changes, isFirst ? changes.length : ROWS_PER_STATEMENT)) {
    const current = isFirst ? new Map<MemberKey, Current>() : await readCurrent(connection, author.corp, piece);
    for (const change of await writePiece(connection, author, piece, current)) effective.push(change);
  }
  return effective;
}

async function writePiece(
  connection: Connection,
  author: Author,
  changes: readonly MemberChange[],
  current: ReadonlyMap<MemberKey, Current>,
): Promise<readonly MemberChange[]> {
  const fresh: Fresh[] = [];
  const known: SeenMember[] = [];
  for (const change of changes) {
    const stored = current.get(memberKey(change.after.userid));
    if (stored === undefined || !isSame(stored.member, change.after)) fresh.push({ change, stored });
    else if (change.seen !== undefined) known.push(change.seen);
  }
  await writeRows(connection, TARGET, rowsOf(author, fresh));
  await writeMemberships(
    connection,
    author.corp,
    fresh.map(({ change, stored }) => ({ userid: change.after.userid, before: stored?.member.memberships ?? [], after: change.after.memberships })),
  );
  await recognise(connection, author, known);
  return fresh.map(({ change }) => change);
}

/** Whether the corp has no members yet. Then nothing has to be read before writing. */
async function isEmpty(connection: Connection, corp: Corp): Promise<boolean> {
  const rows = await connection.tuples('SELECT 1 FROM members WHERE corp_id = ? LIMIT 1', [corp.id]);
  return rows.length === 0;
}

async function readCurrent(connection: Connection, corp: Corp, changes: readonly MemberChange[]): Promise<ReadonlyMap<MemberKey, Current>> {
  const keys = changes.map(({ after }) => memberKey(after.userid));
  const rows = await selectMembers(connection, corp.id, keys, [memberSelection(connection.dialect), ...KEPT].join(', '));
  const memberships = rows.length === 0 ? new Map<MemberKey, Membership[]>() : await readMemberships(connection, corp.id, keys);
  return new Map(
    rows.map((row) => {
      const key = memberKey(neededText(row, 'userid'));
      return [key, { row, member: memberFromRow(row, memberships.get(key) ?? []) }];
    }),
  );
}

function* rowsOf(author: Author, fresh: readonly Fresh[]): Generator<readonly SqlValue[]> {
  for (const { change, stored } of fresh) yield rowOf(author, change, stored);
}

function rowOf({ corp, at, liveFence }: Author, { after, seen, newValues }: MemberChange, current: Current | undefined): readonly SqlValue[] {
  const kept = (column: (typeof KEPT)[number] | 'departed_at'): SqlValue => current?.row[column] ?? null;
  const mobileIsNew = newValues['mobile'] !== undefined;
  return [
    corp.id,
    after.userid,
    kept('created_at') ?? at,
    ...memberValues(after),
    mobileIsNew ? (liveFence === null ? 'run' : 'lookup') : kept('mobile_source'),
    mobileIsNew ? at : kept('mobile_seen_at'),
    // Without a digest, the next run compares in full: members that a live lookup wrote, and departed ones.
    liveFence === null && seen !== undefined ? Buffer.from(digestOf(seen), 'hex') : null,
    liveFence ?? kept('live_fence'),
    lastDepartments(after, current),
    at,
    after.departed ? (kept('departed_at') ?? at) : null,
  ];
}

function lastDepartments(after: StoredMember, current: Current | undefined): string | null {
  if (!after.departed) return null;
  const left = current?.member.memberships.map(({ departmentId }) => departmentId) ?? [];
  return left.length > 0 ? JSON.stringify(left) : ((current && textOf(current.row, 'last_departments')) ?? null);
}

function isSame(stored: StoredMember, after: StoredMember): boolean {
  return isDeepStrictEqual(asJson(stored), asJson(after));
}

function asJson({ fields, mobileE164, memberships, departed }: StoredMember): Json {
  const sorted = [...memberships].sort((a, b) => a.departmentId - b.departmentId);
  return { fields, mobileE164, departed, memberships: sorted.map(({ departmentId, sortOrder, isLeader }) => [departmentId, sortOrder, isLeader]) };
}

const DIGESTS_PER_STATEMENT = 100;

/**
 * Updates members whose data are stored already: a run writes their digest; a live lookup writes its fence, so that runs that
 * began before it do not write these members.
 */
export async function recognise(connection: Connection, { corp, liveFence }: Author, members: readonly SeenMember[]): Promise<void> {
  for (const piece of pieces(members, DIGESTS_PER_STATEMENT)) {
    const keys = piece.map(({ userid }) => memberKey(userid));
    const where = `WHERE corp_id = ? AND userid IN (${marks(keys.length)})`;
    if (liveFence !== null) {
      await connection.write(`UPDATE members SET live_fence = ? ${where}`, [liveFence, corp.id, ...keys]);
      continue;
    }
    const digests = piece.flatMap((seen, index) => [keys[index] ?? '', Buffer.from(digestOf(seen), 'hex')]);
    const cases = Array(piece.length).fill('WHEN ? THEN ?').join(' ');
    await connection.write(`UPDATE members SET digest = CASE userid ${cases} END ${where}`, [...digests, corp.id, ...keys]);
  }
}
