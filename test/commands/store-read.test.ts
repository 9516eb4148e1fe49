import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { type Ended, orgsync } from '../support/cli.ts';
import { execute, openDatabase } from '../support/database.ts';
import { corpOf } from '../support/sandbox.ts';
import { setStage, type Stage } from '../support/stage.ts';

const NOBODY = '19900000000';
const READER = 'reader-of-copies';

/** A stage with a first load, and a copy of its store that does not follow it: a replica that has stopped. */
interface Copied {
  readonly stage: Stage;
  /** The url of the copy, for an account that may only read. */
  readonly copy: string;
  readonly mobile: string;
  readonly name: string;
}

async function copied(): Promise<Copied> {
  const stage = await setStage({ engine: 'mariadb', members: 20 });
  expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
  const copy = await openDatabase();
  await copyAgain(stage, copy);
  await execute(copy, `CREATE USER IF NOT EXISTS \`${READER}\`@'%' IDENTIFIED BY 'pw'`);
  await execute(copy, `GRANT SELECT ON \`${databaseOf(copy)}\`.* TO \`${READER}\`@'%'`);
  const reader = new URL(copy);
  reader.username = READER;
  reader.password = 'pw';
  await appendFile(stage.configPath, `store_read: ${reader.href}\n`);
  const member = [...corpOf(stage.sandbox).members.values()].find(({ mobile, status, places }) => mobile?.startsWith('1') === true && status !== 5 && places.length > 0);
  return { stage, copy, mobile: member?.mobile ?? '', name: member?.name ?? '' };
}

