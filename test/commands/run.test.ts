import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { orgsync, start } from '../support/cli.ts';
import type { Ended } from '../support/cli.ts';
import { execute, openDatabase } from '../support/database.ts';
import { listen } from '../support/listener.ts';
import { corpOf } from '../support/sandbox.ts';
import { setStage } from '../support/stage.ts';
import type { Stage, StageOptions } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';

const SILENT = { code: 0, stdout: '', stderr: '' };

const run = async ({ configPath }: Stage, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  await orgsync(['--config', configPath, 'run', ...args], { env });

/** A failure is told in a few lines, each starting where cron's reader looks. */
function expectComplaint({ stdout, stderr }: Ended, ...words: readonly (string | RegExp)[]): void {
  expect(stdout).toBe('');
  for (const word of words) expect(stderr).toMatch(word);
  expect(stderr).toMatch(/^ {2}fix: \S/m);
  expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(5);
}

describe('under cron', () => {
  test('a run that does its work prints nothing', async () => {
    const stage = await setStage();
    expect(await run(stage)).toMatchObject(SILENT);
    const { stored, source } = await stage.organisations();
    expect(stored).toEqual(source);
  });

  test('a run where the gate is shut does nothing, in silence', async () => {
    const stage = await setStage({ yaml: 'gate: { SCHEDULE_ENV: production, IMSERVER_WORKER_ID: [worker1, worker2] }\n' });
    expect(await run(stage)).toMatchObject(SILENT);
    expect(await run(stage, [], { SCHEDULE_ENV: 'production' })).toMatchObject(SILENT);
    expect(stage.sandbox.stats.corp(corpOf(stage.sandbox).id).requests).toBe(0);
    expect(await run(stage, [], { SCHEDULE_ENV: 'production', IMSERVER_WORKER_ID: 'worker2' })).toMatchObject(SILENT);
    expect(stage.sandbox.stats.corp(corpOf(stage.sandbox).id).requests).toBeGreaterThan(0);
  });

  test('the gate can be passed by hand', async () => {
    const stage = await setStage({ yaml: 'gate: { SCHEDULE_ENV: production }\n' });
    expect(await run(stage, ['--ignore-gate'])).toMatchObject(SILENT);
    expect(await rowsOf(stage.storeUrl, 'SELECT outcome FROM runs')).toEqual([{ outcome: 'ok' }]);
  });

  test.each(['production', 'eu,us'])('the gate passed by hand shuts nobody out: %s', async (value) => {
    const stage = await setStage({ yaml: `gate: { SCHEDULE_ENV: "${value}" }\n` });
    const here = { SCHEDULE_ENV: value };
    for (const [args, env] of [[[], here], [[], here], [['--ignore-gate'], {}], [[], here]] as const) expect(await run(stage, args, env)).toMatchObject(SILENT);
    expect(await rowsOf(stage.storeUrl, 'SELECT outcome FROM runs')).toHaveLength(4);
  });

  test('a read-only process writes nothing, in silence', async () => {
    const stage = await setStage();
    expect(await run(stage, [], { ORGSYNC_READ_ONLY: '1' })).toMatchObject(SILENT);
    expect(await rowsOf(stage.storeUrl, 'SELECT * FROM runs')).toEqual([]);
  });
});

describe('where the corps come from a query', () => {
  const asked = 'corps: { query: "SELECT id, name, secret FROM enterprises" }\nstore: mysql://orgsync:hidden-word@127.0.0.1:1/orgsync\n';

  test.each([
    ['the gate is shut', 'gate: { SCHEDULE_ENV: production }\n', {}],
    ['the store is read-only', '', { ORGSYNC_READ_ONLY: '1' }],
  ])('the store is not asked when %s', async (_, yaml, env) => {
    const stage = await setStage();
    await writeFile(stage.configPath, `${asked}${yaml}`);
    expect(await run(stage, [], env)).toMatchObject(SILENT);
  });

  test('a row that cannot be used fails for itself, and no other corp', async () => {
    const stage = await setStage({ engine: 'mariadb', corps: 2 });
    const [first, second] = [...stage.sandbox.world.corps.values()];
    if (first === undefined || second === undefined) throw new Error('the world has too few corps');
    await execute(stage.storeUrl, 'CREATE TABLE enterprises (id VARCHAR(64) PRIMARY KEY, name VARCHAR(64), secret VARCHAR(255))');
    await execute(stage.storeUrl, 'INSERT INTO enterprises VALUES (?, ?, ?), (?, ?, NULL)', [first.id, first.name, first.secrets[0]?.secret ?? '', second.id, second.name]);
    const yaml = await readFile(stage.configPath, 'utf8');
    await writeFile(stage.configPath, `corps: { query: "SELECT id, name, secret FROM enterprises ORDER BY secret IS NULL" }\n${yaml.slice(yaml.indexOf('wecom:'))}`);
    const ended = await run(stage, ['--json']);
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.stdout)).toMatchObject({ outcome: 'partial', corps: [{ id: first.id, outcome: 'ok' }, { id: second.id, outcome: 'failed', error: { code: 'corp_row_unusable' } }] });
    expect(ended.stderr).toMatch(/corps\[1\]\.secret[^]* {2}fix: run the query by hand/);
    expect(await rowsOf(stage.storeUrl, 'SELECT outcome FROM runs')).toEqual([{ outcome: 'ok' }]);
  });

  test('rows of the same corp, in other capitals, fail for themselves, and no other corp', async () => {
    const stage = await setStage({ engine: 'mariadb', corps: 2 });
    const [first, second] = [...stage.sandbox.world.corps.values()];
    if (first === undefined || second === undefined) throw new Error('the world has too few corps');
    const row = (id: string, secret = ''): string => `SELECT '${id}' AS id, '${secret}' AS secret`;
    const query = [row(first.id, first.secrets[0]?.secret), row(second.id, 'one'), row(second.id.toUpperCase(), 'other')].join(' UNION ALL ');
    const yaml = await readFile(stage.configPath, 'utf8');
    await writeFile(stage.configPath, `corps: { query: "${query}" }\n${yaml.slice(yaml.indexOf('wecom:'))}`);
    const ended = await run(stage, ['--json']);
    expect([ended.code, JSON.parse(ended.stdout)]).toMatchObject([1, { outcome: 'partial', corps: [{ id: first.id, outcome: 'ok' }, { outcome: 'failed', error: { code: 'corp_row_unusable' } }] }]);
  });

  test.each([
    ['a column that is not there', 'SELECT nothing_such FROM corps', "Unknown column 'nothing_such'"],
    ['a table that is not there', 'SELECT id FROM nothing_such', "nothing_such' doesn't exist"],
    ['a statement that is none', 'SELECT FROM', 'error in your SQL syntax'],
    ['a function that is not there', 'SELECT nothing_such(1) AS id', 'nothing_such'],
  ])('%s is the fault of the query', async (_, query, words) => {
    const stage = await setStage({ engine: 'mariadb' });
    const yaml = await readFile(stage.configPath, 'utf8');
    await writeFile(stage.configPath, `corps: { query: "${query}" }\n${yaml.slice(yaml.indexOf('wecom:'))}`);
    const ended = await run(stage);
    expect(ended.code).toBe(78);
    expectComplaint(ended, /^orgsync: corps\.query: /, words, 'fix: run the query by hand');
  });

  test('a store that cannot be reached is in the log, and people hear of it', async () => {
    const [stage, ops] = [await setStage(), await listen()];
    const log = join(stage.folder, 'orgsync.log');
    await writeFile(stage.configPath, `${asked}log: { file: ${log} }\nalerts: { to: [{ webhook: "${ops.url}" }] }\n`);
    expect((await run(stage, [], { TMPDIR: stage.folder })).code).toBe(69);
    expect(await eventsIn(log)).toContainEqual(expect.objectContaining({ 'event.action': 'run_failed', 'error.code': 'store_unreachable' }));
    expect(ops.heard).toHaveLength(1);
  });
});

