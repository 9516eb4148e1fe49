import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { orgsync, start } from '../support/cli.ts';
import { untilHeld } from '../support/held.ts';
import { describeWith } from '../support/programs.ts';
import { expectRecovery, expectTruth, organisationOf } from '../support/recovery.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';

const BIN = new URL('../../bin/orgsync.js', import.meta.url).pathname;
const HOUR_S = 3_600;

/** A moment as the store writes it. */
const utc = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').slice(0, 23);

describeWith(['faketime'], 'a host whose clock is wrong', () => {
  /** The environment of a process whose wall clock is off by what the file says, and whose monotonic clock is not: as after a step of ntpd. */
  async function wrongClock(folder: string, seconds: number): Promise<{ readonly env: Record<string, string>; readonly step: (to: number) => Promise<void> }> {
    const file = path.join(folder, `clock-${seconds}`);
    const step = async (to: number): Promise<void> => writeFile(file, `${to < 0 ? '' : '+'}${to}s\n`);
    await step(seconds);
    const library = '/usr/lib/$LIB/faketime/libfaketime.so.1'.replace('$LIB', process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu');
    return { env: { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' }, step };
  }

  test.each([
    ['leases in SQLite', 'sqlite', ''],
    ['leases in MariaDB', 'mariadb', ''],
    ['leases in Redis', 'mariadb', 'redis'],
  ] as const)('syncs like any other, an hour ahead or behind: %s', async (_, engine, redis) => {
    const yaml = redis === '' ? '' : `redis: ${inject('redisUrl')}\nredis_prefix: "clock-${process.pid}:"\nlock: { fair: false }\n`;
    const stage = await setStage({ engine, members: 10, departments: 3, yaml });
    for (const [seed, offset] of [0, HOUR_S, -HOUR_S, 24 * HOUR_S, 0].entries()) {
      stage.sandbox.churn({ seed, departmentRemove: 0, leave: 1 });
      const { env } = await wrongClock(stage.folder, offset);
      expect(await orgsync(['--config', stage.configPath, 'run'], { env })).toMatchObject({ code: 0, stdout: '', stderr: '' });
      await expectTruth(stage);
    }
    const [row] = await rowsOf(stage.storeUrl, 'SELECT COUNT(*) AS n FROM runs WHERE finished_at < started_at');
    expect(Number(row?.['n'])).toBe(0);
  });

  test.each(ENGINES.flatMap((engine) => [-HOUR_S, HOUR_S].map((seconds) => [seconds, engine] as const)))('goes on when the clock is stepped by %i s in the middle of a run: %s', async (seconds, engine) => {
    const stage = await setStage({ engine, members: 10, departments: 3, yaml: 'lock: { ttl: 3s }\n' });
    const { env, step } = await wrongClock(stage.folder, 0);
    const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 2, times: 1, effect: { kind: 'hold' } });
    const running = start(['--config', stage.configPath, 'run'], { env });
    await untilHeld(held, running);
    await step(seconds);
    held.release();
    expect(await running.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await expectRecovery(stage);
  });

  test('is kept out by a lease, however far ahead its clock: the keeper’s clock counts', async () => {
    const stage = await setStage({ engine: 'mariadb', members: 10, departments: 3 });
    const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 1, times: 1, effect: { kind: 'hold' } });
    const running = start(['--config', stage.configPath, 'run']);
    await untilHeld(held, running);
    const { env } = await wrongClock(stage.folder, HOUR_S / 2);
    expect(await orgsync(['--config', stage.configPath, 'run'], { env })).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await rowsOf(stage.storeUrl, 'SELECT outcome FROM runs')).toHaveLength(1);
    held.release();
    expect((await running.ended).code).toBe(0);
    await expectTruth(stage);
  });
});

describe('a run keeps its times in UTC, and they go forward,', () => {
  test.each(['America/New_York', 'Pacific/Kiritimati', 'Asia/Kathmandu', 'Nowhere/At_all'])('in the time zone %s', async (TZ) => {
    const stage = await setStage({ members: 10, departments: 3 });
    const before = utc(Date.now());
    expect(await orgsync(['--config', stage.configPath, 'run'], { env: { TZ } })).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const [times] = await rowsOf(stage.storeUrl, 'SELECT started_at, finished_at FROM runs');
    const inOrder = [before, String(times?.['started_at']), String(times?.['finished_at']), utc(Date.now())];
    expect(inOrder).toEqual([...inOrder].sort());
    await expectTruth(stage);
  });
});

