import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import Libsql from 'libsql';
import type { Corp, Member } from '../../src/sandbox/corp.ts';
import type { Fault, RuleInput } from '../../src/sandbox/faults.ts';
import type { Running } from '../support/cli.ts';
import { rowsOf } from '../support/truth.ts';
import { changeMost, type Coast, hasEnded, launch, sinsOfEnds } from './coast.ts';
import type { Erasure } from './erasures.ts';

/** One corp in which writers meet, and the processes that do. */
interface Meeting {
  readonly coast: Coast;
  readonly corp: Corp;
  readonly crowd: Running[];
  /** Resolves when the store is no longer hurt. */
  readonly calm: Promise<unknown>;
}

const RACES = [answerBesideRun, answerBesideRun, personAskedFor, erasureInCommit, erasureInCommit] as const;

/** Lets live lookups, erasures and runs of one corp meet where it hurts: what one of them has read is changed by another before it writes. Returns what must not happen. */
export async function race(coast: Coast, calm: Promise<unknown>): Promise<readonly string[]> {
  const { stage, random } = coast;
  const corps = [...stage.sandbox.world.corps.values()].sort((a, b) => b.members.size - a.members.size);
  const corp = random.pick(random.chance(0.6) ? corps.slice(0, 1) : corps);
  const crowd: Running[] = [];
  const sins = await random.pick(RACES)({ coast, corp, crowd, calm });
  for (const { child } of crowd) child.kill('SIGCONT');
  return [...sins, ...(await sinsOfEnds(coast, crowd))];
}

/** WeCom's answer to lookups is as old as the source was before a run read it; they get it in the run's commit, or after it. */
async function answerBesideRun({ coast, corp, crowd, calm }: Meeting): Promise<readonly string[]> {
  const { random, counters, patientPath } = coast;
  const { userid, mobile } = random.pick(membersWithMobile(corp));
  const lookups = random.int(1, 2);
  const match = random.chance(0.7) ? { endpoint: 'user/get', userid } : { endpoint: 'user/getuserid' };
  corp.updateMember(userid, { alias: `别名${random.int(1, 99_999)}` });
  const held = hold(coast, corp, match, lookups);
  for (let n = 0; n < lookups; n += 1) crowd.push(launch(coast, patientPath, ['lookup', mobile, '--live', '--corp', corp.id]));
  if (!(await isReached(held, lookups, crowd))) {
    held.remove();
    return [];
  }
  counters['held answers'] += lookups;
  const asleep = random.chance(0.3) ? fallAsleep(coast, held, crowd[0]) : undefined;
  changeAgain(coast, corp, userid);
  if (random.chance(0.7)) changeMost(coast, corp);
  const source = imageOf(corp, userid);
  const run = startRun(coast, corp);
  const eraser = random.chance(0.3) ? erase({ coast, corp, crowd, calm }, userid, sleep(random.int(0, 3_000))) : undefined;
  const isLate = random.chance(0.5);
  await (isLate ? run.ended : untilCommit(coast, run));
  const newest = await newestChange(coast, corp);
  await killOne(coast, crowd);
  held.remove();
  asleep?.child.kill('SIGCONT');
  crowd.push(run);
  await Promise.all([...crowd.map(({ ended }) => ended), eraser]);
  await calm;
  if (!isLate || newest === undefined || eraser !== undefined || !(await hasSynced(run, corp))) return [];
  return await sinsOfOldAnswer(coast, corp, { userid, source, newest });
}

/** A run asks for somebody who has left, and learns it when that person was erased. */
async function personAskedFor(meeting: Meeting): Promise<readonly string[]> {
  const { coast, corp, crowd } = meeting;
  const { userid } = pickPerson(coast, corp);
  corp.removeMember(userid);
  if (coast.random.chance(0.5)) changeMost(coast, corp);
  const held = hold(coast, corp, { endpoint: 'user/get', userid }, 1);
  const run = startRun(coast, corp);
  crowd.push(run);
  if (await isReached(held, 1, crowd)) {
    coast.counters['held answers'] += 1;
    await erase(meeting, userid);
  }
  held.remove();
  return [];
}

