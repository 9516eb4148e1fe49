import { readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { describe, expect, inject, test } from 'vitest';
import { orgsync, start } from '../support/cli.ts';
import { ownPrefix } from '../support/redis.ts';
import { hoursAgo, rewrite } from '../support/rewrite.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

describe.each(ENGINES)('orgsync status on %s', (engine) => {
  test('shows a line a corp and ends with 0 when all are fresh', async () => {
    const stage = await setStage({ engine, corps: 2 });
    await stage.sync();
    const { code, stdout, stderr } = await status(stage);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const names = [...stage.sandbox.world.corps.values()].map(({ name }) => name);
    for (const name of names) expect(stdout).toMatch(new RegExp(`^${name} +\\d+s ago +\\d+ +12 +█ +ok$`, 'mu'));
    expect(stdout).toMatch(/^ok: 2 corps fresh, oldest success \d+s ago \(6h allowed\)$/mu);
  });

  test('ends with 2 when a last success is older than allowed, and says for how long', async () => {
    const stage = await setStage({ engine });
    await stage.sync();
    await rewrite(stage.storeUrl, 'UPDATE corps SET last_success_at = ?', [hoursAgo(7.5)]);
    const stale = await status(stage);
    expect(stale.code).toBe(2);
    expect(stale.stdout).toMatch(/critical: no success for 7h 30m$/mu);
    expect((await status(stage, '--max-age', '8h')).code).toBe(0);
  });

  test('ends with 2 when the latest run failed, and repeats why', async () => {
    const stage = await setStage({ engine });
    await stage.sync();
    stage.sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: { kind: 'errcode', errcode: 60011 } });
    await stage.sync();
    const { code, stdout } = await status(stage);
    expect(code).toBe(2);
    expect(stdout).toMatch(/█✗ +critical: failed: .*60011|█✗ +critical: failed: .+/u);
  });

  test('ends with 1 when the latest run died without a word', async () => {
    const stage = await setStage({ engine });
    await stage.sync();
    await stage.sync();
    await rewrite(stage.storeUrl, "UPDATE runs SET outcome = 'interrupted', finished_at = NULL WHERE id = 2");
    const { code, stdout } = await status(stage);
    expect(code).toBe(1);
    expect(stdout).toContain('warning: ended without a word (killed?)');
    expect(stdout).toContain('█?');
  });

  test('tells the latest failure also when all is well again', async () => {
    const stage = await setStage({ engine });
    const fault = stage.sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: { kind: 'errcode', errcode: 60011 } });
    await stage.sync();
    fault.remove();
    await stage.sync();
    const { code, stdout } = await status(stage);
    expect(code).toBe(0);
    expect(stdout).toMatch(/: the last failure was \d+s ago: failed: /u);
  });

  test('prints one JSON document with everything in it', async () => {
    const stage = await setStage({ engine });
    await stage.sync();
    const [id = ''] = [...stage.sandbox.world.corps.keys()];
    const document = JSON.parse((await status(stage, '--json')).stdout) as Record<string, unknown>;
    expect(document).toMatchObject({
      status: 'ok',
      exit_code: 0,
      max_age_seconds: 21_600,
      leases: [],
      leases_error: null,
      corps: [{ id, configured: true, status: 'ok', why: null, members: 60, departments: 12, last_failure: null, last_run: { outcome: 'ok', joined: 60, host: hostname() } }],
    });
  });
});

test('says who holds which lease, since when, on which host and pid, in Redis', async () => {
  const stage = await setStage({ yaml: `redis: ${inject('redisUrl')}\nredis_prefix: "${ownPrefix()}"\n` });
  await stage.sync();
  const held = stage.sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: { kind: 'hold' } });
  const running = start(['run', '-c', stage.configPath]);
  await held.reached();
  const { code, stdout } = await status(stage);
  expect(code).toBe(0);
  expect(stdout).toMatch(new RegExp(`^lease run held by ${hostname()} \\(pid ${running.child.pid ?? 0}\\) for \\d+s, since 20\\d\\d-`, 'mu'));
  expect(stdout).toMatch(new RegExp(`^lease corp:ww\\w+ held by ${hostname()} `, 'mu'));
  expect(stdout).toMatch(/ since \d+s +ok$/mu);
  held.remove();
  expect((await running.ended).code).toBe(0);
});

test('works without Redis when that is down, says so, and ends with 1', async () => {
  const stage = await setStage();
  await stage.sync();
  await writeFile(stage.configPath, `${await readFile(stage.configPath, 'utf8')}redis: redis://127.0.0.1:1/0\n`);
  const { code, stdout } = await status(stage);
  expect(code).toBe(1);
  expect(stdout).toMatch(/ago +60 +12 +█ +ok$/mu);
  expect(stdout).toMatch(/^who holds which lease is not known: .*127\.0\.0\.1:1.*\n {2}fix: \S/mu);
  expect(JSON.parse((await status(stage, '--json')).stdout)).toMatchObject({ status: 'warning', leases: null, leases_error: { code: expect.any(String) as string } });
});

