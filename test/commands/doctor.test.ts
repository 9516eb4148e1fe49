import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { execute } from '../support/database.ts';
import { orgsync } from '../support/cli.ts';
import { tamper } from '../support/recovery.ts';
import { startRedis } from '../support/servers.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

describe.each(ENGINES)('orgsync doctor on %s', (engine) => {
  test('says of everything that it is fine, a line each, and writes nothing', async () => {
    const stage = await setStage({ engine });
    const { code, stdout, stderr } = await doctor(stage);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n\n')[0]?.split('\n') ?? [];
    expect(lines.filter((line) => !line.startsWith('ok  '))).toEqual([]);
    for (const title of ['configuration is valid', 'gate is open', 'store reachable', 'clock agrees', 'tables are those', 'Redis: none', 'leases can be asked', 'corps are known: 1', 'accepts the secret', 'sees departments', 'sees mobile']) {
      expect(stdout).toContain(title);
    }
    expect(stdout).toMatch(/\nnothing is wrong\n$/u);
    expect((await stage.organisations()).stored.members).toEqual([]);
  });
});

test.each(ENGINES)('and every other command refuse the tables of a newer version with 77, on %s', async (engine) => {
  const stage = await setStage({ engine });
  await tamper(stage, "INSERT INTO schema_migrations (name, applied_at) VALUES ('9999_future', '2030-01-01 00:00:00.000')");
  const { code, stdout } = await doctor(stage);
  expect(code).toBe(77);
  expect(stdout).toMatch(/^FAIL {2}the tables are those of this version: .*newer orgsync \(9999_future\).*\n {6}fix: install that version here too$/mu);
  for (const args of [['run'], ['plan'], ['lookup', '13800138000'], ['changes'], ['migrate'], ['forget', 'zhangsan', '--yes']]) {
    const ended = await orgsync(['--config', stage.configPath, ...args]);
    expect([args, ended]).toMatchObject([args, { code: 77, stdout: '', stderr: expect.stringMatching(/newer orgsync \(9999_future\)[^]*fix: install that version/) as string }]);
  }
});

test('names what WeCom refuses, with the fix, and ends with 77', async () => {
  const stage = await setStage({ corps: 2 });
  const [first, second] = [...stage.sandbox.world.corps.values()];
  stage.sandbox.change({ op: 'setSecret', corp: first?.id ?? '', kind: 'app_pre2022', patch: { trustedIps: ['203.0.113.7'] } });
  const { code, stdout } = await doctor(stage);
  expect(code).toBe(77);
  expect(stdout).toContain(`FAIL  ${first?.name ?? ''}: WeCom accepts the address of this machine: `);
  expect(stdout.match(/^ {6}fix: \S/gmu)).toHaveLength(1);
  expect(stdout).toContain(`ok    ${second?.name ?? ''}: WeCom accepts the address of this machine`);
  expect((await doctor(stage, '--corp', second?.name ?? '')).code).toBe(0);
});

test.each([
  ['WeCom is unreachable', { kind: 'status', status: 503 } as const, 69],
  ['WeCom’s frequency limit is met', { kind: 'errcode', errcode: 45009 } as const, 75],
])('ends with the code of its kind where %s: nothing was refused', async (_, effect, expected) => {
  const stage = await setStage({ wecom: '  retries: 0\n  frequency_wait: 1ms\n' });
  stage.sandbox.faults.add({ match: { endpoint: 'department/list' }, effect });
  const { code, stdout } = await doctor(stage);
  expect(stdout).toMatch(/^FAIL {2}.*\n {6}fix: \S/mu);
  expect(code).toBe(expected);
});

test('warns of an application that sees departments and not the root, with the place to mend it', async () => {
  const stage = await setStage();
  const [corp] = [...stage.sandbox.world.corps.values()];
  const part = [...(corp?.departments.values() ?? [])].find(({ parentid }) => parentid !== 0);
  stage.sandbox.change({ op: 'setSecret', corp: corp?.id ?? '', kind: 'app_pre2022', patch: { range: { departments: [part?.id ?? 0], users: [], tags: [] } } });
  const { code, stdout } = await doctor(stage);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^warn {2}.*sees departments: \d+, not the root\n {6}fix: .*应用管理[^]*可见范围/mu)]);
});

