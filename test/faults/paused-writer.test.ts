import { setImmediate as nextTurn } from 'node:timers/promises';
import Libsql from 'libsql';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { start } from '../support/cli.ts';
import type { Running } from '../support/cli.ts';
import { anotherConfig, detour } from '../support/detour.ts';
import { before, untilHeld } from '../support/held.ts';
import { endLeases, expectRecovery, organisationOf } from '../support/recovery.ts';
import { startRedis } from '../support/servers.ts';
import { setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import { untilStopped } from '../support/stopped.ts';
import { rowsOf } from '../support/truth.ts';

/** The life of the lease of whoever is paused: long enough to be renewed on a busy machine, and short enough to be waited for. */
const SHORT_LIFE = 'ttl: 4s';

const KEEPERS = [
  ['SQLite, leases in it', 'sqlite', () => ''],
  ['MariaDB, leases in it', 'mariadb', () => ''],
  ['MariaDB, leases in Redis', 'mariadb', () => `redis: ${inject('redisUrl')}\nredis_prefix: "paused-${process.pid}-${Math.random()}:"\n`],
] as const;

/** A stage with a first load, and changes waiting; and the configuration of whoever is to be paused. */
async function setPaused(engine: 'sqlite' | 'mariadb', redis: string): Promise<{ readonly stage: Stage; readonly configPath: string }> {
  const stage = await setStage({ engine, members: 20, departments: 4, yaml: `lock: { ttl: 30s, fair: false }\n${redis}` });
  expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
  stage.sandbox.churn({ seed: 7, departmentRemove: 0 });
  return { stage, configPath: await anotherConfig(stage, (yaml) => yaml.replace('ttl: 30s', SHORT_LIFE), 'paused.yml') };
}

function run(configPath: string, env: Readonly<Record<string, string>> = {}): Running {
  const running = start(['--config', configPath, 'run', '--allow-departures'], { env });
  onTestFinished(() => void running.child.kill('SIGKILL'));
  return running;
}

/** Somebody else does the work while the first one sleeps, and the source has moved on by then. */
async function successor(stage: Stage): Promise<unknown> {
  stage.sandbox.churn({ seed: 8, departmentRemove: 0 });
  expect(await stage.sync({ waitMs: 20_000, allowDepartures: true })).toMatchObject({ outcome: 'ok' });
  return await organisationOf(stage);
}

/** The sleeper wakes up, and there is nothing for it to do. */
async function expectHarmless({ child, ended }: Running, stage: Stage, rows: unknown): Promise<void> {
  child.kill('SIGCONT');
  expect(await ended).toMatchObject({ code: 75, stdout: '', stderr: expect.stringMatching(/no longer ours|newer run/) as string });
  expect(await organisationOf(stage)).toEqual(rows);
  const outcomes = await rowsOf(stage.storeUrl, 'SELECT outcome FROM runs ORDER BY id');
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['ok', 'interrupted', 'ok']);
  await expectRecovery(stage);
}

describe.each(KEEPERS)('a writer that was paused for longer than its lease lives and wakes up writes nothing: %s', (_, engine, redis) => {
  test.each([
    ['before the fetch', 'department/list'],
    ['in the fetch', 'user/list'],
  ])('%s', async (_when, endpoint) => {
    const { stage, configPath } = await setPaused(engine, redis());
    const held = stage.sandbox.faults.add({ match: { endpoint }, times: 1, effect: { kind: 'hold' } });
    const paused = run(configPath);
    await untilHeld(held, paused);
    await stopOutsideTransactions(paused, stage);
    const rows = await successor(stage);
    held.release();
    await expectHarmless(paused, stage, rows);
  });
});

describe.each(KEEPERS.slice(1))('a writer that was paused inside its transaction blocks nobody and writes nothing: %s', (_, engine, redis) => {
  test.each([
    ['before a statement', ['INSERT INTO changes']],
    ['before COMMIT', ['INSERT INTO changes', 'COMMIT']],
  ])('%s', async (_when, statements) => {
    const { stage, configPath } = await setPaused(engine, redis());
    const { proxy, configPath: throughProxy } = await detour(stage, configPath);
    const paused = run(throughProxy);
    for (const statement of statements.slice(0, -1)) await before(paused, proxy.next('up', statement));
    // Held in the same turn: a moment later the statement is on its way.
    await before(paused, proxy.next('up', statements.at(-1)).then(() => (proxy.up.mode = 'hold')));
    paused.child.kill('SIGSTOP');
    const rows = await successor(stage);
    proxy.up.mode = 'pass';
    await expectHarmless(paused, stage, rows);
  });
});