test('what befalls many corps in the same way is told once, the first of them by name', async () => {
  const stage = await setStage({ corps: 7, members: 3, departments: 1 });
  const [first, second, , , , , last] = [...stage.sandbox.world.corps.values()].map(({ name }) => name);
  if (first === undefined || second === undefined || last === undefined) throw new Error('the world has too few corps');
  stage.sandbox.faults.add({ effect: { kind: 'errcode', errcode: 60020 } });
  const ended = await run(stage);
  expect(ended.code).toBe(77);
  expectComplaint(ended, `7 corps (${first}, ${second}, `, ' and 2 more): WeCom refused gettoken: 60020');
  expect(ended.stderr).not.toContain(last);
});

test('another environment is refused for all corps at once, each named but once', async () => {
  const stage = await setStage({ corps: 2, members: 3, departments: 1, yaml: 'gate: { SITE: pre }\n' });
  const [first, second] = [...stage.sandbox.world.corps.values()].map(({ name }) => name);
  expect(await run(stage, [], { SITE: 'pre' })).toMatchObject(SILENT);
  await writeFile(stage.configPath, (await readFile(stage.configPath, 'utf8')).replace('SITE: pre', 'SITE: production'));
  const ended = await run(stage, [], { SITE: 'production' });
  expect(ended.code).toBe(77);
  expectComplaint(ended, `orgsync: 2 corps (${first ?? ''}, ${second ?? ''}): written by the environment SITE=pre; this is SITE=production\n`);
});