/** Persons are erased, some of them current members, while a run of many changes commits. */
async function erasureInCommit(meeting: Meeting): Promise<readonly string[]> {
  const { coast, corp, crowd } = meeting;
  const persons = [...new Set(Array.from({ length: coast.random.int(1, 3) }, () => pickPerson(coast, corp).userid))];
  changeMost(coast, corp);
  if (coast.random.chance(0.5)) corp.removeMember(persons[0] ?? '');
  const run = startRun(coast, corp);
  crowd.push(run);
  await Promise.all(persons.map((userid) => erase(meeting, userid, untilCommit(coast, run))));
  return [];
}

/** Tells a process to erase a person, current or not, when `moment` has come, and keeps a record of it. */
async function erase({ coast, corp, crowd }: Meeting, userid: string, moment: Promise<unknown> = Promise.resolve()): Promise<void> {
  const { counters, erasures, patientPath } = coast;
  await moment;
  const newest = (await newestChange(coast, corp)) ?? 0;
  const erasure: Erasure = { corpId: corp.id, userid, newest, rows: undefined, gone: corp.member(userid) === undefined, settled: false };
  erasures.push(erasure);
  const process = launch(coast, patientPath, ['forget', userid, '--corp', corp.id, '--current', '--yes', '--json']);
  crowd.push(process);
  if (coast.random.chance(0.1)) await killOne(coast, [process]);
  const { code, stdout } = await process.ended;
  if (code === 0) erasure.rows = erasedRows(stdout);
  if (code === 0) counters.erasures += 1;
  // Nobody was known by this userid.
  if (code === 1) erasures.splice(erasures.indexOf(erasure), 1);
}

/** The number of rows of `changes` that `forget --json` tells of. */
function erasedRows(stdout: string): number {
  const { forgotten } = JSON.parse(stdout) as { readonly forgotten: readonly { readonly changes: number }[] };
  return forgotten.reduce((sum, { changes }) => sum + changes, 0);
}

/** The newest row of a corp in `changes`; undefined while the store cannot be read. */
async function newestChange({ stage }: Coast, corp: Corp): Promise<number | undefined> {
  const rows = await rowsOf(stage.storeUrl, 'SELECT MAX(id) AS newest FROM changes WHERE corp_id = ?', [corp.id]).catch(() => undefined);
  return rows === undefined ? undefined : Number(rows[0]?.['newest'] ?? 0);
}

/** What was told to a lookup before a run read the source must not be written when that run has committed. */
async function sinsOfOldAnswer({ stage }: Coast, corp: Corp, { userid, source, newest }: { readonly userid: string; readonly source: string; readonly newest: number }): Promise<readonly string[]> {
  const { stored, source: truth } = await stage.organisations(corp.id);
  const later = await rowsOf(stage.storeUrl, "SELECT id FROM changes WHERE corp_id = ? AND entity = 'member' AND entity_id = ? AND id > ? AND run_id IS NULL", [corp.id, userid, newest]);
  // When the source has changed after the run, nobody knows which of both a lookup was told.
  if (later.length === 0 || imageOf(corp, userid) !== source) return [];
  const own = ({ members }: typeof stored): unknown => members.find((row) => row['userid'] === userid.toLowerCase());
  if (isDeepStrictEqual(own(stored), own(truth))) return [];
  return [`${corp.id}: an answer older than the run has replaced what it wrote: ${JSON.stringify(own(stored))}, not ${JSON.stringify(own(truth))}`];
}

/** The answer holds back until it is removed; its moment in the source is when the question came. */
function hold({ stage }: Coast, corp: Corp, match: NonNullable<RuleInput['match']>, times: number): Fault {
  return stage.sandbox.faults.add({ match: { ...match, corp: corp.id }, times, effect: { kind: 'hold', when: 'after' } });
}

/** Resolves with whether so many answers are held; false when the processes have ended before. */
async function isReached(held: Fault, times: number, crowd: readonly Running[]): Promise<boolean> {
  const ended = Promise.race(crowd.map(async ({ ended: end }) => await end)).then(() => false);
  return await Promise.race([held.reached(times).then(() => true), ended]);
}

