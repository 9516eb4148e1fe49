import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Libsql from 'libsql';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { orgsync } from '../support/cli.ts';
import type { Ended } from '../support/cli.ts';
import { execute } from '../support/database.ts';
import { tamper } from '../support/recovery.ts';
import { ownPrefix } from '../support/redis.ts';
import { corpOf } from '../support/sandbox.ts';
import { freePort } from '../support/server-process.ts';
import { setStage } from '../support/stage.ts';
import type { Stage, StageOptions } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';

const NOBODY = '19900000000';

interface Called {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const lookup = async ({ configPath }: Pick<Stage, 'configPath'>, args: readonly string[], { input, env = {} }: Called = {}): Promise<Ended> =>
  await orgsync(['--config', configPath, 'lookup', ...args], { env, ...(input === undefined ? {} : { input }) });

async function syncedStage(options: StageOptions = {}): Promise<Stage> {
  const stage = await setStage(options);
  expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
  return stage;
}

function person(stage: Stage): { readonly userid: string; readonly mobile: string; readonly name: string; readonly corp: { readonly id: string; readonly name: string } } {
  const corp = corpOf(stage.sandbox);
  const found = [...corp.members.values()].find(({ mobile, name, status, places }) => mobile?.startsWith('1') === true && name !== undefined && status !== 5 && places.length > 0);
  return { userid: found?.userid ?? '', mobile: found?.mobile ?? '', name: found?.name ?? '', corp };
}

/** The configuration with other lines in place of some keys. */
async function reconfigured(stage: Stage, name: string, change: (text: string) => string): Promise<Pick<Stage, 'configPath'>> {
  const configPath = join(stage.folder, name);
  await writeFile(configPath, change(await readFile(stage.configPath, 'utf8')), { mode: 0o600 });
  return { configPath };
}

function questions({ sandbox }: Stage): number {
  return sandbox.stats.corp(corpOf(sandbox).id).byEndpoint['user/getuserid'] ?? 0;
}

describe('lookup', () => {
  test('shows a card, with nothing on stderr', async () => {
    const stage = await syncedStage();
    const { mobile, name, userid, corp } = person(stage);
    const { code, stdout, stderr } = await lookup(stage, [mobile]);
    expect([code, stderr]).toEqual([0, '']);
    for (const text of [name, userid, corp.name, mobile]) expect(stdout).toContain(text);
  });

  test.each([(m: string) => [m], (m: string) => [`+86 ${m.slice(0, 3)}-${m.slice(3, 7)}-${m.slice(7)}`], (m: string) => [`0086${m}`], (m: string) => [m.slice(0, 3), m.slice(3, 7), m.slice(7)], (m: string) => [m.normalize().replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)))]])(
    'finds the same person in spelling %#',
    async (spell) => {
      const stage = await syncedStage();
      const { mobile, userid } = person(stage);
      const { code, stdout } = await lookup(stage, ['--json', ...spell(mobile)]);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ phone: `+86${mobile}`, matches: [{ userid }] });
    },
  );

  test('prints one document with --json, in the promised form', async () => {
    const stage = await syncedStage();
    const { mobile, name, userid, corp } = person(stage);
    const { stdout, stderr } = await lookup(stage, [mobile, '--json']);
    expect(stderr).toBe('');
    const document = JSON.parse(stdout) as { readonly matches: readonly Record<string, unknown>[] };
    expect(document).toMatchObject({ phone: `+86${mobile}`, source: 'store', matches: [{ corp_id: corp.id, corp_name: corp.name, userid, name, mobile, departed_at: null }] });
    const [match = {}] = document.matches;
    expect(Object.keys(match)).toEqual(expect.arrayContaining(['corp_id', 'corp_name', 'userid', 'name', 'mobile', 'email', 'position', 'departments', 'status', 'updated_at', 'departed_at']));
    expect(match['departments']).toEqual(expect.arrayContaining([{ id: expect.any(Number), name: expect.any(String), path: expect.arrayContaining([expect.any(String)]) }]));
    expect(new Date(String(match['updated_at'])).toISOString()).toBe(match['updated_at']);
  });

  test('of somebody who left says so, asks nothing, and ends with 1', async () => {
    const stage = await syncedStage();
    const { mobile, userid, corp } = person(stage);
    stage.sandbox.change({ op: 'removeMember', corp: corp.id, userid });
    await stage.sync();
    const { code, stdout } = await lookup(stage, [mobile]);
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`\\(${userid}\\) left ${corp.name} on \\d{4}-\\d{2}-\\d{2}`));
    expect(JSON.parse((await lookup(stage, [mobile, '--json'])).stdout)).toMatchObject({ matches: [{ userid, departed_at: expect.stringMatching(/Z$/) }] });
    expect(questions(stage)).toBe(0);
  });

  test('of a number that nobody has ends with 1', async () => {
    const stage = await syncedStage();
    expect(await lookup(stage, [NOBODY])).toMatchObject({ code: 1, stdout: `no current member has +86${NOBODY}\n`, stderr: '' });
  });

  test.each(['hello', '12345', '1380013800', '+999 1234 5678', '+'])('refuses %s before it asks anybody', async (typed) => {
    const stage = await setStage();
    const nowhere = await reconfigured(stage, 'nowhere.yml', (text) => text.replace(/^store: .*$/m, 'store: mysql://nobody@127.0.0.1:1/none'));
    const { code, stdout, stderr } = await lookup(nowhere, [typed]);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain('is not a phone number: ');
    expect(stderr).toMatch(/^ {2}fix: \S/m);
  });

  test('says what is wrong with a number without a part of it, or of an example, being masked', async () => {
    const stage = await setStage();
    const { code, stderr } = await lookup(stage, ['12345678901']);
    expect(code).toBe(64);
    expect(stderr).toContain('CN has no such number');
    expect(stderr).not.toContain('****');
  });

  test('repeats only the beginning of what is far too long', async () => {
    const stage = await setStage();
    const { code, stderr } = await lookup(stage, [`${'x'.repeat(60)}${'y'.repeat(10_000)}`]);
    expect(code).toBe(64);
    expect(stderr).toContain('“xxxx');
    expect(stderr).not.toContain('yy');
  });

  test('wants one number, or a file', async () => {
    const stage = await setStage();
    expect((await lookup(stage, [])).code).toBe(64);
    expect((await lookup(stage, [NOBODY, '--file', 'numbers.txt'])).code).toBe(64);
    expect((await lookup(stage, ['--file', join(stage.folder, 'missing.txt')])).code).toBe(64);
  });

  test('looks only into the corps that are named, and refuses an unknown one', async () => {
    const stage = await syncedStage({ corps: 2 });
    const { mobile, corp } = person(stage);
    const other = corpOf(stage.sandbox, 2);
    expect(await lookup(stage, [mobile, '--corp', corp.name])).toMatchObject({ code: 0 });
    expect(await lookup(stage, [mobile, '--corp', other.id])).toMatchObject({ code: 1 });
    expect(await lookup(stage, [mobile, '--corp', 'Nowhere Ltd'])).toMatchObject({ code: 64, stdout: '' });
  });

  test('says what is wrong with the store: 69 when it is not there, 78 when it has no tables', async () => {
    const stage = await setStage({ engine: 'mariadb' });
    const nowhere = await reconfigured(stage, 'nowhere.yml', (text) => text.replace(/^store: .*$/m, 'store: mysql://nobody@127.0.0.1:1/none'));
    expect(await lookup(nowhere, [NOBODY])).toMatchObject({ code: 69, stdout: '', stderr: expect.stringMatching(/^ {2}fix: \S/m) });
    for (const { table } of (await execute(stage.storeUrl, 'SELECT table_name AS `table` FROM information_schema.tables WHERE table_schema = DATABASE()')) as { table: string }[]) await execute(stage.storeUrl, `DROP TABLE ${table}`);
    expect(await lookup(stage, [NOBODY])).toMatchObject({ code: 78, stdout: '', stderr: expect.stringContaining('orgsync migrate') });
  });

  test('does not wait for whoever is writing the embedded store', async () => {
    const stage = await syncedStage();
    const writer = new Libsql(stage.storeUrl.slice('sqlite:'.length));
    onTestFinished(() => void writer.close());
    writer.exec('BEGIN IMMEDIATE');
    expect(await lookup(stage, [person(stage).mobile])).toMatchObject({ code: 0, stderr: '' });
    writer.exec('ROLLBACK');
  });

  test('works with a database account that may only read, and where Redis is down', async () => {
    const stage = await syncedStage({ engine: 'mariadb' });
    const config = await readerConfig(stage, `redis: redis://127.0.0.1:${await freePort()}/0\n`);
    expect(await lookup(config, [person(stage).mobile])).toMatchObject({ code: 0, stderr: '' });
    expect(await lookup(config, [person(stage).mobile], { env: { ORGSYNC_READ_ONLY: '1' } })).toMatchObject({ code: 0, stderr: '' });
  });
});