test('what befalls each corp in its own way is told of each', async () => {
  const stage = await setStage({ corps: 3, members: 3, departments: 1 });
  const [first, second, third] = [...stage.sandbox.world.corps.values()];
  if (first === undefined || second === undefined || third === undefined) throw new Error('the world has too few corps');
  for (const { id } of [first, third]) stage.sandbox.faults.add({ match: { corp: id }, effect: { kind: 'errcode', errcode: 60020 } });
  stage.sandbox.faults.add({ match: { corp: second.id }, effect: { kind: 'errcode', errcode: 40001 } });
  const { stderr } = await run(stage);
  expect(stderr.split('\n').filter((line) => line.startsWith('orgsync: '))).toEqual([
    expect.stringContaining(`2 corps (${first.name}, ${third.name}): WeCom refused gettoken: 60020`),
    expect.stringContaining(`orgsync: ${second.name}: WeCom refused gettoken: 40001`),
  ]);
});

test('the log tells when a run began and how it ended, and which lines are of one process', async () => {
  const stage = await setStage({ corps: 2 });
  const log = join(stage.folder, 'orgsync.log');
  await writeFile(stage.configPath, `log: { file: ${log} }\n`, { flag: 'a' });
  await run(stage);
  const events = await eventsIn(log);
  expect(events[0]).toMatchObject({ 'event.action': 'run_started', orgsync: { corps: 2 } });
  expect(events.at(-1)).toMatchObject({ 'event.action': 'run_ended', 'event.outcome': 'success', orgsync: { exit_code: 0, corps: 2, joined: expect.any(Number) as number } });
  for (const id of stage.sandbox.world.corps.keys()) {
    const [begun, ended] = events.filter((event) => event['organization.id'] === id && String(event['event.action']).startsWith('corp_'));
    const { run_id: runId } = begun?.['orgsync'] as { run_id: number };
    expect(ended).toMatchObject({ 'event.action': 'corp_ok', orgsync: { run_id: runId } });
    expect(await rowsOf(stage.storeUrl, `SELECT id FROM runs WHERE corp_id = '${id}'`)).toEqual([{ id: runId }]);
  }
  await run(stage);
  expect(new Set((await eventsIn(log)).map((event) => event['trace.id'])).size).toBe(2);
});

