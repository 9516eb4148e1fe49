import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseSamples } from '../../src/observe/metrics/exposition.ts';
import { orgsync, start } from '../support/cli.ts';
import type { Ended } from '../support/cli.ts';
import { listen } from '../support/listener.ts';
import type { Heard } from '../support/listener.ts';
import { hoursAgo, rewrite } from '../support/rewrite.ts';
import { corpOf } from '../support/sandbox.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const SILENT = { code: 0, stdout: '', stderr: '' };
const GATE = 'gate: { SCHEDULE_ENV: production, SITE: [a, b] }\n';
const OPEN = { SCHEDULE_ENV: 'production', SITE: 'b' };
const SHUT = 'the gate is shut: SCHEDULE_ENV is not set, a run wants production; SITE is "b ", a run wants a or b';

type Env = Readonly<Record<string, string>>;

/** Runs as cron does, on a host of this name: with temporary files of its own. */
async function runOn(host: string, { configPath, folder }: Stage, env: Env = {}, args: readonly string[] = []): Promise<Ended> {
  const TMPDIR = path.join(folder, host);
  await mkdir(TMPDIR, { recursive: true });
  return await orgsync(['--config', configPath, 'run', ...args], { env: { TMPDIR, ...env } });
}

/** Makes everything that the store knows of runs two hours old. */
async function age({ storeUrl }: Stage): Promise<void> {
  await rewrite(storeUrl, 'UPDATE runs SET started_at = ?', [hoursAgo(2)]);
  await rewrite(storeUrl, 'UPDATE corps SET last_success_at = ?', [hoursAgo(2)]);
}

/** Makes the last look on a host as if many had gone before it. */
async function lookNoMore(host: string, { folder }: Stage): Promise<void> {
  const own = path.join(folder, host, `orgsync-${process.getuid?.() ?? 'own'}`);
  for (const name of (await readdir(own)).filter((one) => one.startsWith('looked-'))) await writeFile(path.join(own, name), '3600000');
}

function told(heard: readonly Heard[]): readonly { readonly change: string; readonly subject: string; readonly code: string; readonly message: string }[] {
  return heard.flatMap(({ body }) => (JSON.parse(body) as { alerts: { change: string; subject: string; code: string; message: string }[] }).alerts);
}

describe('orgsync run -v through a pipe says why nothing is done', () => {
  test('where a run is not wanted', async () => {
    const stage = await setStage({ yaml: GATE });
    const cases: readonly (readonly [Env, string])[] = [
      [{ SITE: 'b ' }, SHUT],
      [{ ...OPEN, ORGSYNC_READ_ONLY: '1' }, 'the store is read-only here (read_only or ORGSYNC_READ_ONLY)'],
    ];
    for (const [env, why] of cases) {
      expect(await runOn('here', stage, env)).toMatchObject(SILENT);
      const loud = await runOn('here', stage, env, ['-v']);
      expect(loud).toMatchObject({ code: 0, stdout: '' });
      expect(loud.stderr).toMatch(/^nothing done: [^\n]*\n$/);
      expect(loud.stderr).toContain(`nothing done: ${why} (`);
      const json = await runOn('here', stage, env, ['--json', '-v']);
      expect(JSON.parse(json.stdout)).toMatchObject({ outcome: 'skipped', why });
      expect(json.stderr).toBe(loud.stderr);
    }
  });

  test('where another process works, and where there is no work', async () => {
    const stage = await setStage({ engine: 'mariadb' });
    const { id } = corpOf(stage.sandbox);
    const shards = await Promise.all(['1/2', '2/2'].map((shard) => runOn('here', stage, {}, ['--shard', shard, '-v'])));
    expect(shards.map(({ stderr }) => stderr).sort()).toEqual(['', 'nothing done: no corp belongs to this shard\n']);
    const fault = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, effect: { kind: 'hang' } });
    const holder = start(['--config', stage.configPath, 'run']);
    onTestFinished(() => void holder.child.kill('SIGKILL'));
    await expect.poll(() => fault.fired).toBeGreaterThan(0);
    for (const [args, why] of [[[], /^nothing done: the run lease is held by \S+ \(pid \d+\)\n$/], [['--corp', id], /^nothing done: the lease of each corp is held by another process\n$/]] as const) {
      expect(await runOn('here', stage, {}, args)).toMatchObject(SILENT);
      const loud = await runOn('here', stage, {}, [...args, '-v']);
      expect(loud.code).toBe(0);
      expect(loud.stderr).toMatch(why);
    }
  });
});