describe('orgsync status --nagios', () => {
  test('prints one line with performance data that a plugin reader understands', async () => {
    const stage = await setStage();
    await stage.sync();
    const { stdout } = await status(stage, '--nagios');
    expect(stdout).toMatch(/^ORGSYNC OK - 1 corp fresh, [^|\n]*\| [^|\n]*\n$/u);
    const perfdata = stdout.split('| ')[1]?.trim().split(' ') ?? [];
    expect(perfdata.length).toBeGreaterThan(4);
    // Monitoring Plugins Development Guidelines: 'label'=value[UOM];[warn];[crit];[min];[max]
    for (const item of perfdata) expect(item).toMatch(/^[^'= ]+=\d+(s|ms|us|%|[KMGT]?B|c)?(;[\d.]*){0,4}$/u);
    expect(perfdata).toContain('members=60;;;0');
  });

  test('keeps to its line whatever a corp is called', async () => {
    const stage = await setStage();
    const config = await readFile(stage.configPath, 'utf8');
    await writeFile(stage.configPath, config.replace(/name: .*/u, String.raw`name: "a\u001b[31m\n|b\u202ec"`));
    for (const args of [['--nagios'], []]) {
      const { code, stdout } = await status(stage, ...args);
      expect(code).toBe(3);
       
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/u);
    }
    expect((await status(stage, '--nagios')).stdout.match(/\||\n/gu)).toEqual(['|', '\n']);
  });

  test('is UNKNOWN, on stdout and in one line, when the store cannot tell', async () => {
    const stage = await setStage();
    const config = await readFile(stage.configPath, 'utf8');
    await writeFile(stage.configPath, config.replace(/^store: .*/mu, 'store: mysql://orgsync:s3cret@127.0.0.1:1/orgsync'));
    const { code, stdout, stderr } = await status(stage, '--nagios');
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' });
    expect(stdout).toMatch(/^ORGSYNC UNKNOWN - .+\n$/u);
    expect(stdout).not.toContain('s3cret');
    expect(await status(stage)).toMatchObject({ code: 3, stdout: '' });
    expect(JSON.parse((await status(stage, '--json')).stdout)).toMatchObject({ status: 'unknown', exit_code: 3, error: { code: 'store_unreachable' } });
  });

  test('is UNKNOWN when there is no configuration', async () => {
    const { code, stdout } = await orgsync(['status', '--nagios', '-c', '/nonexistent/config.yml']);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^ORGSYNC UNKNOWN - .*config\.yml/u);
  });
});

test('says nothing with --quiet while all is well, and everything when it is not', async () => {
  const stage = await setStage();
  await stage.sync();
  expect(await status(stage, '--quiet')).toMatchObject({ code: 0, stdout: '', stderr: '' });
  await rewrite(stage.storeUrl, 'UPDATE corps SET last_success_at = ?', [hoursAgo(7)]);
  expect((await status(stage, '--quiet')).stdout).toContain('no success for 7h');
});

describe.each([
  ['an unknown option', ['status', '--max-aeg', '2h'], /unknown option '--max-aeg'/u],
  ['an unknown option before its name', ['--colour', 'status'], /unknown option '--colour'/u],
  ['what is no duration', ['status', '--max-age', 'soon'], /'soon' is invalid/u],
  ['an argument too many', ['status', 'ww12ab'], /too many arguments/u],
])('orgsync status with %s', (_what, args, message) => {
  test('is unknown to monitoring systems, which take 64 for a broken plugin', async () => {
    const { code, stdout, stderr } = await orgsync([...args, '--nagios']);
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' });
    expect(stdout).toMatch(/^ORGSYNC UNKNOWN - [^|\n]+\n$/u);
    expect(stdout).toMatch(message);
  });

  test('complains on stderr to people, and in the document to programs', async () => {
    const forPeople = await orgsync(args);
    expect(forPeople).toMatchObject({ code: 3, stdout: '', stderr: expect.stringMatching(message) as string });
    const forPrograms = await orgsync([...args, '--json']);
    expect(forPrograms.code).toBe(3);
    expect(JSON.parse(forPrograms.stdout)).toMatchObject({ status: 'unknown', exit_code: 3, error: { message: expect.stringMatching(message) as string } });
  });
});

test.each([[['lookup', 'status', '--bogus']], [['changes', '--status']], [['--bogus']]])('%s ends with 64, for it is not orgsync status', async (args) => {
  expect((await orgsync(args)).code).toBe(64);
});

test('never writes to a store that is read-only, and does not need to', async () => {
  const stage = await setStage();
  await writeFile(stage.configPath, `${await readFile(stage.configPath, 'utf8')}read_only: true\n`);
  await rewrite(stage.storeUrl, "INSERT INTO corps (id, name, fence, last_success_at, member_count, department_count) VALUES (?, 'x', 1, ?, 5, 2)", [[...stage.sandbox.world.corps.keys()][0] ?? '', hoursAgo(1)]);
  const { code, stdout } = await status(stage);
  expect(code).toBe(0);
  expect(stdout).toMatch(/ 1h ago +5 +2 /u);
});

async function status(stage: Stage, ...args: readonly string[]): ReturnType<typeof orgsync> {
  return await orgsync(['status', '-c', stage.configPath, ...args]);
}
