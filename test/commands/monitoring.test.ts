import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseSamples } from '../../src/observe/metrics/exposition.ts';
import { orgsync, start } from '../support/cli.ts';
import { execute } from '../support/database.ts';
import { listen } from '../support/listener.ts';
import type { Heard } from '../support/listener.ts';
import { corpOf } from '../support/sandbox.ts';
import { setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const SILENT = { code: 0, stdout: '', stderr: '' };

/** Runs as cron does, with temporary files of the test's own. */
const run = async ({ configPath, folder }: Stage, args: readonly string[] = []): ReturnType<typeof orgsync> =>
  await orgsync(['--config', configPath, 'run', ...args], { env: { TMPDIR: folder } });

/** Bars this address from one corp, or lets it in again. */
function bar({ sandbox }: Stage, trustedIps: readonly string[] | null): void {
  sandbox.change({ op: 'setSecret', corp: corpOf(sandbox).id, kind: 'app_pre2022', patch: { trustedIps: trustedIps === null ? null : [...trustedIps] } });
}

interface Told {
  readonly change: string;
  readonly kind: string;
  readonly subject: string;
  readonly errcode: number | null;
  readonly hint: string | null;
  readonly departing: readonly string[];
  readonly last_success_at: string | null;
}

function told(heard: readonly Heard[]): readonly Told[] {
  return heard.flatMap(({ body }) => (JSON.parse(body) as { alerts: Told[] }).alerts);
}

describe('alerts of runs', () => {
  test.each(['sqlite', 'mariadb'] as const)('tell of a corp that fails, once, and of its recovery (%s)', async (engine) => {
    const ops = await listen();
    const stage = await setStage({ engine, corps: 2, yaml: `alerts: { to: [ { webhook: "${ops.url}/hook" } ] }\n` });
    const { id } = corpOf(stage.sandbox);
    expect(await run(stage)).toMatchObject(SILENT);
    expect(ops.heard).toHaveLength(0);
    bar(stage, ['203.0.113.9']);
    for (let times = 0; times < 2; times += 1) expect((await run(stage)).code).toBe(1);
    expect(told(ops.heard)).toMatchObject([{ change: 'began', kind: 'failed', subject: `corp:${id}`, errcode: 60020 }]);
    expect(told(ops.heard)[0]?.hint).toContain('127.0.0.1');
    expect(told(ops.heard)[0]?.last_success_at).toMatch(/^\d{4}-/);
    bar(stage, null);
    for (let times = 0; times < 2; times += 1) expect(await run(stage)).toMatchObject(SILENT);
    expect(told(ops.heard).map(({ change }) => change)).toEqual(['began', 'recovered']);
  });

  test('tell whom a held-back run would have dismissed', async () => {
    const ops = await listen();
    const stage = await setStage({ yaml: `safety: { max_departures: 2 }\nalerts: { to: [ { webhook: "${ops.url}" } ] }\n` });
    await run(stage);
    const corp = corpOf(stage.sandbox);
    const leaving = [...corp.members.values()].filter(({ status }) => status !== 5).slice(0, 5);
    for (const { userid } of leaving) stage.sandbox.change({ op: 'removeMember', corp: corp.id, userid });
    expect((await run(stage)).code).toBe(3);
    expect(told(ops.heard)).toMatchObject([{ change: 'began', kind: 'held_back' }]);
    expect(told(ops.heard)[0]?.departing.map((name) => /\(([^()]*)\)$/.exec(name)?.[1]).sort()).toEqual(leaving.map(({ userid }) => userid).sort());
  });

  test('reach a WeCom group robot, whose key is seen nowhere', async () => {
    const stage = await setStage({ corps: 2, yaml: `alerts: { to: [ { wecom_robot: "sandbox-robot" } ] }\n` });
    const key = [...stage.sandbox.world.robots.keys()][0] ?? '';
    const text = await readFile(stage.configPath, 'utf8');
    await writeFile(stage.configPath, `${text.replace('sandbox-robot', key)}log: { file: ${path.join(stage.folder, 'orgsync.log')}, level: debug }\n`);
    bar(stage, ['203.0.113.9']);
    const { stderr } = await run(stage);
    const messages = stage.sandbox.world.robots.get(key)?.messages ?? [];
    expect(messages).toHaveLength(1);
    expect(JSON.stringify(messages)).toContain('60020');
    const logged = await readFile(path.join(stage.folder, 'orgsync.log'), 'utf8');
    expect(logged).toContain('people were told by wecom_robot');
    expect(logged + stderr).not.toContain(key);
  });

  test('of a store that cannot be reached come once, and end when it is back', async () => {
    const ops = await listen();
    const stage = await setStage({ yaml: `alerts: { to: [ { webhook: "${ops.url}" } ] }\n` });
    const text = await readFile(stage.configPath, 'utf8');
    await writeFile(stage.configPath, text.replace(stage.storeUrl, 'mysql://nobody:canary@127.0.0.1:1/none'));
    for (let times = 0; times < 2; times += 1) expect((await run(stage)).code).toBe(69);
    expect(told(ops.heard)).toMatchObject([{ change: 'began', kind: 'failed', subject: 'run' }]);
    expect(ops.heard[0]?.body).not.toContain('canary');
    await writeFile(stage.configPath, text);
    expect(await run(stage)).toMatchObject(SILENT);
    expect(told(ops.heard).map(({ change }) => change)).toEqual(['began', 'recovered']);
  });

  test('a health check hears of start, success and failure from the run that works, and of a plan nothing', async () => {
    const checks = await listen();
    const stage = await setStage({ yaml: `alerts: { to: [ { ping: "${checks.url}/uuid" } ] }\n` });
    await run(stage);
    bar(stage, ['203.0.113.9']);
    await run(stage);
    await run(stage, ['--dry-run']);
    expect(checks.heard.map(({ path: asked }) => asked)).toEqual(['/uuid/start', '/uuid', '/uuid/start', '/uuid/77']);
    expect(checks.heard[3]?.body).toContain('60020');
  });

  test('that go nowhere change no exit code, and are told in one line beside a failure only', async () => {
    const stage = await setStage({ yaml: 'alerts: { to: [ { webhook: "http://127.0.0.1:1/hook" }, { ping: "http://127.0.0.1:1/uuid" }, { command: "exit 1" } ] }\nmetrics: { textfile: /nonexistent/orgsync.prom, pushgateway: "http://127.0.0.1:1" }\n' });
    expect(await run(stage)).toMatchObject(SILENT);
    bar(stage, ['203.0.113.9']);
    const failed = await run(stage);
    expect(failed.code).toBe(77);
    const lines = failed.stderr.split('\n').filter((line) => /alert/.test(line));
    expect(lines).toEqual([expect.stringMatching(/^orgsync: an alert about this could not be delivered by command \(.*\); ping \(127\.0\.0\.1:1: ECONNREFUSED\); webhook \(127\.0\.0\.1:1: ECONNREFUSED\)$/)]);
    expect(failed.stderr).not.toMatch(/\/hook|uuid|metric/i);
    const doctor = await orgsync(['--config', stage.configPath, 'doctor']);
    expect(doctor.stdout).toMatch(/^warn {2}metrics can be written: \/nonexistent\/orgsync\.prom cannot be written: ENOENT.*\n {6}fix: create the folder/mu);
  });
});

describe('those that find the lease taken', () => {
  test('are watchdogs: when its holder gets nothing done they all end with 75 and say so, and one of them alerts', async () => {
    const [ops, checks] = await Promise.all([listen(), listen()]);
    const stage = await setStage({ engine: 'mariadb', yaml: `alerts: { stale_after: 1h, to: [ { webhook: "${ops.url}" }, { ping: "${checks.url}" } ] }\n` });
    await stage.sync();
    const holder = await holdLease(stage);
    const quiet = await Promise.all([run(stage), run(stage)]);
    expect(quiet).toMatchObject([SILENT, SILENT]);
    await execute(stage.storeUrl, 'UPDATE corps SET last_success_at = UTC_TIMESTAMP(3) - INTERVAL 2 HOUR');
    const watchdogs = await Promise.all(Array.from({ length: 6 }, () => run(stage)));
    for (const { code, stderr } of watchdogs) {
      expect(code).toBe(75);
      expect(stderr).toMatch(/^orgsync: no success since \d{4}-[^\n]*; [^\n]*orgsync status\n$/);
    }
    expect(told(ops.heard)).toMatchObject([{ change: 'began', kind: 'stale', subject: 'fleet' }]);
    holder.child.kill('SIGKILL');
    await holder.ended;
    expect(checks.heard.map(({ path: asked }) => asked)).toEqual(['/start']);
  });
});

describe('those that find their corps taken', () => {
  const age = async ({ storeUrl }: Stage, where = ''): Promise<unknown> => execute(storeUrl, `UPDATE corps SET last_success_at = '2026-01-01 00:00:00.000' ${where}`);

  test('are watchdogs too: named by hand, and of a shard', async () => {
    const stage = await setStage({ engine: 'mariadb', corps: 2 });
    await stage.sync();
    const holder = await holdLease(stage, ['run', '--shard', '1/1']);
    await age(stage);
    const named = await orgsync(['--config', stage.configPath, 'run', '--corp', corpOf(stage.sandbox).id, '--json']);
    expect(named).toMatchObject({ code: 75, stderr: expect.stringMatching(/^orgsync: no success since 2026-01-01T[^\n]*\n$/) as string });
    expect(JSON.parse(named.stdout)).toMatchObject({ outcome: 'skipped', reason: 'lock', exit_code: 75, corps: [{ outcome: 'skipped' }], error: { code: 'stale_behind_lease' } });
    expect((await orgsync(['--config', stage.configPath, 'run'])).code).toBe(75);
    holder.child.kill('SIGKILL');
  });

  test('are no less so where no run has ever succeeded', async () => {
    const stage = await setStage({ engine: 'mariadb' });
    await holdLease(stage);
    expect(await run(stage)).toMatchObject(SILENT);
    await execute(stage.storeUrl, "UPDATE runs SET started_at = '2026-01-01 00:00:00.000'");
    expect(await run(stage)).toMatchObject({ code: 75, stderr: expect.stringContaining('no success since 2026-01-01T') as string });
  });

  test('look at their own corps only', async () => {
    const stage = await setStage({ engine: 'mariadb', corps: 2 });
    await stage.sync();
    const [mine, other] = [...stage.sandbox.world.corps.keys()];
    await holdLease(stage);
    await age(stage, `WHERE id = '${other ?? ''}'`);
    expect(await orgsync(['--config', stage.configPath, 'run', '--corp', mine ?? ''])).toMatchObject(SILENT);
    expect((await orgsync(['--config', stage.configPath, 'run', '--corp', other ?? ''])).code).toBe(75);
  });
});

/** A run that has the lease, and waits for WeCom as long as the test takes. */
async function holdLease(stage: Stage, command: readonly string[] = ['run']): Promise<ReturnType<typeof start>> {
  const fault = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, effect: { kind: 'hang' } });
  const holder = start(['--config', stage.configPath, ...command]);
  onTestFinished(() => void holder.child.kill('SIGKILL'));
  await expect.poll(() => fault.fired).toBeGreaterThan(0);
  return holder;
}

