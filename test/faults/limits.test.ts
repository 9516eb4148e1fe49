import { describe, expect, test } from 'vitest';
import { orgsync } from '../support/cli.ts';
import { expectRecovery, organisationOf, tamper } from '../support/recovery.ts';
import { corpOf } from '../support/sandbox.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

function dismiss({ sandbox }: Stage, many: number, nth = 1): void {
  const { id, members } = corpOf(sandbox, nth);
  for (const { userid } of [...members.values()].filter(({ status }) => status !== 5).slice(0, many)) sandbox.change({ op: 'removeMember', corp: id, userid });
}

function removeDepartments({ sandbox }: Stage, many: number): void {
  const corp = corpOf(sandbox);
  const leaves = (): readonly number[] => [...corp.departmentIds].filter((id) => id !== 1 && ![...corp.departments.values()].some(({ parentid }) => parentid === id));
  for (let n = 0; n < many; n += 1) {
    const [leaf = 0] = leaves();
    for (const { userid } of corp.members.values()) sandbox.change({ op: 'moveMember', corp: corp.id, userid, places: [{ department: 1, order: 0, leader: false }] });
    sandbox.change({ op: 'removeDepartment', corp: corp.id, id: leaf });
  }
}

function loseMobiles({ sandbox }: Stage): void {
  const { id, members } = corpOf(sandbox);
  for (const { userid } of members.values()) sandbox.change({ op: 'updateMember', corp: id, userid, fields: { mobile: '' } });
}

function loseBusinessMail({ sandbox }: Stage): void {
  const { id, members } = corpOf(sandbox);
  for (const { userid, biz_mail: mail } of members.values()) if (mail !== '') sandbox.change({ op: 'updateMember', corp: id, userid, fields: { biz_mail: '' } });
}

function shareBusinessMail({ sandbox }: Stage, holders: number): void {
  const { id, members } = corpOf(sandbox);
  const present = [...members.values()].filter(({ status }) => status !== 5);
  for (const { userid } of present.slice(holders)) sandbox.change({ op: 'updateMember', corp: id, userid, fields: { biz_mail: '' } });
}

describe.each(ENGINES)('on %s, a disaster is not written, though WeCom says it, and is once it is allowed by hand:', (engine) => {
  test.each<[string, string, (stage: Stage) => void, RegExp]>([
    ['too many departures, as a share', '', (stage) => dismiss(stage, 10), /10 of \d+ members would depart, at most \d+ may/],
    ['too many departures, as a count', 'safety: { max_departures: 4 }\n', (stage) => dismiss(stage, 5), /5 of \d+ members would depart, at most 4 may/],
    ['too many departments removed', '', (stage) => removeDepartments(stage, 5), /5 of \d+ departments would be removed/],
    ['a whole field lost', '', loseMobiles, /had a value for mobile, and WeCom now shows it for nobody/],
    ['a field lost that few ever had', '', loseBusinessMail, /24 members had a value for bizMail, and WeCom now shows it for nobody/],
  ])('%s', async (_, yaml, spoil, reason) => {
    const stage = await setStage({ engine, members: 60, departments: 12, yaml });
    shareBusinessMail(stage, 24);
    await stage.sync();
    const before = await organisationOf(stage);
    spoil(stage);
    for (const attempt of [1, 2]) {
      const report = await stage.sync();
      expect([attempt, report.outcome, report.exitCode, report.corps[0]?.error?.message]).toEqual([attempt, 'held_back', 3, expect.stringMatching(reason)]);
      expect(await organisationOf(stage)).toEqual(before);
    }
    expect(await stage.sync({ allowDepartures: true })).toMatchObject({ outcome: 'ok' });
    await expectRecovery(stage);
  });
});

test('fewer members than safety.min_members are not believed, not even by hand', async () => {
  const stage = await setStage({ members: 10, departments: 3, yaml: 'safety: { min_members: 5, max_departures: 100% }\n' });
  await stage.sync();
  const before = await organisationOf(stage);
  dismiss(stage, 7);
  for (const allowDepartures of [false, true]) expect(await stage.sync({ allowDepartures })).toMatchObject({ outcome: 'held_back', exitCode: 3 });
  expect(await organisationOf(stage)).toEqual(before);
});

test('three of ten people leave a small corp without anybody being asked', async () => {
  const stage = await setStage({ members: 10, departments: 3 });
  await stage.sync();
  dismiss(stage, 3);
  await expectRecovery(stage);
});

