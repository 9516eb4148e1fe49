import { memberKey } from '../../core/model.ts';
import type { ChangeCounts, ChangeSet, Corp, DepartmentChange, MemberChange, MemberKey } from '../../core/model.ts';
import type { LiveEnd, Mark } from '../../core/ports/looking-up.ts';
import type { Committed, Fence, Writer } from '../../core/ports/writing.ts';
import { sightChanges, sightKeys } from '../../core/sighting.ts';
import type { Sight } from '../../core/sighting.ts';
import type { Connection, Row, SqlValue } from '../engine/database.ts';
import { fencedOff, lockShared, lockWholly, refuseUnfit, storeBehind } from './fencing.ts';
import { readMembers } from './find-members.ts';
import { COUNTS } from './member-columns.ts';
import { changedValuesText } from './rows.ts';
import { writeRows } from '../engine/statements.ts';
import { neededNumber, neededText, numberOf, textOf, timeText } from '../engine/values.ts';
import { writeDepartments } from './write-departments.ts';
import { type Author, recognise, writeMembers } from './write-members.ts';

/** What a run commits. */
interface CommitOrder {
  readonly fence: Fence;
  readonly changes: ChangeSet;
  readonly requests: number;
  /** What could not be written, for its row in `runs`. */
  readonly error: string | null;
  readonly now: number;
}

/** The changes that changed something. */
interface Effective {
  readonly departments: readonly DepartmentChange[];
  readonly members: readonly MemberChange[];
}

/**
 * Writes a run's change set and its end, inside the caller's transaction. The lock comes first. It keeps newer fences and
 * live lookups out. If an earlier attempt lost its connection, the lock also waits until that transaction has ended; the row
 * in `runs` then tells whether it was committed.
 */
export async function commitRun(connection: Connection, { fence, changes, requests, error, now }: CommitOrder): Promise<Committed> {
  const corp = await lockShared(connection, fence.corp.id);
  const run = await selectRun(connection, fence);
  if (run !== undefined && textOf(run, 'outcome') === 'ok') return await alreadyCommitted(connection, fence, run);
  const newest = corp === undefined ? 0 : neededNumber(corp, 'fence');
  if (newest < fence.token) throw storeBehind(fence);
  if (newest > fence.token || run === undefined) throw fencedOff(fence, corp);

  const author = { corp: fence.corp, at: timeText(now), liveFence: null };
  const unseen = withoutLive(changes, await seenLive(connection, fence, corp));
  const effective = await writeChanges(connection, author, fence.runId, unseen);
  const counts = countEffective(effective);
  await closeRun(connection, fence, { counts, requests, error, at: author.at });
  const sizes = await countSizes(connection, fence.corp, effective);
  await connection.write(
    'UPDATE corps SET last_success_at = ?, writer_version = ?, environment = COALESCE(?, environment), member_count = ?, mobile_count = ?, department_count = ? WHERE id = ?',
    [author.at, neededText(run, 'version'), textOf(run, 'environment'), sizes.memberCount, sizes.mobileCount, sizes.departmentCount, fence.corp.id],
  );
  return { counts, memberCount: sizes.memberCount, departmentCount: sizes.departmentCount };
}

/** Writes what a live lookup saw, inside the caller's transaction. The lock keeps commits and erasures out until it ends. */
export async function commitSighting(
  connection: Connection,
  corp: Corp,
  sight: Sight,
  { mark, writer, allowTakeover, now }: { readonly mark: Mark; readonly writer: Writer; readonly allowTakeover: boolean; readonly now: number },
): Promise<LiveEnd> {
  const row = await lockWholly(connection, corp);
  if (!allowTakeover) refuseUnfit(writer, row);
  const changes = sightChanges(sight, await readMembers(connection, corp.id, sightKeys(sight)));
  if (changes.members.length > 0) {
    const newer = await newerThan(connection, mark, corp, row);
    if (newer !== undefined) return newer;
  } else if (changes.reseen.length === 0) return 'same';
  const liveFence = neededNumber(row, 'fence');
  const effective = await writeChanges(connection, { corp, at: timeText(now), liveFence }, null, changes);
  const { memberCount, mobileCount, departmentCount } = await countSizes(connection, corp, effective);
  await connection.write('UPDATE corps SET live_fence = ?, member_count = ?, mobile_count = ?, department_count = ? WHERE id = ?', [
    liveFence,
    memberCount,
    mobileCount,
    departmentCount,
    corp.id,
  ]);
  return 'written';
}

/** Tells whether something was committed after the mark and may be newer than WeCom's answer. */
async function newerThan(connection: Connection, mark: Mark, corp: Corp, row: Row): Promise<'overtaken' | 'beside' | undefined> {
  if ((numberOf(row, 'erased_fence') ?? 0) > mark.fence) return 'overtaken';
  const last = mark.lastRunId ?? 0;
  const runs = await connection.query("SELECT id FROM runs WHERE corp_id = ? AND id >= ? AND outcome = 'ok'", [corp.id, last]);
  const ids = runs.map((run) => neededNumber(run, 'id'));
  if (ids.some((id) => id > last)) return 'overtaken';
  return ids.includes(last) && !mark.lastRunEnded ? 'beside' : undefined;
}