describe('plan', () => {
  test('says what would change in the words of orgsync changes', async () => {
    const stage = await setStage();
    const [corp = ''] = [...stage.sandbox.world.corps.keys()];
    stage.sandbox.change({ op: 'addDepartment', corp, department: { id: 901, name: '研发', parentid: 1, order: 1 } }, { op: 'addDepartment', corp, department: { id: 902, name: '市场', parentid: 1, order: 1 } });
    stage.sandbox.change({ op: 'addMember', corp, member: { userid: 'ana.lopez', name: '安娜', mobile: '13800138000' }, places: [{ department: 901 }] });
    await run(stage);
    stage.sandbox.change({ op: 'moveMember', corp, userid: 'ana.lopez', places: [{ department: 902 }] }, { op: 'updateDepartment', corp, id: 901, fields: { name: '研究' } });
    const { stdout } = await orgsync(['--config', stage.configPath, 'plan']);
    expect(stdout).toContain('  ~ department 研究 (901): renamed 研发 → 研究\n');
    expect(stdout).toContain('  ~ 安娜 (ana.lopez): moved 研究 → 市场\n');
  });

  test('says once why a corp has no plan', async () => {
    const stage = await setStage();
    stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, effect: { kind: 'errcode', errcode: 60011 } });
    const { stdout, stderr } = await orgsync(['--config', stage.configPath, 'plan']);
    expect(stdout).toMatch(/^.* \(ww[^)]*\): no plan: [a-z ]+\n/u);
    expect(stdout).not.toContain('60011');
    expect(stderr).toMatch(/60011[^]*fix: /u);
  });

  test('shows what a run would do while one is at work, and hinders none', async () => {
    const stage = await setStage();
    const plan = ['--config', stage.configPath, 'plan', '--exit-code'];
    const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 2, times: 1, effect: { kind: 'hold' } });
    const running = start(['--config', stage.configPath, 'run']);
    await held.reached(1);
    expect(await orgsync(plan)).toMatchObject({ code: 2, stdout: expect.stringContaining(' + ') as string, stderr: '' });
    held.release();
    expect((await running.ended).code).toBe(0);
    const again = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 2, times: 1, effect: { kind: 'hold' } });
    const planning = start(plan);
    await again.reached(1);
    expect(await run(stage)).toMatchObject(SILENT);
    expect(await rowsOf(stage.storeUrl, 'SELECT outcome FROM runs')).toEqual([{ outcome: 'ok' }, { outcome: 'ok' }]);
    again.release();
    expect((await planning.ended).code).toBe(0);
  });
});