describe.each(KEEPERS)('a writer that was paused after COMMIT has written what it wrote, and adds nothing: %s', (_, engine, redis) => {
  test('before the next call', async () => {
    const { stage, configPath } = await setPaused(engine, redis());
    const paused = run(configPath, stopBefore(2, 'INSERT INTO changes,COMMIT'));
    await stopped(paused);
    const rows = await successor(stage);
    paused.child.kill('SIGCONT');
    expect(await paused.ended).toMatchObject({ code: 0, stdout: '' });
    expect(await organisationOf(stage)).toEqual(rows);
    const outcomes = await rowsOf(stage.storeUrl, 'SELECT outcome FROM runs ORDER BY id');
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'ok']);
    await expectRecovery(stage);
  });
});

test('a writer paused inside its SQLite transaction makes others give up in time, for the file is its alone, and finishes when it wakes', async () => {
  const { stage, configPath } = await setPaused('sqlite', '');
  const paused = run(configPath, stopBefore(1, 'INSERT INTO changes'));
  await stopped(paused);
  const rows = await organisationOf(stage);
  await expect(stage.sync()).rejects.toMatchObject({ kind: 'temporary', code: 'store_busy' });
  expect(await organisationOf(stage)).toEqual(rows);
  paused.child.kill('SIGCONT');
  await paused.ended;
  await endLeases(stage);
  await expectRecovery(stage);
});

test('of two that both hold the lock, each in a Redis of its own, one commits', async () => {
  const other = await startRedis();
  onTestFinished(() => other.close());
  const { stage } = await setPaused('mariadb', `redis: ${inject('redisUrl')}\nredis_prefix: "split-${process.pid}:"\n`);
  const elsewhere = await anotherConfig(stage, (yaml) => yaml.replace(inject('redisUrl'), other.url));
  const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, times: 1, effect: { kind: 'hold' } });
  const first = run(stage.configPath);
  await untilHeld(held, first);
  stage.sandbox.churn({ seed: 8, departmentRemove: 0 });
  expect(await run(elsewhere).ended).toMatchObject({ code: 0, stderr: '' });
  const rows = await organisationOf(stage);
  held.release();
  expect(await first.ended).toMatchObject({ code: 75, stderr: expect.stringContaining('newer run') as string });
  expect(await organisationOf(stage)).toEqual(rows);
  await expectRecovery(stage);
});

/** Stops a process while it holds no lock in its SQLite file, which would stay locked until the process goes on. */
async function stopOutsideTransactions({ child }: Running, { storeUrl }: Stage): Promise<void> {
  for (;;) {
    child.kill('SIGSTOP');
    await untilStopped(child.pid ?? 0);
    if (!storeUrl.startsWith('sqlite:') || canWrite(storeUrl.slice('sqlite:'.length))) return;
    child.kill('SIGCONT');
    await nextTurn();
  }
}

function canWrite(file: string): boolean {
  const database = new Libsql(file, { timeout: 0 });
  try {
    database.exec('BEGIN IMMEDIATE; ROLLBACK');
    return true;
  } catch {
    return false;
  } finally {
    database.close();
  }
}

/** The environment of a run that stops itself before a call of the database; see die-at.js. */
function stopBefore(nth: number, from: string): Readonly<Record<string, string>> {
  const hurt = `--import=${new URL('die-at.js', import.meta.url).href}`;
  return { NODE_OPTIONS: hurt, ORGSYNC_TEST_DIE_AT: String(nth), ORGSYNC_TEST_DIE_BY: 'SIGSTOP', ORGSYNC_TEST_DIE_FROM: from };
}

/** Resolves when the process has stopped itself. */
async function stopped({ child }: Running): Promise<void> {
  if (child.pid === undefined) throw new Error('the process could not be started');
  await untilStopped(child.pid);
}
