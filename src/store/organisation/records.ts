import type { Coverage } from '../../core/ports/looking-up.ts';
import type { CorpRecord, RunPoint, RunRecord } from '../../core/ports/records.ts';
import type { Connection, Row } from '../engine/database.ts';
import { neededNumber, neededText, neededTime, numberOf, textOf, timeOf, timeText } from '../engine/values.ts';

/** Reads all corps in the store, sorted by id. */
export async function readCorps(connection: Connection): Promise<readonly CorpRecord[]> {
  const rows = await connection.query(
    `SELECT id, ${connection.dialect.exactText('name')}, fence, last_success_at, last_run_id, writer_version, member_count, department_count,
     CASE WHEN last_success_at IS NULL THEN (SELECT started_at FROM runs WHERE corp_id = corps.id ORDER BY runs.id LIMIT 1) END AS tried_since
     FROM corps ORDER BY id`,
  );
  return rows.map(corpFromRow);
}

function corpFromRow(row: Row): CorpRecord {
  const id = neededText(row, 'id');
  return {
    corp: { id, name: textOf(row, 'name') ?? id },
    fence: neededNumber(row, 'fence'),
    lastSuccessAt: timeOf(row, 'last_success_at'),
    triedSince: timeOf(row, 'tried_since'),
    lastRunId: numberOf(row, 'last_run_id'),
    writerVersion: textOf(row, 'writer_version'),
    memberCount: neededNumber(row, 'member_count'),
    departmentCount: neededNumber(row, 'department_count'),
  };
}

/** What the store can know about the numbers of each corp. A number that a lookup learned does not show that runs see them. */
export async function readCoverage(connection: Connection): Promise<readonly Coverage[]> {
  const rows = await connection.query(
    `SELECT id, ${connection.dialect.exactText('name')}, last_success_at, member_count,
     COALESCE(mobile_count, EXISTS (SELECT 1 FROM members WHERE corp_id = corps.id AND departed_at IS NULL AND mobile_source = 'run')) AS mobiles,
     (SELECT CASE WHEN error IS NULL THEN 0 ELSE 1 END FROM runs WHERE corp_id = corps.id AND outcome = 'ok' ORDER BY runs.id DESC LIMIT 1) AS left_out
     FROM corps ORDER BY id`,
  );
  return rows.map((row) => {
    const id = neededText(row, 'id');
    const showsMobiles = neededNumber(row, 'member_count') === 0 || neededNumber(row, 'mobiles') > 0;
    return { corp: { id, name: textOf(row, 'name') ?? id }, lastSuccessAt: timeOf(row, 'last_success_at'), showsMobiles, leftOut: numberOf(row, 'left_out') === 1 };
  });
}

/** Runs of a corp, newest first. */
export async function readRuns(connection: Connection, corpId: string, limit: number): Promise<readonly RunRecord[]> {
  const rows = await connection.query(`SELECT * FROM runs WHERE corp_id = ? ORDER BY id DESC LIMIT ${Math.max(0, Math.floor(limit))}`, [corpId]);
  return rows.map(runFromRow);
}

/** The ended runs of a corp by day, the oldest first. The database adds them up, because a year can have 100,000 of them. */
export async function readRunDays(connection: Connection, corpId: string, since: Date): Promise<readonly RunPoint[]> {
  const rows = await connection.query(
    `SELECT SUBSTR(started_at, 1, 10) AS day, COUNT(*) AS runs, SUM(CASE WHEN outcome = 'ok' THEN 0 ELSE 1 END) AS troubled,
     MAX(${connection.dialect.seconds('started_at', 'finished_at')}) AS seconds,
     SUM(requests) AS requests, SUM(joined) AS joined, SUM(departed) AS departed, SUM(changed) AS changed
     FROM runs WHERE corp_id = ? AND started_at >= ? AND finished_at IS NOT NULL GROUP BY SUBSTR(started_at, 1, 10) ORDER BY day`,
    [corpId, timeText(since.getTime())],
  );
  return rows.map((row) => ({
    at: neededText(row, 'day'),
    runs: neededNumber(row, 'runs'),
    troubled: neededNumber(row, 'troubled'),
    seconds: neededNumber(row, 'seconds'),
    requests: neededNumber(row, 'requests'),
    joined: neededNumber(row, 'joined'),
    departed: neededNumber(row, 'departed'),
    changed: neededNumber(row, 'changed'),
  }));
}

const OUTCOMES: Readonly<Record<string, RunRecord['outcome']>> = { ok: 'ok', failed: 'failed', held_back: 'held_back', interrupted: 'interrupted' };

function runFromRow(row: Row): RunRecord {
  return {
    id: neededNumber(row, 'id'),
    corpId: neededText(row, 'corp_id'),
    startedAt: neededTime(row, 'started_at'),
    finishedAt: timeOf(row, 'finished_at'),
    outcome: OUTCOMES[neededText(row, 'outcome')] ?? 'interrupted',
    requests: neededNumber(row, 'requests'),
    counts: {
      joined: neededNumber(row, 'joined'),
      departed: neededNumber(row, 'departed'),
      changed: neededNumber(row, 'changed'),
      departmentsChanged: neededNumber(row, 'departments_changed'),
    },
    host: neededText(row, 'host'),
    version: neededText(row, 'version'),
    error: textOf(row, 'error'),
  };
}
