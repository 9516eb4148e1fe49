import { describe, expect, test } from 'vitest';
import { expectTruth, tamper } from '../support/recovery.ts';
import { corpOf } from '../support/sandbox.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

/** The store equals the source; its history need not, for whoever writes by hand writes none. */
async function expectEqual(stage: Stage): Promise<void> {
  const { stored, source } = await stage.organisations();
  expect(stored).toEqual(source);
}

describe.each(ENGINES)('what somebody did to the tables between two runs, on %s,', (engine) => {
  const setSmall = async (): Promise<Stage> => {
    const stage = await setStage({ engine, members: 8, departments: 3 });
    await stage.sync();
    return stage;
  };

  test.each([
    ['members deleted', 'DELETE FROM members'],
    ['members dismissed', "UPDATE members SET departed_at = '2026-01-01 00:00:00.000'"],
    ['a member invented', "INSERT INTO members (corp_id, userid, name, created_at, updated_at) SELECT corp_id, 'nobody', 'x', created_at, updated_at FROM members LIMIT 1"],
    ['departments renamed', "UPDATE departments SET name = 'by hand'"],
    ['departments deleted', 'DELETE FROM departments'],
    ['the corp forgotten', 'DELETE FROM corps'],
    ['runs forgotten', 'DELETE FROM runs'],
  ])('the next run repairs: %s', async (_, sql) => {
    const stage = await setSmall();
    await tamper(stage, sql);
    expect(await stage.sync({ allowDepartures: true })).toMatchObject({ outcome: 'ok' });
    await expectEqual(stage);
  });

  test.each([
    ['values of members', "UPDATE members SET name = 'by hand', mobile = '1'"],
    ['memberships', 'DELETE FROM memberships'],
  ])('the next run sees once the digests are emptied: %s', async (_, sql) => {
    const stage = await setSmall();
    await tamper(stage, sql);
    expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: { changed: 0 } }] });
    await tamper(stage, 'UPDATE members SET digest = NULL');
    expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: { changed: corpOf(stage.sandbox).members.size } }] });
    await expectEqual(stage);
  });

  test('a member entered by hand who joins at WeCom is one member, whatever the case of the userid', async () => {
    const stage = await setSmall();
    await tamper(stage, "INSERT INTO members (corp_id, userid, name, created_at, updated_at) SELECT corp_id, 'NEWCOMER', 'x', created_at, updated_at FROM members LIMIT 1");
    const { id } = corpOf(stage.sandbox);
    stage.sandbox.change({ op: 'addMember', corp: id, member: { userid: 'newcomer', name: '新人', status: 1 }, places: [{ department: 1, order: 0, leader: false }] });
    expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
    await expectEqual(stage);
  });

  test('a department and a userid that WeCom gives to somebody else are told as such', async () => {
    const stage = await setSmall();
    const { id } = corpOf(stage.sandbox);
    const place = [{ department: 900, order: 0, leader: false }];
    const give = (name: string): void => {
      stage.sandbox.change({ op: 'addDepartment', corp: id, department: { id: 900, name, parentid: 1 } });
      stage.sandbox.change({ op: 'addMember', corp: id, member: { userid: 'reused', name, status: 1 }, places: place });
    };
    const take = (): void => stage.sandbox.change({ op: 'removeMember', corp: id, userid: 'reused' }, { op: 'removeDepartment', corp: id, id: 900 });
    give('first');
    await stage.sync();
    take();
    give('at once');
    expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: { joined: 0, departed: 0, changed: 1, departmentsChanged: 1 } }] });
    take();
    expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: { departed: 1, departmentsChanged: 1 } }] });
    give('later');
    expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: { joined: 0, changed: 1, departmentsChanged: 1 } }] });
    await expectTruth(stage);
  });
});