describe('run --json', () => {
  test.each([
    ['a corp that failed', 77, 'failed', ''],
    ['a store that is not there', 69, 'failed', 'mysql://orgsync:hidden-word@127.0.0.1:1/orgsync'],
  ])('tells whoever reads stderr, too: %s', async (_, code, outcome, store) => {
    const stage = await setStage();
    if (store !== '') await pointAt(stage, 'store', store);
    stage.sandbox.faults.add({ match: { endpoint: 'gettoken' }, effect: { kind: 'errcode', errcode: 40001 } });
    const ended = await run(stage, ['--json']);
    expect(ended.code).toBe(code);
    expect(JSON.parse(ended.stdout)).toMatchObject({ outcome, exit_code: code });
    expect(ended.stderr).toMatch(/^orgsync: .*\n[^]* {2}fix: \S/);
  });

  test('says that a run was interrupted while it waited for the lease', async () => {
    const stage = await setStage();
    const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 2, times: 1, effect: { kind: 'hold' } });
    const first = start(['--config', stage.configPath, 'run']);
    await held.reached(1);
    const log = join(stage.folder, 'orgsync.log');
    await writeFile(stage.configPath, `log: { file: ${log} }\n`, { flag: 'a' });
    const waiting = start(['--config', stage.configPath, 'run', '--wait', '60s', '--json']);
    await expect.poll(async () => await readFile(log, 'utf8').catch(() => '')).toContain('lease_awaited');
    waiting.child.kill('SIGTERM');
    const ended = await waiting.ended;
    expect(ended.code).toBe(143);
    expect(JSON.parse(ended.stdout)).toMatchObject({ outcome: 'interrupted', reason: null, exit_code: 143, corps: [], error: { code: 'stopped_by_signal' } });
    held.release();
    expect((await first.ended).code).toBe(0);
  });

  test('tells what happened to each corp in one document', async () => {
    const stage = await setStage({ corps: 2 });
    const { code, stdout, stderr } = await run(stage, ['--json']);
    expect([code, stderr]).toEqual([0, '']);
    const document = JSON.parse(stdout) as Record<string, unknown>;
    expect(Object.keys(document)).toEqual(['outcome', 'reason', 'exit_code', 'started_at', 'finished_at', 'corps']);
    expect(document).toMatchObject({ outcome: 'ok', reason: null, exit_code: 0 });
    const [corp] = document['corps'] as Record<string, unknown>[];
    const { id, name, departments, members } = corpOf(stage.sandbox);
    const present = [...members.values()].filter(({ status }) => status !== 5).length;
    expect(corp).toEqual({
      id,
      name,
      outcome: 'ok',
      departments: departments.size,
      members: present,
      joined: present,
      departed: 0,
      changed: 0,
      departments_changed: departments.size,
      requests: expect.any(Number) as number,
      seconds: expect.any(Number) as number,
      error: null,
    });
  });

  test.each([
    ['gate', 'gate: { SCHEDULE_ENV: production }\n', {}],
    ['read_only', '', { ORGSYNC_READ_ONLY: '1' }],
  ])('tells that nothing was done because of: %s', async (reason, yaml, env) => {
    const stage = await setStage({ yaml });
    const { code, stdout } = await run(stage, ['--json'], env);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'skipped', reason, exit_code: 0, corps: [] });
  });

  test('carries WeCom’s own number and words for a corp that failed, and never its secret', async () => {
    const stage = await setStage({ corps: 2 });
    const corp = corpOf(stage.sandbox);
    stage.sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { trustedIps: ['203.0.113.9'] } });
    const { code, stdout, stderr } = await run(stage, ['--json']);
    expect(code).toBe(1);
    const { outcome, corps } = JSON.parse(stdout) as { outcome: string; corps: { outcome: string; error: Record<string, unknown> }[] };
    expect([outcome, ...corps.map((one) => one.outcome)]).toEqual(['partial', 'failed', 'ok']);
    expect(corps[0]?.error).toMatchObject({ errcode: 60020, code: expect.any(String) as string, hint: expect.stringContaining('127.0.0.1') as string });
    for (const { secret } of corp.secrets) expect(stdout + stderr).not.toContain(secret);
  });
});