/** A process that gets its answer, and sleeps before it can read it. */
function fallAsleep({ counters }: Coast, held: Fault, sleeper: Running | undefined): Running | undefined {
  sleeper?.child.kill('SIGSTOP');
  counters.pauses += 1;
  held.release();
  return sleeper;
}

/** What happens at the source while an answer about a member is on its way. */
function changeAgain({ random, counters }: Coast, corp: Corp, userid: string): void {
  if (corp.member(userid) === undefined) return;
  counters.changes += 1;
  random.pick([
    () => corp.updateMember(userid, { alias: `新名${random.int(1, 99_999)}` }),
    () => corp.updateMember(userid, { mobile: '' }),
    () => corp.removeMember(userid),
    () => handOver(corp, random.pick(membersWithMobile(corp)).userid, userid),
  ])();
}

function handOver(corp: Corp, to: string, from: string): void {
  const mobile = corp.member(from)?.mobile ?? '';
  corp.updateMember(from, { mobile: '' });
  if (to !== from) corp.updateMember(to, { mobile });
}

function startRun(coast: Coast, corp: Corp): Running {
  return launch(coast, coast.patientPath, ['run', '--corp', corp.id, '--json', '--allow-departures', '--wait', '10s']);
}

/** Whether a run has brought this corp up to date. */
async function hasSynced(run: Running, corp: Corp): Promise<boolean> {
  const { code, stdout } = await run.ended;
  if (code !== 0) return false;
  const { corps } = JSON.parse(stdout) as { readonly corps: readonly { readonly id: string; readonly outcome: string }[] };
  return corps.some(({ id, outcome }) => id === corp.id && outcome === 'ok');
}

/** Resolves at a random moment after somebody has begun to write members, or when the run has ended without. */
async function untilCommit({ stage, proxy, random }: Coast, run: Running): Promise<void> {
  const begun = proxy === undefined ? untilLocked(stage.storeUrl.slice('sqlite:'.length), run) : proxy.next('up', 'INSERT INTO members');
  await Promise.race([begun, run.ended]);
  await sleep(random.int(0, 150));
}

/** A transaction that takes so long writes many rows. */
const LONG_MS = 25;

/** Resolves when another process has been writing to a SQLite file for a while. */
async function untilLocked(file: string, run: Running): Promise<void> {
  const database = new Libsql(file, { timeout: 0 });
  try {
    let freeAt = performance.now();
    while (!hasEnded(run) && performance.now() - freeAt < LONG_MS) {
      if (isFree(database)) freeAt = performance.now();
      await sleep(2);
    }
  } finally {
    database.close();
  }
}

function isFree(database: Libsql.Database): boolean {
  try {
    database.exec('BEGIN IMMEDIATE');
    database.exec('ROLLBACK');
    return true;
  } catch {
    return false;
  }
}

/** Sometimes kills one of them. */
async function killOne({ random, counters }: Coast, crowd: readonly Running[]): Promise<void> {
  if (!random.chance(0.1)) return;
  await sleep(random.int(0, 300));
  const victim = random.pick(crowd);
  if (!hasEnded(victim)) counters.kills += Number(victim.child.kill('SIGKILL'));
}

function membersWithMobile(corp: Corp): readonly (Member & { readonly mobile: string })[] {
  return [...corp.members.values()].flatMap((member) => (member.mobile === undefined || member.mobile === '' ? [] : [{ ...member, mobile: member.mobile }]));
}

/** A member, often one whom others name as their leader. */
function pickPerson({ random }: Coast, corp: Corp): Member {
  const members = [...corp.members.values()];
  const leaders = [...corp.departments.values()].flatMap(({ department_leader: named }) => (named ?? []).flatMap((userid) => corp.member(userid) ?? []));
  return random.pick(leaders.length > 0 && random.chance(0.4) ? leaders : members);
}

/** All that the source says of a member, as text. */
function imageOf(corp: Corp, userid: string): string {
  return JSON.stringify(corp.member(userid) ?? null);
}