describe('metrics of runs', () => {
  test('count what WeCom counts, run after run, and know the ration', async () => {
    const stage = await setStage({ corps: 2 });
    const textfile = path.join(stage.folder, 'orgsync.prom');
    await writeFile(stage.configPath, `${await readFile(stage.configPath, 'utf8')}metrics: { textfile: ${textfile} }\n`);
    for (let times = 0; times < 2; times += 1) expect(await run(stage)).toMatchObject(SILENT);
    expect(await run(stage, ['--corp', corpOf(stage.sandbox).id])).toMatchObject(SILENT);
    const samples = parseSamples(await readFile(textfile, 'utf8'));
    const sum = (name: string, labels: Readonly<Record<string, string>> = {}): number =>
      samples.filter((sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value)).reduce((total, { value }) => total + value, 0);
    const { byEndpoint, requests } = stage.sandbox.stats.total;
    expect(sum('orgsync_wecom_requests_total')).toBe(requests);
    for (const [endpoint, count] of Object.entries(byEndpoint)) expect(sum('orgsync_wecom_requests_total', { endpoint, errcode: '0' })).toBe(count);
    expect(sum('orgsync_corp_runs_total', { outcome: 'ok' })).toBe(5);
    expect(sum('orgsync_lease_requests_total', { result: 'acquired' })).toBe(2);
    for (const corp of stage.sandbox.world.corps.values()) {
      const present = [...corp.members.values()].filter(({ status }) => status !== 5).length;
      expect(sum('orgsync_members', { corp: corp.id })).toBe(present);
      expect(sum('orgsync_member_changes_total', { corp: corp.id, action: 'joined' })).toBe(present);
      expect(sum('orgsync_lookup_wrong_numbers_allowed', { corp: corp.id })).toBe(Math.max(3, Math.floor(present / 10)));
      expect(sum('orgsync_last_success_timestamp_seconds', { corp: corp.id })).toBeGreaterThan(1.7e9);
    }
  });
});