test('leave given once is given for that run only', async () => {
  const stage = await setStage({ members: 60, departments: 5 });
  await stage.sync();
  dismiss(stage, 10);
  expect(await stage.sync({ allowDepartures: true })).toMatchObject({ outcome: 'ok', corps: [{ counts: { departed: 10 } }] });
  dismiss(stage, 10);
  expect(await stage.sync()).toMatchObject({ outcome: 'held_back' });
});

test('a corp that is held back leaves the others to their work', async () => {
  const stage = await setStage({ corps: 3, members: 60, departments: 5 });
  await stage.sync();
  dismiss(stage, 10, 2);
  dismiss(stage, 2, 3);
  expect(await stage.sync()).toMatchObject({ exitCode: 3, corps: [{ outcome: 'ok' }, { outcome: 'held_back' }, { outcome: 'ok', counts: { departed: 2 } }] });
});

describe('a program that is not the one that should write is refused with 77, both names and the way out:', () => {
  const run = (stage: Stage, env: Readonly<Record<string, string>> = {}) => orgsync(['--config', stage.configPath, 'run'], { env });

  test('an old version', async () => {
    const stage = await setStage({ members: 10, departments: 3 });
    await stage.sync();
    stage.sandbox.churn({ seed: 1, departmentRemove: 0, leave: 1 });
    await tamper(stage, "UPDATE corps SET writer_version = '99.4.1'");
    const before = await organisationOf(stage);
    const refused = await run(stage);
    expect(refused).toMatchObject({ code: 77, stdout: '', stderr: expect.stringMatching(/99\.4\.1[^]*\d+\.\d+\.\d+, which is older[^]*ORGSYNC_ALLOW_TAKEOVER=1/) as string });
    expect(await organisationOf(stage)).toEqual(before);
    expect(await run(stage, { ORGSYNC_ALLOW_TAKEOVER: '1' })).toMatchObject({ code: 0, stderr: '' });
    await expectRecovery(stage);
  });

  test('another environment', async () => {
    const stage = await setStage({ members: 10, departments: 3, yaml: 'gate: { SCHEDULE_ENV: [production, pre-production] }\n' });
    expect(await run(stage, { SCHEDULE_ENV: 'production' })).toMatchObject({ code: 0 });
    await tamper(stage, "UPDATE corps SET environment = 'SCHEDULE_ENV=staging'");
    const before = await organisationOf(stage);
    const refused = await run(stage, { SCHEDULE_ENV: 'pre-production' });
    expect(refused).toMatchObject({ code: 77, stdout: '', stderr: expect.stringMatching(/SCHEDULE_ENV=staging[^]*SCHEDULE_ENV=pre-production[^]*ORGSYNC_ALLOW_TAKEOVER=1/) as string });
    expect(await organisationOf(stage)).toEqual(before);
    expect(await run(stage, { SCHEDULE_ENV: 'pre-production', ORGSYNC_ALLOW_TAKEOVER: '1' })).toMatchObject({ code: 0, stderr: '' });
    expect(await run(stage, { SCHEDULE_ENV: 'pre-production' })).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('a gate', () => {
  const run = (stage: Stage, env: Readonly<Record<string, string>>, ...args: readonly string[]) => orgsync(['--config', stage.configPath, 'run', ...args], { env });

  test('that was passed by hand once is passed by production ever after', async () => {
    const stage = await setStage({ members: 10, departments: 3, yaml: 'gate: { SCHEDULE_ENV: production }\n' });
    expect(await run(stage, { SCHEDULE_ENV: 'production' })).toMatchObject({ code: 0, stderr: '' });
    expect(await run(stage, {}, '--ignore-gate')).toMatchObject({ code: 0, stderr: '' });
    expect(await run(stage, { SCHEDULE_ENV: 'production' })).toMatchObject({ code: 0, stderr: '' });
  });

  test.each(ENGINES)('may ask for any value, on %s', async (engine) => {
    const wanted = { REGION: 'eu,us', SITE: `${'北'.repeat(150)}"`, ZONE: 'z'.repeat(300) };
    const stage = await setStage({ engine, members: 10, departments: 3, yaml: `gate: ${JSON.stringify(wanted)}\n` });
    for (const attempt of [1, 2]) expect([attempt, await run(stage, wanted)]).toMatchObject([attempt, { code: 0, stderr: '' }]);
  });
});