describe('the exit code is', () => {
  const cases: readonly (readonly [string, number, StageOptions, (stage: Stage) => void, readonly (string | RegExp)[]])[] = [
    ['1 when one of two corps failed', 1, { corps: 2 }, ({ sandbox }) => void sandbox.faults.add({ match: { corp: corpOf(sandbox).id, endpoint: 'user/list' }, effect: { kind: 'errcode', errcode: 60999 } }), [/60999/]],
    ['77 when every corp is refused', 77, {}, ({ sandbox }) => sandbox.faults.add({ match: { endpoint: 'gettoken' }, effect: { kind: 'errcode', errcode: 40001 } }), [/40001|secret/i]],
    ['75 when WeCom’s frequency limit stays', 75, {}, ({ sandbox }) => sandbox.faults.add({ match: { endpoint: 'user/list' }, effect: { kind: 'errcode', errcode: 45009 } }), [/frequency|45009/i]],
    ['69 when WeCom answers nobody', 69, { wecom: '  retries: 1\n  timeout: 1s\n' }, ({ sandbox }) => sandbox.faults.add({ effect: { kind: 'reset' } }), [/WeCom/]],
  ];
  test.each(cases)('%s, and stderr says why and what to do', async (_, code, options, spoil, words) => {
    const stage = await setStage(options);
    spoil(stage);
    const ended = await run(stage);
    expect(ended.code).toBe(code);
    expectComplaint(ended, ...words);
  });

  // Much less than the 65 s that WeCom's shortest window is waited for where nothing else is configured.
  test('75 when the limit on token requests stays, after the wait that is configured', async () => {
    const stage = await setStage({ wecom: '  frequency_wait: 50ms\n' });
    stage.sandbox.faults.add({ match: { endpoint: 'gettoken' }, effect: { kind: 'errcode', errcode: 45009 } });
    expect((await run(stage)).code).toBe(75);
    expect(stage.sandbox.stats.corp(corpOf(stage.sandbox).id).byEndpoint['gettoken']).toBe(2);
  });

  test('3 when a safety limit holds a corp back, which stays as it was', async () => {
    const stage = await setStage({ yaml: 'safety: { max_departures: 2 }\n' });
    await stage.sync();
    const corp = corpOf(stage.sandbox);
    const before = await rowsOf(stage.storeUrl, 'SELECT userid, departed_at FROM members ORDER BY userid');
    for (const { userid } of [...corp.members.values()].slice(0, 5)) stage.sandbox.change({ op: 'removeMember', corp: corp.id, userid });
    const ended = await run(stage);
    expect(ended.code).toBe(3);
    expectComplaint(ended, /at most 2 may/, /would depart: /, /orgsync plan --allow-departures/);
    const planned = await orgsync(['--config', stage.configPath, 'plan', '--allow-departures']);
    expect(planned).toMatchObject({ code: 0, stderr: '' });
    expect(planned.stdout.match(/^ *- /gm)).toHaveLength(5);
    expect(await rowsOf(stage.storeUrl, 'SELECT userid, departed_at FROM members ORDER BY userid')).toEqual(before);
    expect(await run(stage, ['--allow-departures'])).toMatchObject(SILENT);
    const { stored, source } = await stage.organisations();
    expect(stored).toEqual(source);
  });

  test.each([
    [['--corp', 'nobody'], /nobody/],
    [['--shard', '4/3'], /I\/N/],
    [['--wait', 'long'], /500ms, 60s/],
    [['--colour'], /colour/],
    [['extra'], /extra|too many/i],
  ])('64 for %j', async (args, word) => {
    const stage = await setStage();
    const ended = await run(stage, args);
    expect(ended.code).toBe(64);
    expectComplaint(ended, word);
    expect(stage.sandbox.stats.corp(corpOf(stage.sandbox).id).requests).toBe(0);
  });

  test('0 for the --wait that the help shows as the default', async () => {
    expect(await run(await setStage(), ['--wait', '0'])).toMatchObject(SILENT);
  });

  test('69 when the store cannot be reached, and WeCom is not asked', async () => {
    const stage = await setStage();
    await pointAt(stage, 'store', 'mysql://orgsync:hidden-word@127.0.0.1:1/orgsync');
    const ended = await run(stage);
    expect(ended.code).toBe(69);
    expectComplaint(ended, /MySQL at 127\.0\.0\.1:1/);
    expect(ended.stderr).not.toContain('hidden-word');
    expect(stage.sandbox.stats.corp(corpOf(stage.sandbox).id).requests).toBe(0);
  });

  test('69 when Redis cannot be reached, and nothing is written', async () => {
    const stage = await setStage({ yaml: 'redis: redis://:hidden-word@127.0.0.1:1/0\n' });
    const ended = await run(stage);
    expect(ended.code).toBe(69);
    expectComplaint(ended, /Redis/);
    expect(ended.stderr).not.toContain('hidden-word');
    expect(await rowsOf(stage.storeUrl, 'SELECT * FROM runs')).toEqual([]);
  });

  test('78 when the tables were never made, and says how', async () => {
    const stage = await setStage();
    await pointAt(stage, 'store', await openDatabase());
    const ended = await run(stage);
    expect(ended.code).toBe(78);
    expectComplaint(ended, /orgsync migrate/);
  });

  test('78 when there is no configuration', async () => {
    const ended = await orgsync(['--config', '/nonexistent/config.yml', 'run']);
    expect(ended.code).toBe(78);
    expectComplaint(ended, '/nonexistent/config.yml');
  });

  test('75 when --max-run is over, and nothing is half-written', async () => {
    const stage = await setStage();
    stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 3, effect: { kind: 'hold' } });
    const ended = await run(stage, ['--max-run', '1s']);
    expect(ended.code).toBe(75);
    expectComplaint(ended, /--max-run/);
    expect(await rowsOf(stage.storeUrl, 'SELECT * FROM members')).toEqual([]);
    expect(await rowsOf(stage.storeUrl, 'SELECT outcome FROM runs')).toEqual([{ outcome: 'interrupted' }]);
    expect(await run(stage)).toMatchObject(SILENT);
  });
});

