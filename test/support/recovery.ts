import Libsql from 'libsql';
import { expect } from 'vitest';
import type { RunRequest } from '../../src/sync/run.ts';
import { execute } from './database.ts';
import { historySins } from './history.ts';
import { command } from './redis.ts';
import type { ServerProcess } from './servers.ts';
import type { Stage } from './stage.ts';
import { rowsOf } from './truth.ts';

/** Every corp's rows as they are, to the last column, for "nothing was written". */
export async function organisationOf({ storeUrl }: Stage): Promise<unknown> {
  const tables = { departments: 'id', members: 'userid', memberships: 'userid, department_id', changes: 'id' };
  return await Promise.all(Object.entries(tables).map(([table, order]) => rowsOf(storeUrl, `SELECT * FROM ${table} ORDER BY corp_id, ${order}`)));
}

/** The store equals the source in every corp, and its history tells how that came about. */
export async function expectTruth(stage: Stage): Promise<void> {
  for (const id of stage.sandbox.world.corps.keys()) {
    const { stored, source } = await stage.organisations(id);
    expect(stored).toEqual(source);
    expect(await historySins(stage.storeUrl, id)).toEqual([]);
  }
}

/** How every fault ends: nobody repairs anything, one clean run comes by (waiting for what a dead one still holds), and all is well. */
export async function expectRecovery(stage: Stage, request: Partial<RunRequest> = {}): Promise<void> {
  stage.sandbox.faults.clear();
  stage.sandbox.limits.reset();
  const report = await stage.sync({ waitMs: 15_000, ...request });
  expect(report.corps.map(({ outcome, error }) => ({ outcome, error }))).toEqual(report.corps.map(() => ({ outcome: 'ok', error: null })));
  expect(report).toMatchObject({ outcome: 'ok', exitCode: 0 });
  await expectTruth(stage);
}

/** Runs one statement on the store past orgsync's code. */
export async function tamper({ storeUrl }: Stage, sql: string): Promise<void> {
  if (!storeUrl.startsWith('sqlite:')) {
    await execute(storeUrl, sql);
    return;
  }
  const database = new Libsql(storeUrl.slice('sqlite:'.length), { timeout: 5_000 });
  try {
    database.exec(sql);
  } finally {
    database.close();
  }
}

/** Ends the life of every lease in the store, so that an enumeration need not wait for it each time. */
export async function endLeases(stage: Stage): Promise<void> {
  await tamper(stage, "UPDATE leases SET expires_at = '2000-01-01 00:00:00.000'");
}

/** The same for leases in Redis; pace, tokens and rations stay. */
export async function endRedisLeases(redis: ServerProcess): Promise<void> {
  await command(redis, `EVAL "for _, key in ipairs(redis.call('KEYS', '*lease:*')) do redis.call('DEL', key) end" 0`);
}