test('says of corps that another environment has written what a run says, once, and ends with 77', async () => {
  const stage = await setStage({ corps: 2 });
  await append(stage, 'gate: { SCHEDULE_ENV: production }\n');
  const as = async (environment: string, ...args: readonly string[]): ReturnType<typeof orgsync> => await orgsync([...args, '-c', stage.configPath], { env: { SCHEDULE_ENV: environment } });
  expect(await as('production', 'run')).toMatchObject({ code: 0, stderr: '' });
  expect((await as('production', 'doctor')).code).toBe(0);
  await writeFile(stage.configPath, (await readFile(stage.configPath, 'utf8')).replace('SCHEDULE_ENV: production', 'SCHEDULE_ENV: staging'));
  const [run, found] = [await as('staging', 'run'), await as('staging', 'doctor')];
  const words = 'written by the environment SCHEDULE_ENV=production; this is SCHEDULE_ENV=staging';
  const fix = 'let `store:` name this environment';
  for (const { code, stdout, stderr } of [run, found]) expect([code, stdout + stderr]).toEqual([77, expect.stringMatching(new RegExp(`${words}\\n\\s+fix: ${fix}`))]);
  expect(found.stdout).toMatch(/^FAIL {2}runs may write the corps: 2 corps \(/mu);
  expect(found.stdout).toMatch(/\n1 wrong\n$/u);
  // Where the gate is shut, no run begins.
  expect(await as('production', 'doctor')).toMatchObject({ code: 0, stdout: expect.stringContaining('the gate is open here: no') as string });
  expect((await orgsync(['doctor', '-c', stage.configPath], { env: { SCHEDULE_ENV: 'staging', ORGSYNC_ALLOW_TAKEOVER: '1' } })).code).toBe(0);
});

test('says nothing with --quiet but what is wrong or doubtful', async () => {
  const stage = await setStage();
  expect(await doctor(stage, '--quiet')).toMatchObject({ code: 0, stdout: '', stderr: '' });
  await append(stage, 'gate: { SCHEDULE_ENV: production }\n');
  const { code, stdout } = await doctor(stage, '--quiet');
  expect(code).toBe(0);
  expect(stdout).toMatch(/^warn {2}the gate is open here: no: SCHEDULE_ENV is not set, so a run does nothing\n {6}fix: set SCHEDULE_ENV to production .*\n$/u);
});

test('ends with 69 when Redis is unreachable, and asks WeCom nothing without the shared pace', async () => {
  const stage = await setStage();
  await append(stage, 'redis: redis://127.0.0.1:1/0\n');
  const { code, stdout } = await doctor(stage);
  expect(code).toBe(69);
  expect(stdout).toMatch(/^FAIL {2}Redis reachable: .*127\.0\.0\.1:1.*\n {6}fix: \S/mu);
  expect(stdout).toMatch(/^warn {2}WeCom is asked: no: .*\n {6}fix: \S/mu);
  expect(stage.sandbox.stats.corp([...stage.sandbox.world.corps.keys()][0] ?? '').requests).toBe(0);
});

test('warns of a Redis that throws leases away under pressure', async () => {
  const redis = await startRedis({ args: ['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru'] });
  try {
    const stage = await setStage({ yaml: `redis: ${redis.url}\n` });
    const { code, stdout } = await doctor(stage);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^warn {2}Redis keeps what it is told: maxmemory-policy allkeys-lru/mu);
    expect(stdout).toMatch(/^ok {4}Redis reachable: \d+\.\d+\.\d+ at 127\.0\.0\.1:\d+, \d+ ms away$/mu);
  } finally {
    await redis.close();
  }
});

test('lists the rights that the database account lacks', async () => {
  const stage = await setStage({ engine: 'mariadb' });
  const user = `reader${process.pid}${Math.floor(performance.now())}`;
  const database = new URL(stage.storeUrl).pathname.slice(1);
  await execute(stage.storeUrl, `CREATE USER '${user}'@'%' IDENTIFIED BY 'x'`);
  await execute(stage.storeUrl, `GRANT SELECT ON ${database}.* TO '${user}'@'%'`);
  const url = new URL(stage.storeUrl);
  [url.username, url.password] = [user, 'x'];
  const config = await readFile(stage.configPath, 'utf8');
  await writeFile(stage.configPath, config.replace(/^store: .*/mu, `store: ${url.href}`));
  const writer = await doctor(stage);
  expect(writer.code).toBe(77);
  expect(writer.stdout).toMatch(/^FAIL {2}the account may write the tables: lacks INSERT on corps, UPDATE on corps, .*DELETE on memberships/mu);
  expect(writer.stdout).not.toMatch(/lacks .*(DELETE on members\b|UPDATE on changes)/u);
  await append(stage, 'read_only: true\n');
  const reader = await doctor(stage);
  expect(reader.code).toBe(0);
  expect(reader.stdout).toContain('ok    the account may read the tables: yes');
  await execute(stage.storeUrl, `DROP USER '${user}'@'%'`);
});

test('says that tables are missing, and ends with 78', async () => {
  const stage = await setStage({ engine: 'mariadb' });
  await execute(stage.storeUrl, 'DROP TABLE schema_migrations');
  const { code, stdout } = await doctor(stage);
  expect(code).toBe(78);
  expect(stdout).toMatch(/^FAIL {2}the tables are those of this version: .*\n {6}fix: run `orgsync migrate`$/mu);
});

test('shows a configuration that cannot be read as its one finding', async () => {
  const stage = await setStage();
  await append(stage, 'paralel_corps: 4\n');
  const { code, stdout, stderr } = await doctor(stage);
  expect({ code, stderr }).toEqual({ code: 78, stderr: '' });
  expect(stdout).toMatch(/^FAIL {2}the configuration is valid: .*paralel_corps/u);
  expect(stdout).toContain('\n1 wrong\n');
});

test('prints one JSON document', async () => {
  const stage = await setStage();
  const { stdout, code } = await doctor(stage, '--json');
  expect(code).toBe(0);
  const document = JSON.parse(stdout) as { checks: readonly Record<string, unknown>[] };
  expect(document).toMatchObject({ exit_code: 0, wrong: 0, doubtful: 0 });
  expect(document.checks[0]).toEqual({ title: 'the configuration is valid', result: 'ok', detail: stage.configPath, fix: null, corp_id: null });
  expect(document.checks.at(-1)).toMatchObject({ corp_id: [...stage.sandbox.world.corps.keys()][0] });
});

async function doctor(stage: Stage, ...args: readonly string[]): ReturnType<typeof orgsync> {
  return await orgsync(['doctor', '-c', stage.configPath, ...args]);
}

async function append(stage: Stage, yaml: string): Promise<void> {
  await writeFile(stage.configPath, `${await readFile(stage.configPath, 'utf8')}${yaml}`);
}
