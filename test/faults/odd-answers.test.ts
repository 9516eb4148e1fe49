import { describe, expect, test } from 'vitest';
import { orgsync } from '../support/cli.ts';
import { expectRecovery, expectTruth, organisationOf } from '../support/recovery.ts';
import { ask, corpOf, tokenFor } from '../support/sandbox.ts';
import { ENGINES, type EngineName, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';

/** A whole answer may take six times as long as WeCom may be silent. */
const IMPATIENT = '  rate: 500\n  rate_address: 1000\n  concurrency: 10\n  timeout: 300ms\n  retries: 1\n';
const UNCHANGED = { joined: 0, departed: 0, changed: 0, departmentsChanged: 0 };

async function setSmall(engine: EngineName = 'sqlite', departments = 4): Promise<Stage> {
  const stage = await setStage({ engine, members: 20, departments, wecom: IMPATIENT });
  await stage.sync();
  return stage;
}

/** From now on WeCom says that these departments hang under those. */
async function hangUnder({ sandbox }: Stage, parents: Readonly<Record<number, number>>): Promise<void> {
  const corp = corpOf(sandbox);
  const access_token = await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, 'app_pre2022'));
  const { json } = await ask(sandbox.url, 'department/list', { access_token });
  const department = (json['department'] as { id: number }[]).map((listed) => ({ ...listed, ...(listed.id in parents && { parentid: parents[listed.id] }) }));
  sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: { kind: 'patch', set: { department } } });
}

describe('an answer that comes in drops', () => {
  test('is taken when it is whole in time', async () => {
    const stage = await setSmall();
    stage.sandbox.churn({ seed: 2, leave: 1, departmentRemove: 0 });
    const dripping = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, effect: { kind: 'drip', chunks: 8, everyMs: 100 } });
    expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
    expect(dripping.fired).toBeGreaterThan(0);
    await expectTruth(stage);
  });

  test('is given up when it takes too long, though it never falls silent, and nobody departs', async () => {
    const stage = await setSmall();
    const before = await organisationOf(stage);
    stage.sandbox.faults.add({ match: { endpoint: 'user/list', department: 2 }, effect: { kind: 'drip', chunks: 60, everyMs: 100 } });
    expect(await stage.sync()).toMatchObject({ outcome: 'failed', corps: [{ counts: UNCHANGED }] });
    expect(await organisationOf(stage)).toEqual(before);
    await expectRecovery(stage);
  });
});

test.each(ENGINES)('a department answered with the members of another one dismisses nobody: %s', async (engine) => {
  const stage = await setSmall(engine);
  const corp = corpOf(stage.sandbox);
  const access_token = await tokenFor(stage.sandbox.url, corp, stage.sandbox.world.secret(corp, 'app_pre2022'));
  for (const [department, other] of [[1, 2], [2, 1], [3, 2]] as const) {
    const { text } = await ask(stage.sandbox.url, 'user/list', { access_token, department_id: other });
    const rule = stage.sandbox.faults.add({ match: { endpoint: 'user/list', department }, effect: { kind: 'body', body: text } });
    expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: UNCHANGED }] });
    expect(rule.fired).toBe(1);
    rule.remove();
    await expectTruth(stage);
  }
});

describe.each(ENGINES)('departments as nobody expects them are stored as they are, and dismiss nobody, on %s:', (engine) => {
  test.each<[string, Readonly<Record<number, number>>]>([
    ['two that hang under each other', { 2: 3, 3: 2 }],
    ['one that hangs under itself', { 2: 2 }],
    ['a root that hangs under its own child', { 1: 2 }],
  ])('%s', async (_, parents) => {
    const stage = await setSmall(engine);
    const { id, members } = corpOf(stage.sandbox);
    const inside = [...members.values()].find(({ status, mobile }) => status === 1 && (mobile ?? '') !== '');
    stage.sandbox.change({ op: 'moveMember', corp: id, userid: inside?.userid ?? '', places: Object.keys(parents).map((department) => ({ department: Number(department), order: 0, leader: false })) });
    await hangUnder(stage, parents);
    expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: { departed: 0, departmentsChanged: Object.keys(parents).length } }] });
    const stored = await rowsOf(stage.storeUrl, 'SELECT id, parent_id FROM departments');
    expect(Object.fromEntries(stored.map((row) => [Number(row['id']), Number(row['parent_id'])]))).toMatchObject(parents);
    expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: UNCHANGED }] });
    expect(await orgsync(['--config', stage.configPath, 'lookup', inside?.mobile ?? ''])).toMatchObject({ code: 0, stderr: '' });
    await expectRecovery(stage);
  });

  test('a root that has got a root above it', async () => {
    const stage = await setSmall(engine);
    const { id } = corpOf(stage.sandbox);
    stage.sandbox.change({ op: 'addDepartment', corp: id, department: { id: 900, name: '集团', parentid: 0 } }, { op: 'updateDepartment', corp: id, id: 1, fields: { parentid: 900 } });
    expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: { departed: 0 } }] });
    await expectRecovery(stage);
  });

  test('all but the root under new ids, which is held back', async () => {
    const stage = await setSmall(engine, 12);
    const before = await organisationOf(stage);
    const corp = corpOf(stage.sandbox);
    for (const old of [...corp.departments.values()].filter(({ parentid }) => parentid !== 0)) {
      const anew = old.id + 1_000;
      stage.sandbox.change({ op: 'addDepartment', corp: corp.id, department: { id: anew, name: old.name, parentid: 1 } });
      for (const { userid, places } of corp.members.values()) {
        if (places.some(({ department }) => department === old.id)) stage.sandbox.change({ op: 'moveMember', corp: corp.id, userid, places: [{ department: anew, order: 0, leader: false }] });
      }
      stage.sandbox.change({ op: 'removeDepartment', corp: corp.id, id: old.id });
    }
    expect(await stage.sync()).toMatchObject({ outcome: 'held_back', exitCode: 3 });
    expect(await organisationOf(stage)).toEqual(before);
    expect(await stage.sync({ allowDepartures: true })).toMatchObject({ outcome: 'ok', corps: [{ counts: { departed: 0 } }] });
    await expectRecovery(stage);
  });
});