describeWith(['faketime'], 'a run in the hour that', () => {
  test.each([
    ['is left out in spring', '2026-03-29 01:59:59'],
    ['comes twice in autumn', '2026-10-25 02:59:59'],
    ['ends a month and a year', '2026-12-31 23:59:59'],
  ])('%s does what it does in any other', async (_, at) => {
    const stage = await setStage({ members: 10, departments: 3 });
    const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 1, times: 1, effect: { kind: 'hold' } });
    const args = ['-f', `@${at}`, process.execPath, BIN, '--config', stage.configPath, 'run'];
    const child = spawn('faketime', args, { env: { PATH: process.env['PATH'], TZ: 'Europe/Berlin' }, stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    const exit = once(child, 'exit');
    await held.reached(1);
    await sleep(1_500);
    held.release();
    expect((await exit)[0]).toBe(0);
    const [run] = await rowsOf(stage.storeUrl, 'SELECT started_at, finished_at FROM runs');
    expect(String(run?.['finished_at']) > String(run?.['started_at'])).toBe(true);
    await expectTruth(stage);
  });
});

test('a run that may open no more than 64 files does its work', async () => {
  const stage = await setStage({ members: 10, departments: 3 });
  const shell = spawn('sh', ['-c', 'ulimit -n 64; exec "$@"', 'sh', process.execPath, BIN, '--config', stage.configPath, 'run'], { stdio: 'ignore' });
  expect(await once(shell, 'exit')).toEqual([0, null]);
  await expectTruth(stage);
});

describe('what a run tells can get lost, its work cannot:', () => {
  test('the disk of the log is full', async () => {
    const stage = await setStage({ members: 10, departments: 3, yaml: 'log: { file: /dev/full, level: debug }\n' });
    const ended = await orgsync(['--config', stage.configPath, 'run']);
    expect(ended).toMatchObject({ code: 0, stdout: '', stderr: expect.stringMatching(/^orgsync: the log \/dev\/full cannot be written \(ENOSPC\)[^\n]*\n$/) as string });
    await expectTruth(stage);
  });

  test('the log’s folder is missing', async () => {
    const stage = await setStage({ members: 10, departments: 3, yaml: 'log: { file: /nonexistent/folder/orgsync.log }\n' });
    expect(await orgsync(['--config', stage.configPath, 'run'])).toMatchObject({ code: 0, stdout: '' });
    await expectTruth(stage);
  });

  test.each([
    ['run --json', ['run', '--json']],
    ['run -vv', ['run', '-vv']],
  ])('nobody reads stdout and stderr any more: %s', async (_, args) => {
    const stage = await setStage({ members: 10, departments: 3 });
    const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, times: 1, effect: { kind: 'hold' } });
    const child = spawn(process.execPath, [BIN, '--config', stage.configPath, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    await held.reached(1);
    child.stdout.destroy();
    child.stderr.destroy();
    held.release();
    const [code] = (await once(child, 'exit')) as [number | null];
    expect(code).toBe(0);
    await expectTruth(stage);
  });

  test('stdout is a full disk', async () => {
    const stage = await setStage({ members: 10, departments: 3 });
    const shell = spawn('sh', ['-c', '"$@" >/dev/full', 'sh', process.execPath, BIN, '--config', stage.configPath, 'run', '--json'], { stdio: 'ignore' });
    const [code] = (await once(shell, 'exit')) as [number | null];
    expect(code).toBe(0);
    await expectTruth(stage);
  });

  test('a text file of metrics, a Pushgateway and an alert nobody takes', async () => {
    const yaml = 'metrics: { textfile: /nonexistent/x.prom, pushgateway: "http://127.0.0.1:9" }\nalerts: { to: [{ webhook: "http://127.0.0.1:9/hook" }, { ping: "http://127.0.0.1:9/ping" }] }\n';
    const stage = await setStage({ members: 10, departments: 3, yaml });
    expect(await orgsync(['--config', stage.configPath, 'run'])).toMatchObject({ code: 0, stdout: '' });
    await expectTruth(stage);
  });
});

test('a run that fails while its log cannot be written still says so, and ends with its own code', async () => {
  const stage = await setStage({ members: 10, departments: 3, yaml: 'log: { file: /dev/full, level: debug }\n' });
  await stage.sync();
  const before = await organisationOf(stage);
  stage.sandbox.faults.add({ match: { endpoint: 'gettoken' }, effect: { kind: 'errcode', errcode: 40001 } });
  expect(await orgsync(['--config', stage.configPath, 'run'])).toMatchObject({ code: 77, stdout: '', stderr: expect.stringMatching(/40001[^]*fix: /) as string });
  expect(await organisationOf(stage)).toEqual(before);
  await expectRecovery(stage);
});