describe.each(ENGINES)('when every gate is shut, with a store on %s', (engine) => {
  test('somebody is told once, by a host that does nothing, and hears when it is over', async () => {
    const ops = await listen();
    const stage = await setStage({ engine, yaml: `${GATE}alerts: { stale_after: 1h, to: [ { webhook: "${ops.url}" } ] }\n` });
    const idle = async (host: string, env: Env = { SITE: 'b ' }): Promise<void> => expect(await runOn(host, stage, env)).toMatchObject(SILENT);
    await idle('before-any-run');
    expect(await runOn('works', stage, OPEN)).toMatchObject(SILENT);
    await idle('fresh');
    expect(ops.heard).toEqual([]);
    await age(stage);
    for (const host of ['first', 'second', 'second']) await idle(host);
    expect(told(ops.heard)).toMatchObject([{ change: 'began', subject: 'fleet', code: 'no_run_began' }]);
    expect(told(ops.heard)[0]?.message).toMatch(/^no run has begun since \d{4}-[^;]*Z; on this host, the gate is shut: SCHEDULE_ENV is not set,/);
    // Nobody would know of an alert, were the store looked at.
    await rewrite(stage.storeUrl, 'DELETE FROM alerts', []);
    await lookNoMore('second', stage);
    await idle('second');
    expect(ops.heard).toHaveLength(1);
    await idle('third', { ...OPEN, ORGSYNC_READ_ONLY: '1' });
    expect(told(ops.heard)[1]?.message).toContain('on this host, the store is read-only here');
    await idle('fourth');
    await rewrite(stage.storeUrl, 'UPDATE runs SET started_at = ?', [hoursAgo(0)]);
    await rewrite(stage.storeUrl, 'DELETE FROM alerts', []);
    await idle('fifth');
    expect(told(ops.heard).slice(2).map(({ code }) => code)).toEqual(['no_run_began', 'no_run_succeeded']);
    expect(await runOn('works', stage, OPEN)).toMatchObject(SILENT);
    expect(told(ops.heard).map(({ change, subject }) => `${change} ${subject}`)).toEqual(['began fleet', 'began fleet', 'began fleet', 'began fleet', 'recovered fleet']);
  });
});

test('orgsync status says that no run begins, and why none does here', async () => {
  const stage = await setStage({ yaml: `${GATE}alerts: { stale_after: 1h }\n` });
  const status = async (env: Env, ...args: readonly string[]): Promise<Ended> => await orgsync(['--config', stage.configPath, 'status', ...args], { env });
  expect((await status({ SITE: 'b ' })).stdout).toContain(`\na run started from here does nothing: ${SHUT}\n`);
  expect(await runOn('works', stage, OPEN)).toMatchObject(SILENT);
  expect((await status({})).stdout).not.toContain('does nothing');
  await age(stage);
  const shut = await status({ SITE: 'b ' });
  expect(shut.code).toBe(2);
  expect(shut.stdout).toContain(`\nno run has begun for 2h on any host: is it started anywhere, and what does orgsync run -v say there?\na run started from here does nothing: ${SHUT}\n`);
  const open = await status(OPEN);
  expect(open.stdout).toContain('no run has begun for 2h');
  expect(open.stdout).not.toContain('does nothing');
  expect((await status(OPEN, '--nagios')).stdout).toMatch(/^ORGSYNC CRITICAL - 1 of 1 corp not well; no run has begun for 2h; /);
  expect(JSON.parse((await status({ SITE: 'b ' }, '--json')).stdout)).toMatchObject({ idle_seconds: expect.closeTo(7200, -2) as number, idle_here: SHUT });
});

test('the text file says when a run last did nothing here, and the store is not asked', async () => {
  const stage = await setStage({ yaml: GATE });
  const textfile = path.join(stage.folder, 'orgsync.prom');
  const metrics = `metrics: { textfile: ${textfile} }\n`;
  await writeFile(stage.configPath, `${(await readFile(stage.configPath, 'utf8')).replace(stage.storeUrl, 'mysql://nobody:x@127.0.0.1:1/none')}${metrics}redis: redis://127.0.0.1:1/0\n`);
  const before = Date.now() / 1000;
  expect(await runOn('idle', stage)).toMatchObject(SILENT);
  const [sample, ...others] = parseSamples(await readFile(textfile, 'utf8'));
  expect([sample, others]).toMatchObject([{ name: 'orgsync_last_skip_timestamp_seconds', labels: { reason: 'gate' } }, []]);
  expect(sample?.value).toBeGreaterThanOrEqual(before);
});

test('a host that does nothing makes no store, and is silent about one that it cannot reach', async () => {
  const ops = await listen();
  const stage = await setStage({ yaml: `${GATE}alerts: { to: [ { webhook: "${ops.url}" } ] }\nmetrics: { pushgateway: "${ops.url}" }\n` });
  const file = stage.storeUrl.replace('sqlite:', '');
  await rm(file);
  expect(await runOn('one', stage)).toMatchObject(SILENT);
  expect(existsSync(file)).toBe(false);
  await writeFile(stage.configPath, (await readFile(stage.configPath, 'utf8')).replace(stage.storeUrl, 'mysql://nobody:x@127.0.0.1:1/none'));
  expect(await runOn('two', stage)).toMatchObject(SILENT);
  // Only what it did is at the Pushgateway.
  expect(ops.heard.map(({ method }) => method)).toEqual(['GET', 'POST', 'GET', 'POST']);
});