describe('--max-run', () => {
  test('may be longer than a timer lasts', async () => {
    expect(await run(await setStage(), ['--max-run', '60d'])).toMatchObject(SILENT);
  });

  test('counts from the start, with the wait for the lease', async () => {
    const stage = await setStage();
    const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 2, times: 1, effect: { kind: 'hold' } });
    const first = start(['--config', stage.configPath, 'run']);
    await held.reached(1);
    const ended = await run(stage, ['--wait', '60s', '--max-run', '1s']);
    expect(ended.code).toBe(75);
    expectComplaint(ended, /--max-run/);
    held.release();
    expect((await first.ended).code).toBe(0);
  });
});

describe('a signal', () => {
  test('is told to a health check, and logged, as the exit code it leads to', async () => {
    const checks = await listen();
    const stage = await setStage({ yaml: `alerts: { to: [{ ping: "${checks.url}" }] }\nlog: { file: run.log, format: json }\n` });
    const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 2, effect: { kind: 'hold' } });
    const running = start(['--config', stage.configPath, 'run']);
    await held.reached(1);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(143);
    expect(checks.heard.map(({ path }) => path)).toEqual(['/start', '/143']);
    const last = (await readFile(join(stage.folder, 'run.log'), 'utf8')).trimEnd().split('\n').at(-1);
    expect(JSON.parse(last ?? '')).toMatchObject({ event: 'run_ended', outcome: 'interrupted', exit_code: 143 });
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('%s stops the run within 5 s, leaves no lease and ends with %i', async (signal, code) => {
    const stage = await setStage();
    const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 2, effect: { kind: 'hold' } });
    const running = start(['--config', stage.configPath, 'run']);
    await held.reached(1);
    const at = performance.now();
    running.child.kill(signal);
    const ended = await running.ended;
    expect(ended.code).toBe(code);
    expect(performance.now() - at).toBeLessThan(5_000);
    expect(await rowsOf(stage.storeUrl, 'SELECT outcome FROM runs')).toEqual([{ outcome: 'interrupted' }]);
    held.remove();
    expect(await run(stage)).toMatchObject(SILENT);
    const { stored, source } = await stage.organisations();
    expect(stored).toEqual(source);
  });

  test('that comes in every run still leaves each corp its turn', async () => {
    const stage = await setStage({ corps: 3, members: 10, departments: 2, yaml: 'parallel_corps: 1\n' });
    const [one, two, three] = [...stage.sandbox.world.corps.keys()];
    const held = stage.sandbox.faults.add({ match: { corp: two, endpoint: 'user/list' }, effect: { kind: 'hold' } });
    const running = start(['--config', stage.configPath, 'run']);
    await held.reached(1);
    running.child.kill('SIGTERM');
    expect((await running.ended).code).toBe(143);
    held.remove();
    const { corps } = JSON.parse((await run(stage, ['--json'])).stdout) as { readonly corps: readonly { readonly id: string }[] };
    expect(corps.map(({ id }) => id)).toEqual([one, two, three]);
    expect((await rowsOf(stage.storeUrl, 'SELECT corp_id FROM runs ORDER BY id')).map((row) => row['corp_id'])).toEqual([one, two, three, one, two]);
  });
});

async function eventsIn(log: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return (await readFile(log, 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Gives the configuration another value for a key of one line. */
async function pointAt({ folder, configPath }: Stage, key: string, value: string): Promise<void> {
  const text = await readFile(configPath, 'utf8');
  await writeFile(join(folder, 'config.yml'), text.replace(new RegExp(`^${key}:.*$`, 'm'), `${key}: ${value}`));
}
