import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { Secret } from '../../src/core/secret.ts';
import { openLink } from '../../src/redis/connect.ts';
import { orgsync } from '../support/cli.ts';
import { execute } from '../support/database.ts';
import { describeWith } from '../support/programs.ts';
import { tamper } from '../support/recovery.ts';
import { ownPrefix } from '../support/redis.ts';
import { freePort } from '../support/server-process.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';
import { typeTo } from '../support/typing.ts';

/** A corp that 'ana.lopez' has joined and, unless told otherwise, left. */
async function stageADeparture(engine: (typeof ENGINES)[number] = 'sqlite', departs = true, yaml = ''): Promise<Stage & { readonly corp: string }> {
  const stage = await setStage({ engine, members: 5, departments: 3, yaml });
  const [corp = ''] = [...stage.sandbox.world.corps.keys()];
  stage.sandbox.change({ op: 'addMember', corp, member: { userid: 'ana.lopez', name: '安娜', mobile: '13800138000' }, places: [{ department: 2 }] });
  await stage.sync();
  if (departs) stage.sandbox.change({ op: 'removeMember', corp, userid: 'ana.lopez' });
  await stage.sync();
  return { ...stage, corp };
}

describe.each(ENGINES)('orgsync forget on %s', (engine) => {
  test('leaves no trace of a departed person in the store, and later runs bring none back', async () => {
    const stage = await stageADeparture(engine);
    expect(await traces(stage)).toBe(true);
    const { code, stdout } = await forget(stage, '13800138000', '--yes');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^erased ana\.lopez of .*: 1 member, 0 memberships, 2 changes, 0 mentions/u);
    expect((await stage.sync()).outcome).toBe('ok');
    expect(await traces(stage)).toBe(false);
    const { stored, source } = await stage.organisations();
    expect(stored).toEqual(source);
  });
});

test.each(ENGINES)('leaves no trace in whom they led: members who left, departments that are gone, and those who are there, on %s', async (engine) => {
  const stage = await stageADeparture(engine, false);
  const { corp, sandbox } = stage;
  const names = ['left.one', 'still.here'];
  for (const [index, userid] of names.entries()) sandbox.change({ op: 'addMember', corp, member: { userid, name: userid, mobile: `1380013801${index}`, direct_leader: ['ana.lopez'] }, places: [{ department: 2 }] });
  for (const id of [901, 902]) sandbox.change({ op: 'addDepartment', corp, department: { id, name: `Unit ${id}`, parentid: 1, order: 1, department_leader: ['ana.lopez'] } });
  await stage.sync();
  sandbox.change({ op: 'removeMember', corp, userid: 'left.one' });
  sandbox.change({ op: 'removeDepartment', corp, id: 901 });
  await stage.sync();
  sandbox.change({ op: 'removeMember', corp, userid: 'ana.lopez' });
  await stage.sync();
  // As a run leaves it where WeCom tells nothing of leaders any more.
  await tamper(stage, `UPDATE members SET direct_leaders = '["ana.lopez"]' WHERE userid = 'still.here'`);
  await tamper(stage, `UPDATE departments SET leaders = '["ana.lopez"]' WHERE id = 902`);
  const { code, stdout } = await forget(stage, 'ana.lopez', '--yes');
  expect(code).toBe(0);
  expect(stdout).toMatch(/ [1-9]\d* mentions elsewhere$/mu);
  expect(await traces(stage)).toBe(false);
  expect((await stage.sync()).outcome).toBe('ok');
  expect(await traces(stage)).toBe(false);
  const { stored, source } = await stage.organisations();
  expect(stored).toEqual(source);
});

test('leaves no trace among the wrong numbers that Redis remembers, or, where Redis is gone, none erased', async () => {
  const prefix = ownPrefix();
  const stage = await stageADeparture('sqlite', true, `redis: ${inject('redisUrl')}\nredis_prefix: "${prefix}"\n`);
  expect(await orgsync(['lookup', '-c', stage.configPath, '13800138000', '--live'])).toMatchObject({ code: 1 });
  const redis = openLink({ url: new Secret(inject('redisUrl')), clock: systemClock });
  onTestFinished(() => redis.close());
  expect(await redis.call('KEYS', `${prefix}wrong:*`)).toHaveLength(1);
  const config = await readFile(stage.configPath, 'utf8');
  await writeFile(stage.configPath, config.replace(/^redis: .*/mu, `redis: redis://127.0.0.1:${await freePort()}/0`));
  expect(await forget(stage, '13800138000', '--yes')).toMatchObject({ code: 69, stdout: '' });
  expect(await traces(stage)).toBe(true);
  await writeFile(stage.configPath, config);
  expect(await forget(stage, '13800138000', '--yes')).toMatchObject({ code: 0 });
  expect(await redis.call('KEYS', `${prefix}wrong:*`)).toEqual([]);
});