/** The stage's configuration with an account that has SELECT and nothing else. */
async function readerConfig(stage: Stage, yaml = ''): Promise<Pick<Stage, 'configPath'>> {
  const url = new URL(stage.storeUrl);
  const user = `reader_${url.pathname.slice(-12)}`;
  await execute(stage.storeUrl, `CREATE USER ${user}@'%' IDENTIFIED BY 'reader'`);
  onTestFinished(async () => {
    await execute(inject('mysqlUrl'), `DROP USER ${user}@'%'`);
  });
  await execute(stage.storeUrl, `GRANT SELECT ON ${url.pathname.slice(1)}.* TO ${user}@'%'`);
  url.username = user;
  url.password = 'reader';
  return await reconfigured(stage, 'reader.yml', (text) => text.replace(/^store: .*$/m, `store: ${url.href}`) + yaml);
}

describe('lookup --live', () => {
  test('shows what WeCom says, and that it was written', async () => {
    const stage = await syncedStage();
    const { id: corp } = corpOf(stage.sandbox);
    stage.sandbox.change({ op: 'addMember', corp, member: { userid: 'NewOne', name: '新人', mobile: NOBODY, status: 1 }, places: [{ department: 1 }] });
    const { code, stdout, stderr } = await lookup(stage, [NOBODY, '--live']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/新人 has this number; the store did not have them; written to the store/);
    expect(JSON.parse((await lookup(stage, [NOBODY, '--live', '--json'])).stdout)).toMatchObject({ source: 'wecom', matches: [{ userid: 'NewOne' }], live: [{ answer: 'found', news: 'same' }] });
  });

  test('under read_only shows the answer and writes nothing', async () => {
    const stage = await syncedStage();
    const { id: corp } = corpOf(stage.sandbox);
    stage.sandbox.change({ op: 'addMember', corp, member: { userid: 'NewOne', name: '新人', mobile: NOBODY, status: 1 }, places: [{ department: 1 }] });
    const { code, stdout } = await lookup(stage, [NOBODY, '--live'], { env: { ORGSYNC_READ_ONLY: '1', TMPDIR: stage.folder } });
    expect(code).toBe(0);
    expect(stdout).toMatch(/NewOne[^]*not written, for the store is read-only/);
    expect(await rowsOf(stage.storeUrl, "SELECT * FROM members WHERE userid = 'NewOne'")).toEqual([]);
  });

  test('under read_only without Redis spends one ration, however many processes ask', async () => {
    const stage = await syncedStage({ members: 20 });
    const env = { ORGSYNC_READ_ONLY: '1', TMPDIR: stage.folder };
    for (let last = 0; last < 6; last += 1) expect(await lookup(stage, [`1990000000${last}`, '--live'], { env })).toMatchObject({ code: 1 });
    expect(questions(stage)).toBe(3);
    const nowhere = { ...env, TMPDIR: join(stage.folder, 'orgsync.sqlite') };
    expect(await lookup(stage, [NOBODY, '--live'], { env: nowhere })).toMatchObject({ code: 78, stderr: expect.stringContaining('without --live') });
    expect(questions(stage)).toBe(3);
  });

  test('says what was asked too often, sends nothing, and ends with 1', async () => {
    const stage = await syncedStage({ members: 20 });
    for (const last of [1, 2, 3]) expect(await lookup(stage, [`1990000000${last}`, '--live'])).toMatchObject({ code: 1, stderr: '' });
    const asked = questions(stage);
    const { code, stdout, stderr } = await lookup(stage, ['19900000009', '--live']);
    expect(code).toBe(1);
    expect(stdout).toContain('no current member');
    expect(stderr).toContain('was not asked: the ration of wrong numbers is used up for today (3: lookup.max_wrong_share)');
    expect(await lookup(stage, ['19900000001', '--live'])).toMatchObject({ code: 1, stderr: expect.stringContaining('lookup.forget_wrong_after') });
    expect(questions(stage)).toBe(asked);
  });

  test('logs once, however long the batch, that the ration is spent', async () => {
    const stage = await syncedStage({ members: 20, yaml: 'log: { file: live.log, format: json }\n' });
    const input = Array.from({ length: 9 }, (_, last) => `1990000000${last}`).join('\n');
    expect(await lookup(stage, ['--live', '--file', '-'], { input })).toMatchObject({ code: 1 });
    const events = (await readFile(join(stage.folder, 'live.log'), 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.filter(({ event }) => event === 'ration_spent')).toMatchObject([{ level: 'warn', corp: corpOf(stage.sandbox).id, budget: 3 }]);
  });

  test('when questions cannot be counted, asks none, still shows what the store knows, and ends with 69', async () => {
    const stage = await syncedStage({ corps: 2 });
    await writeFile(stage.configPath, `${await readFile(stage.configPath, 'utf8')}redis: redis://127.0.0.1:${await freePort()}/0\n`);
    const { name, mobile } = person(stage);
    const { code, stdout, stderr } = await lookup(stage, [mobile, '--live']);
    expect(code).toBe(69);
    expect(stdout).toContain(name);
    expect(stderr).toMatch(/^orgsync: 2 corps \(.*\): .*Redis[^]* {2}fix: [^\n]*\n$/);
    expect(questions(stage)).toBe(0);
  });

  test.each([
    ['its secret is refused', 'gettoken', { kind: 'errcode', errcode: 40001 }, 77],
    ['this address is not trusted', 'user/getuserid', { kind: 'errcode', errcode: 60020 }, 77],
    ['it cannot be reached', 'user/getuserid', { kind: 'reset' }, 69],
    ['it has closed the question for today', 'user/getuserid', { kind: 'errcode', errcode: 45009 }, 75],
  ] as const)('when %s says so, still shows what the store knows, and ends with its own code', async (_, endpoint, effect, expected) => {
    const stage = await syncedStage();
    stage.sandbox.faults.add({ match: { endpoint }, effect });
    const { name, mobile } = person(stage);
    const { code, stdout, stderr } = await lookup(stage, [mobile, '--live']);
    expect(code).toBe(expected);
    expect(stdout).toContain(name);
    expect(stderr).toMatch(/^orgsync: \S/m);
    expect(stderr).toMatch(/^ {2}fix: \S/m);
    expect(stderr).not.toContain(mobile);
  });

  test('with an account that may not write shows the answer, and that it was not written', async () => {
    const stage = await syncedStage({ engine: 'mariadb' });
    const { id: corp } = corpOf(stage.sandbox);
    stage.sandbox.change({ op: 'addMember', corp, member: { userid: 'NewOne', name: '新人', mobile: NOBODY, status: 1 }, places: [{ department: 1 }] });
    const config = await readerConfig(stage, `redis: ${inject('redisUrl')}\nredis_prefix: "${ownPrefix()}"\n`);
    const { code, stdout, stderr } = await lookup(config, [NOBODY, '--live']);
    expect(stdout).toContain('新人');
    expect(stderr).toContain('not written');
    expect(code).toBe(77);
  });

  test.each([
    ['an older version', "writer_version = '99.4.1'", /99\.4\.1.*which is older/],
    ['another environment', "environment = 'SCHEDULE_ENV=production'", /written by the environment SCHEDULE_ENV=production; this is one without a gate/],
  ])('from %s shows the answer, says why it is not written, and ends with 77', async (_, written, why) => {
    const stage = await syncedStage();
    const { id: corp, name } = corpOf(stage.sandbox);
    stage.sandbox.change({ op: 'addMember', corp, member: { userid: 'NewOne', name: '新人', mobile: NOBODY, status: 1 }, places: [{ department: 1 }] });
    await tamper(stage, `UPDATE corps SET ${written}`);
    const { code, stdout, stderr } = await lookup(stage, [NOBODY, '--live']);
    expect(code).toBe(77);
    expect(stdout).toContain('新人');
    expect(stderr).toContain('not written');
    expect(stderr).toMatch(why);
    expect(stderr.split(name)).toHaveLength(2);
    expect(stderr).toMatch(/^ {2}fix: .*ORGSYNC_ALLOW_TAKEOVER=1/m);
    expect(await rowsOf(stage.storeUrl, "SELECT * FROM members WHERE userid = 'NewOne'")).toEqual([]);
  });
});

describe('lookup --file', () => {
  test('prints a line for each number, and sums up on stderr', async () => {
    const stage = await syncedStage();
    const { mobile, userid } = person(stage);
    const input = `${mobile}\r\n\n +86 ${mobile} \nhello\n${NOBODY}`;
    const file = join(stage.folder, 'numbers.txt');
    await writeFile(file, input);
    for (const ended of [await lookup(stage, ['--file', '-'], { input }), await lookup(stage, ['--file', file])]) {
      const lines = ended.stdout.trimEnd().split('\n');
      expect(lines).toHaveLength(4);
      expect(lines[0]).toMatch(new RegExp(`^\\+86${mobile} .*\\(${userid}\\)`));
      expect(lines[1]).toBe(lines[0]);
      expect(lines[2]).toContain('is not a phone number');
      expect(lines[3]).toMatch(/^\+8619900000000 +nobody$/);
      expect(ended.stderr).toBe('orgsync: 4 numbers: 2 found, 0 left, 1 nobody, 1 not phone numbers\n');
      expect(ended.code).toBe(64);
    }
  });

  test('prints NDJSON with --json, in order, one line for each number of thousands', async () => {
    const stage = await syncedStage();
    const known = [...corpOf(stage.sandbox).members.values()].flatMap(({ mobile }) => (mobile?.startsWith('1') === true ? [mobile] : []));
    const numbers = Array.from({ length: 2_500 }, (_, i) => (i % 50 === 0 ? (known[(i / 50) % known.length] ?? NOBODY) : `199${String(i).padStart(8, '0')}`));
    const { code, stdout } = await lookup(stage, ['--json', '--file', '-'], { input: numbers.join('\n') });
    const lines = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as { readonly phone: string; readonly matches: readonly unknown[] });
    expect(lines.map(({ phone }) => phone)).toEqual(numbers.map((number) => `+86${number}`));
    expect(lines.filter(({ matches }) => matches.length > 0)).toHaveLength(50);
    expect(code).toBe(1);
    expect(questions(stage)).toBe(0);
  });

  test('ends with 0 when every number has a member', async () => {
    const stage = await syncedStage();
    expect(await lookup(stage, ['--file', '-'], { input: person(stage).mobile })).toMatchObject({ code: 0 });
    expect(await lookup(stage, ['--file', '-'], { input: '' })).toMatchObject({ code: 0, stdout: '' });
  });
});