describe('metrics of live lookups', () => {
  test('are in the text file, beside what the last run wrote', async () => {
    const stage = await setStage();
    const textfile = path.join(stage.folder, 'orgsync.prom');
    await writeFile(stage.configPath, `${await readFile(stage.configPath, 'utf8')}metrics: { textfile: ${textfile} }\n`);
    expect(await run(stage)).toMatchObject(SILENT);
    const before = parseSamples(await readFile(textfile, 'utf8'));
    for (const number of ['19900000000', '19900000001']) expect((await orgsync(['--config', stage.configPath, 'lookup', '--live', number])).code).toBe(1);
    const after = parseSamples(await readFile(textfile, 'utf8'));
    const changed = after.filter((sample) => !before.some((earlier) => isDeepStrictEqual(earlier, sample))).map(({ name, labels, value }) => [name, labels['endpoint'], value]);
    const { id } = corpOf(stage.sandbox);
    const { byEndpoint } = stage.sandbox.stats.corp(id);
    expect(changed).toEqual(expect.arrayContaining([
      ['orgsync_lookup_wrong_numbers', undefined, 2],
      ['orgsync_wecom_requests_total', 'user/getuserid', 2],
      ['orgsync_wecom_requests_total', 'gettoken', byEndpoint['gettoken']],
      ['orgsync_wecom_token_renewals_total', undefined, byEndpoint['gettoken']],
    ]));
    expect(byEndpoint['gettoken']).toBe(3);
    expect(changed.filter(([name]) => !/_(wecom|lookup)_/.test(String(name)))).toEqual([]);
    expect(after).toEqual(expect.arrayContaining(before.filter(({ name }) => !/_(wecom|lookup)_/.test(name))));
  });
});