test('needs no more rights than its decision note lists', async () => {
  const stage = await stageADeparture('mariadb');
  const user = `eraser${process.pid}${Math.floor(performance.now())}`;
  const database = new URL(stage.storeUrl).pathname.slice(1);
  await execute(stage.storeUrl, `CREATE USER '${user}'@'%' IDENTIFIED BY 'x'`);
  await execute(stage.storeUrl, `GRANT SELECT ON ${database}.* TO '${user}'@'%'`);
  for (const table of ['corps', 'changes']) await execute(stage.storeUrl, `GRANT UPDATE ON ${database}.${table} TO '${user}'@'%'`);
  await execute(stage.storeUrl, `GRANT UPDATE (direct_leaders, digest) ON ${database}.members TO '${user}'@'%'`);
  await execute(stage.storeUrl, `GRANT UPDATE (leaders) ON ${database}.departments TO '${user}'@'%'`);
  for (const table of ['members', 'memberships', 'changes', 'wrong_numbers']) await execute(stage.storeUrl, `GRANT DELETE ON ${database}.${table} TO '${user}'@'%'`);
  const url = new URL(stage.storeUrl);
  [url.username, url.password] = [user, 'x'];
  await writeFile(stage.configPath, (await readFile(stage.configPath, 'utf8')).replace(/^store: .*/mu, `store: ${url.href}`));
  await execute(stage.storeUrl, `UPDATE members SET direct_leaders = '["ana.lopez"]'`);
  await execute(stage.storeUrl, `UPDATE departments SET leaders = '["ana.lopez"]'`);
  expect(await forget(stage, 'ana.lopez', '--yes')).toMatchObject({ code: 0 });
  expect(await traces(stage)).toBe(false);
  await execute(stage.storeUrl, `DROP USER '${user}'@'%'`);
});

describeWith(['script'], 'orgsync forget on a terminal', () => {
  test.each([['n\n'], ['\n'], ['\u0004']])('erases nobody when the answer is %j', async (typed) => {
    const stage = await stageADeparture();
    const { code, screen } = await typeTo(['forget', 'ana.lopez', '-c', stage.configPath], () => typed);
    expect(screen).toContain('安娜 (ana.lopez) of ');
    expect(screen).toContain('Erase this person for good? [y/N]');
    expect(screen).toContain('nobody was erased');
    expect(code).toBe(0);
    expect(await traces(stage)).toBe(true);
  });

  test('erases when the answer is yes', async () => {
    const stage = await stageADeparture();
    const { code } = await typeTo(['forget', 'ana.lopez', '-c', stage.configPath], () => 'y\n');
    expect(code).toBe(0);
    expect(await traces(stage)).toBe(false);
  });

  test('erases nobody when it is interrupted instead', async () => {
    const stage = await stageADeparture();
    const { code } = await typeTo(['forget', 'ana.lopez', '-c', stage.configPath], () => '\u0003');
    expect(code).toBe(130);
    expect(await traces(stage)).toBe(true);
  });
});

test('refuses somebody who is still a member, whom the next run would store again, unless insisted on', async () => {
  const stage = await stageADeparture('sqlite', false);
  const refused = await forget(stage, 'ana.lopez', '--yes');
  expect(refused.code).toBe(64);
  expect(refused.stderr).toContain('--current');
  expect(await traces(stage)).toBe(true);
  const insisted = await forget(stage, 'ana.lopez', '--yes', '--current', '--json');
  expect(insisted.code).toBe(0);
  expect(JSON.parse(insisted.stdout)).toEqual({ forgotten: [{ corp_id: stage.corp, userid: 'ana.lopez', members: 1, memberships: 1, changes: 1, mentions: 0 }] });
  const [row] = await rowsOf(stage.storeUrl, 'SELECT member_count FROM corps');
  expect(Number(row?.['member_count'])).toBe(5);
  await stage.sync();
  const { stored, source } = await stage.organisations();
  expect(stored).toEqual(source);
});

test('erases nobody without being told to where nobody can be asked', async () => {
  const stage = await stageADeparture();
  expect(await forget(stage, 'ana.lopez')).toMatchObject({ code: 64, stdout: '' });
  expect(await traces(stage)).toBe(true);
});

test('ends with 1 when nobody is known by this, and 77 where the store is read-only', async () => {
  const stage = await stageADeparture();
  expect(await forget(stage, 'nobody', '--yes')).toMatchObject({ code: 1, stdout: '' });
  await writeFile(stage.configPath, `${await readFile(stage.configPath, 'utf8')}read_only: true\n`);
  expect(await forget(stage, 'ana.lopez', '--yes')).toMatchObject({ code: 77, stdout: '' });
  expect(await traces(stage)).toBe(true);
});

async function forget(stage: Stage, ...args: readonly string[]): ReturnType<typeof orgsync> {
  return await orgsync(['forget', '-c', stage.configPath, ...args]);
}

async function traces({ storeUrl }: Stage): Promise<boolean> {
  const tables = ['members', 'memberships', 'changes', 'wrong_numbers', 'departments', 'runs'];
  const rows = await Promise.all(tables.map((table) => rowsOf(storeUrl, `SELECT * FROM ${table}`)));
  return /ana\.lopez|安娜|13800138000/iu.test(JSON.stringify(rows));
}