async function copyAgain({ storeUrl }: Stage, copy: string): Promise<void> {
  const [from, to] = [databaseOf(storeUrl), databaseOf(copy)];
  for (const { name } of await execute(storeUrl, 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()')) {
    await execute(copy, `DROP TABLE IF EXISTS ${to}.${String(name)}`);
    await execute(copy, `CREATE TABLE ${to}.${String(name)} LIKE ${from}.${String(name)}`);
    await execute(copy, `INSERT INTO ${to}.${String(name)} SELECT * FROM ${from}.${String(name)}`);
  }
}

function databaseOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

/** Lets the copy miss a run that began two hours ago. */
async function fallBehind({ stage }: Copied): Promise<void> {
  stage.sandbox.churn({ seed: 1, departmentRemove: 0 });
  expect(await stage.sync({ allowDepartures: true })).toMatchObject({ outcome: 'ok' });
  await execute(stage.storeUrl, 'UPDATE runs SET started_at = UTC_TIMESTAMP(3) - INTERVAL 2 HOUR ORDER BY id DESC LIMIT 1');
}

async function ask({ stage: { configPath } }: Copied, ...args: readonly string[]): Promise<Ended> {
  return await orgsync(['--config', configPath, ...args]);
}

async function replace({ stage: { configPath } }: Copied, key: string, url: string): Promise<void> {
  const yaml = await readFile(configPath, 'utf8');
  await writeFile(configPath, yaml.replace(new RegExp(`^${key}: .*$`, 'm'), `${key}: ${url}`));
}

const DOWN = 'mysql://nobody:pw@127.0.0.1:1/orgsync';
const BEHIND = 'store_read is behind: it lacks what the store has had for 2h';

describe('store_read', () => {
  test('answers lookup, status, changes and report, with SELECT alone, and is not mentioned while it lacks nothing', async () => {
    const scene = await copied();
    const { stage, copy, mobile } = scene;
    // Nothing but the copy says this.
    await execute(copy, "UPDATE members SET name = 'COPIED'");
    const found = await ask(scene, 'lookup', mobile, '--json');
    expect(found).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(found.stdout)).toMatchObject({ source: 'store', matches: [{ name: 'COPIED' }] });
    expect(found.stdout).not.toContain('store_read');
    expect(await ask(scene, 'lookup', mobile)).toMatchObject({ code: 0, stdout: expect.not.stringContaining('store_read') as string, stderr: '' });
    const status = await ask(scene, 'status', '--json');
    expect([status.code, status.stderr, JSON.parse(status.stdout)]).toMatchObject([0, '', { status: 'ok' }]);
    await execute(stage.storeUrl, "UPDATE changes SET new_values = JSON_SET(new_values, '$.name', 'STORED')");
    const changes = await ask(scene, 'changes', '--json', '--limit', '100000');
    expect(changes).toMatchObject({ code: 0, stderr: '', stdout: expect.not.stringContaining('STORED') as string });
    expect(await ask(scene, 'report', '--out', join(stage.folder, 'report.html'))).toMatchObject({ code: 0, stderr: '' });
    expect(await readFile(join(stage.folder, 'report.html'), 'utf8')).not.toContain('STORED');
  });

  test('that is behind says by how much, in text and JSON; a lookup with --live uses the store', async () => {
    const scene = await copied();
    const { stage } = scene;
    await fallBehind(scene);
    const found = await ask(scene, 'lookup', NOBODY, '--json');
    expect(found).toMatchObject({ code: 1, stderr: '' });
    const { store_read: told } = JSON.parse(found.stdout) as { store_read: { behind_seconds: number } };
    expect(told).toMatchObject({ state: 'behind', error: null });
    expect(Math.abs(told.behind_seconds - 7_200)).toBeLessThan(120);
    expect(await ask(scene, 'lookup', NOBODY)).toMatchObject({ code: 1, stdout: expect.stringMatching(new RegExp(`^no current member has .*\n${BEHIND}[^\n]*\n$`)) as string, stderr: '' });
    for (const command of [['changes'], ['report', '--out', join(stage.folder, 'report.html')]]) {
      expect(await ask(scene, ...command)).toMatchObject({ code: 0, stderr: expect.stringContaining(BEHIND) as string });
    }
    const status = await ask(scene, 'status');
    expect(status).toMatchObject({ code: 1, stdout: expect.stringContaining(BEHIND) as string });
    const batch = await orgsync(['--config', stage.configPath, 'lookup', '--file', '-', '--json'], { input: `${NOBODY}\n` });
    expect([JSON.parse(batch.stdout), batch.stderr]).toMatchObject([{ store_read: { state: 'behind' } }, expect.stringContaining(BEHIND)]);

    const present = [...corpOf(stage.sandbox).members.values()].find(({ mobile, status: state, places }) => mobile?.startsWith('1') === true && state !== 5 && places.length > 0);
    const live = await ask(scene, 'lookup', present?.mobile ?? '', '--live', '--json');
    expect([live.code, live.stderr]).toEqual([0, '']);
    expect(live.stdout).not.toContain('store_read');

    expect(await ask(scene, 'doctor')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ok {4}store_read: store reachable: [^]*^warn {2}store_read has what the store has: it lacks what the store has had for 2h.*\n {6}fix: /m) as string });
  });

  test('that is too old leaves numbers unknown, as a store that is', async () => {
    const scene = await copied();
    await execute(scene.copy, "UPDATE corps SET last_success_at = '2026-01-02 03:04:05.000'");
    const found = await ask(scene, 'lookup', NOBODY, '--json');
    expect([found.code, JSON.parse(found.stdout)]).toMatchObject([2, { unknown: [{ why: 'stale', last_success_at: '2026-01-02T03:04:05.000Z' }] }]);
  });

  test('that cannot be used is replaced by the store, which is told; doctor fails', async () => {
    const scene = await copied();
    await replace(scene, 'store_read', DOWN);
    const found = await ask(scene, 'lookup', scene.mobile, '--json');
    expect([found.code, JSON.parse(found.stdout)]).toMatchObject([0, { matches: [{ name: scene.name }], store_read: { state: 'unusable', behind_seconds: null, error: { code: 'store_unreachable' } } }]);
    expect(await ask(scene, 'lookup', scene.mobile)).toMatchObject({ code: 0, stdout: expect.stringMatching(/the store answers, because store_read cannot be used: .*127\.0\.0\.1:1/) as string });
    expect(await ask(scene, 'status')).toMatchObject({ code: 1 });
    expect(await ask(scene, 'changes')).toMatchObject({ code: 0, stderr: expect.stringContaining('the store answers') as string });
    expect(await ask(scene, 'doctor')).toMatchObject({ code: 69, stdout: expect.stringMatching(/^FAIL {2}store_read: store reachable: .*\n {6}fix: .*`store_read:`/m) as string });
  });

  test('answers while the store is down, also which corps there are, and says that nobody knows how old it is', async () => {
    const scene = await copied();
    const { stage } = scene;
    const { id, name } = corpOf(stage.sandbox);
    await execute(scene.copy, 'CREATE TABLE enterprises (id VARCHAR(64), name VARCHAR(64), secret VARCHAR(64))');
    await execute(scene.copy, 'INSERT INTO enterprises VALUES (?, ?, ?)', [id, name, 'a-secret-of-43-characters-is-not-needed-now']);
    const yaml = (await readFile(stage.configPath, 'utf8')).replace(/^corps:\n(?: .*\n)+/m, 'corps: { query: "SELECT id, name, secret FROM enterprises" }\n');
    await writeFile(stage.configPath, yaml);
    await replace(scene, 'store', DOWN);
    const found = await ask(scene, 'lookup', scene.mobile, '--json');
    expect([found.code, JSON.parse(found.stdout)]).toMatchObject([0, { matches: [{ name: scene.name, configured: true }], store_read: { state: 'unmeasured', error: { code: 'store_unreachable' } } }]);
    expect(await ask(scene, 'status')).toMatchObject({ code: 1, stdout: expect.stringContaining('how far it is behind is not known') as string });
    expect(await ask(scene, 'changes')).toMatchObject({ code: 0, stderr: expect.stringContaining('not known') as string });
    expect(await ask(scene, 'lookup', scene.mobile, '--live')).toMatchObject({ code: 69 });
    await replace(scene, 'store_read', DOWN.replace('127.0.0.1:1', '127.0.0.1:2'));
    expect(await ask(scene, 'lookup', scene.mobile)).toMatchObject({ code: 69, stdout: '', stderr: expect.stringMatching(/127\.0\.0\.1:1.*nor can store_read be used: .*127\.0\.0\.1:2/) as string });
  });

  test('that is no copy of the store is told as such', async () => {
    const scene = await copied();
    await execute(scene.copy, "UPDATE runs SET nonce = 'another'");
    expect(await ask(scene, 'lookup', NOBODY)).toMatchObject({ code: 1, stdout: expect.stringContaining('store_read is no copy of the store') as string });
    expect(await ask(scene, 'doctor')).toMatchObject({ code: 78, stdout: expect.stringMatching(/^FAIL {2}store_read has what the store has: its newest run is not in the store/m) as string });
  });

  test('lacks a run, the end of one, or a live lookup, and is current again when it has them', async () => {
    const scene = await copied();
    const { stage, copy } = scene;
    const state = async (): Promise<unknown> => (JSON.parse((await ask(scene, 'lookup', NOBODY, '--json')).stdout) as { store_read?: { state: string } }).store_read?.state;
    await fallBehind(scene);
    await copyAgain(stage, copy);
    expect(await state()).toBeUndefined();
    await execute(copy, "UPDATE runs SET finished_at = NULL, outcome = 'interrupted' ORDER BY id DESC LIMIT 1");
    await execute(stage.storeUrl, 'UPDATE runs SET finished_at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR ORDER BY id DESC LIMIT 1');
    expect(await state()).toBe('behind');
    await copyAgain(stage, copy);
    await execute(copy, 'DELETE FROM changes ORDER BY id DESC LIMIT 1');
    await execute(stage.storeUrl, 'UPDATE changes SET at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR ORDER BY id DESC LIMIT 1');
    expect(await state()).toBe('behind');
  });
});

test('a configuration with store_read and an SQLite store is refused', async () => {
  const stage = await setStage();
  await appendFile(stage.configPath, `store_read: ${inject('mysqlUrl')}/orgsync\n`);
  expect(await orgsync(['--config', stage.configPath, 'lookup', NOBODY])).toMatchObject({ code: 78, stderr: expect.stringContaining('only a MySQL store has replicas') as string });
});