/** Reads the state of a corp before WeCom is asked. */
export async function readMark(connection: Connection, corp: Corp): Promise<Mark> {
  const [row] = await connection.query(
    'SELECT fence, last_run_id, (SELECT finished_at FROM runs WHERE id = corps.last_run_id) AS ended FROM corps WHERE id = ?',
    [corp.id],
  );
  if (row === undefined) return { fence: 0, lastRunId: null, lastRunEnded: true };
  return { fence: neededNumber(row, 'fence'), lastRunId: numberOf(row, 'last_run_id'), lastRunEnded: textOf(row, 'ended') !== null };
}

async function writeChanges(connection: Connection, author: Author, runId: number | null, changes: ChangeSet): Promise<Effective> {
  const departments = await writeDepartments(connection, author.corp, changes.departments, author.at);
  const members = await writeMembers(connection, author, changes.members);
  await recognise(connection, author, changes.reseen);
  const effective = { departments, members };
  await writeHistory(connection, author, runId, effective);
  return effective;
}

const HISTORY = { table: 'changes', columns: ['run_id', 'corp_id', 'at', 'entity', 'entity_id', 'action', 'old_values', 'new_values'] };

async function writeHistory(connection: Connection, { corp, at }: Author, runId: number | null, { departments, members }: Effective): Promise<void> {
  function* rows(): Generator<readonly SqlValue[]> {
    const row = (entity: string, id: string, { action, oldValues, newValues }: DepartmentChange | MemberChange): readonly SqlValue[] =>
      [runId, corp.id, at, entity, id, action, changedValuesText(oldValues), changedValuesText(newValues)];
    for (const change of departments) yield row('department', String(change.after.id), change);
    for (const change of members) yield row('member', change.after.userid, change);
  }
  await writeRows(connection, HISTORY, rows());
}

/** Members that a live lookup has written since this run began. */
async function seenLive(connection: Connection, { corp, token }: Fence, row: Row | undefined): Promise<ReadonlySet<MemberKey>> {
  const latest = row === undefined ? null : numberOf(row, 'live_fence');
  if (latest === null || latest < token) return new Set();
  const rows = await connection.query('SELECT userid FROM members WHERE corp_id = ? AND live_fence >= ?', [corp.id, token]);
  return new Set(rows.map((found) => memberKey(neededText(found, 'userid'))));
}

function withoutLive({ departments, members, reseen }: ChangeSet, live: ReadonlySet<MemberKey>): ChangeSet {
  if (live.size === 0) return { departments, members, reseen };
  return {
    departments,
    members: members.filter(({ after }) => !live.has(memberKey(after.userid))),
    reseen: reseen.filter(({ userid }) => !live.has(memberKey(userid))),
  };
}

function countEffective({ departments, members }: Effective): ChangeCounts {
  const count = (...actions: readonly MemberChange['action'][]): number => members.filter(({ action }) => actions.includes(action)).length;
  return { joined: count('joined'), departed: count('departed'), changed: count('returned', 'changed'), departmentsChanged: departments.length };
}

/** The row of this run. Undefined if the row with this id belongs to another run. */
async function selectRun(connection: Connection, { runId, nonce }: Fence): Promise<Row | undefined> {
  const [row] = await connection.query(
    'SELECT outcome, version, environment, joined, departed, changed, departments_changed FROM runs WHERE id = ? AND nonce = ?',
    [runId, nonce],
  );
  return row;
}

async function closeRun(
  connection: Connection,
  { runId }: Fence,
  { counts, requests, error, at }: { readonly counts: ChangeCounts; readonly requests: number; readonly error: string | null; readonly at: string },
): Promise<void> {
  await connection.write(
    `UPDATE runs SET outcome = 'ok', finished_at = ?, requests = ?, joined = ?, departed = ?, changed = ?, departments_changed = ?, error = ? WHERE id = ?`,
    [at, requests, counts.joined, counts.departed, counts.changed, counts.departmentsChanged, error, runId],
  );
}

interface Sizes {
  readonly memberCount: number;
  /** Members whose mobile a run was shown. */
  readonly mobileCount: number;
  readonly departmentCount: number;
}

/** Counts the rows again if anything changed, so that the stored numbers always match the rows. */
async function countSizes(connection: Connection, corp: Corp, { departments, members }: Effective): Promise<Sizes> {
  const [row = {}] = await connection.query('SELECT member_count, mobile_count, department_count FROM corps WHERE id = ?', [corp.id]);
  const count = async (from: string): Promise<Row> => (await connection.query(`SELECT ${from}`, [corp.id]))[0] ?? row;
  const isCounted = members.length === 0 && numberOf(row, 'mobile_count') !== null;
  const present = isCounted ? row : await count(`${COUNTS} FROM members WHERE corp_id = ? AND departed_at IS NULL`);
  const remaining = departments.length === 0 ? row : await count('COUNT(*) AS department_count FROM departments WHERE corp_id = ? AND removed_at IS NULL');
  return {
    memberCount: neededNumber(present, 'member_count'),
    mobileCount: neededNumber(present, 'mobile_count'),
    departmentCount: neededNumber(remaining, 'department_count'),
  };
}

async function alreadyCommitted(connection: Connection, { corp }: Fence, run: Row): Promise<Committed> {
  const counts = {
    joined: neededNumber(run, 'joined'),
    departed: neededNumber(run, 'departed'),
    changed: neededNumber(run, 'changed'),
    departmentsChanged: neededNumber(run, 'departments_changed'),
  };
  const { memberCount, departmentCount } = await countSizes(connection, corp, { departments: [], members: [] });
  return { counts, memberCount, departmentCount };
}