describe('ten thousand unknown numbers, asked live by eight processes at once', () => {
  const NUMBERS = Array.from({ length: 10_000 }, (_, i) => `1992${String(i).padStart(7, '0')}`);

  /** As many members as may be in it: then WeCom closes at 20 % of them. */
  async function tightStage(yaml = ''): Promise<Stage> {
    const stage = await syncedStage({ members: 200, yaml });
    const corp = corpOf(stage.sandbox);
    stage.sandbox.change({ op: 'setCorp', corp: corp.id, memberLimit: corp.members.size });
    return stage;
  }

  function isOpen({ sandbox }: Stage): boolean {
    return sandbox.limits.mayAskForNumber(corpOf(sandbox), 'user/getuserid', sandbox.now());
  }

  test.each(['the store', 'Redis'])('never close the corp, with the ration in %s', async (place) => {
    const stage = await tightStage(place === 'Redis' ? `redis: ${inject('redisUrl')}\nredis_prefix: "${ownPrefix()}"\n` : '');
    const input = NUMBERS.join('\n');
    const ended = await Promise.all(Array.from({ length: 8 }, async () => lookup(stage, ['--live', '--file', '-', '--json'], { input })));
    const corp = corpOf(stage.sandbox);
    const [{ n: members } = { n: 0 }] = await rowsOf(stage.storeUrl, 'SELECT member_count AS n FROM corps');
    expect(stage.sandbox.stats.corp(corp.id).misses).toBe(Math.floor(Number(members) / 10));
    expect(isOpen(stage)).toBe(true);
    for (const { code, stdout, stderr } of ended) {
      expect(code).toBe(1);
      expect(stdout.trimEnd().split('\n')).toHaveLength(10_000);
      expect(stderr).toContain('was not asked for');
    }
  });

  test('close it with the ration off', async () => {
    const stage = await tightStage('lookup: { max_wrong_share: 100% }\n');
    const input = NUMBERS.join('\n');
    const ended = await Promise.all(Array.from({ length: 8 }, async () => lookup(stage, ['--live', '--file', '-', '--json'], { input })));
    expect(isOpen(stage)).toBe(false);
    expect(ended.map(({ code }) => code)).toContain(75);
  });
});
