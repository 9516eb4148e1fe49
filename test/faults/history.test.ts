import { describe, expect, test } from 'vitest';
import { Stats } from '../../src/sandbox/stats.ts';
import { differences } from '../support/differences.ts';
import { compareWithStore, historySins, type HistoryRow, replay } from '../support/history.ts';
import { expectTruth, tamper } from '../support/recovery.ts';
import { ask, corpOf } from '../support/sandbox.ts';
import { mostInASecond } from '../support/sliding.ts';
import { setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const row = (action: string, newValues: HistoryRow['newValues'], oldValues: HistoryRow['oldValues'] = null, entityId = 'Zhang'): HistoryRow => ({ entity: 'member', entityId, action, oldValues, newValues });
const JOINED = row('joined', { name: '张', memberships: [] });
const DEPARTED = row('departed', {}, {});

describe('the checker that the faults rely on', () => {
  test('has nothing against a whole life', () => {
    const life = [JOINED, row('changed', { name: '章' }, { name: '张' }), DEPARTED, row('returned', { name: '张' }, { name: '章' }, 'ZHANG')];
    const replayed = replay(life);
    expect(replayed.sins).toEqual([]);
    expect(compareWithStore(replayed, { departments: [], members: [{ userid: 'zhang', name: '张' }], memberships: [] })).toEqual([]);
  });

  test.each<[string, readonly HistoryRow[], RegExp]>([
    ['a joining told twice', [JOINED, JOINED], /joined: was there before/],
    ['a departure told twice', [JOINED, DEPARTED, DEPARTED], /departed: had left/],
    ['a departure of nobody', [DEPARTED], /was never there/],
    ['a return of somebody who had not left', [JOINED, row('returned', {}, {})], /had not left/],
    ['a change of somebody who had left', [JOINED, DEPARTED, row('changed', { name: 'x' }, { name: '张' })], /changed: had left/],
    ['an old value that never was', [JOINED, row('changed', { name: 'x' }, { name: 'y' })], /name was "张", not "y"/],
    ['a change told twice', [JOINED, row('changed', { name: 'x' }, { name: '张' }), row('changed', { name: 'x' }, { name: '张' })], /name was "x", not "张"/],
  ])('notices %s', (_, rows, sin) => expect(replay(rows).sins.join('\n')).toMatch(sin));

  test.each<[string, Parameters<typeof compareWithStore>[1], RegExp]>([
    ['a member without a history', { departments: [], members: [{ userid: 'zhang', name: '张' }, { userid: 'li', name: '李' }], memberships: [] }, /li is stored, and the history/],
    ['a member who is missing', { departments: [], members: [], memberships: [] }, /zhang is not stored/],
    ['a value that the history does not lead to', { departments: [], members: [{ userid: 'zhang', name: 'x' }], memberships: [] }, /name is "x"/],
    ['a membership that the history does not lead to', { departments: [], members: [{ userid: 'zhang', name: '张' }], memberships: [{ userid: 'zhang', department: 1, order: 0, is_leader: false }] }, /memberships is/],
    ['an orphan membership', { departments: [], members: [{ userid: 'zhang', name: '张' }], memberships: [{ userid: 'li', department: 1, order: 0, is_leader: false }] }, /li in 1 is an orphan/],
  ])('notices %s', (_, stored, sin) => expect(compareWithStore(replay([JOINED]), stored).join('\n')).toMatch(sin));

  test('notices what is planted in a real store', async () => {
    const stage: Stage = await setStage({ members: 6, departments: 2 });
    await stage.sync();
    const { id } = corpOf(stage.sandbox);
    const sins = (): Promise<readonly string[]> => historySins(stage.storeUrl, id);
    expect(await sins()).toEqual([]);
    await tamper(stage, `INSERT INTO changes (run_id, corp_id, at, entity, entity_id, action, old_values, new_values) SELECT run_id, corp_id, at, entity, entity_id, action, old_values, new_values FROM changes WHERE id = 1`);
    expect(await sins()).toEqual([expect.stringContaining('was there before'), expect.stringMatching(/run 1 counts \d+ changes, and has \d+/)]);
    await tamper(stage, `DELETE FROM changes WHERE id = (SELECT MAX(id) FROM changes); UPDATE runs SET outcome = 'interrupted'`);
    expect(await sins()).toEqual([expect.stringMatching(/run 1 is interrupted, and has/)]);
    await tamper(stage, `UPDATE runs SET outcome = 'ok', joined = joined + 1`);
    expect(await sins()).toEqual([expect.stringMatching(/run 1 counts \d+ changes, and has \d+/)]);
    expect(await historySins(stage.storeUrl, id, 1)).toEqual([]);
    await tamper(stage, `UPDATE runs SET joined = joined - 1; UPDATE members SET name = 'somebody else' WHERE userid = (SELECT MIN(userid) FROM members WHERE departed_at IS NULL)`);
    expect(await sins()).toEqual([expect.stringContaining('name is "somebody else"')]);
  });

  test('notices a lost page: members who are served and neither stored nor told of', async () => {
    const stage = await setStage({ members: 12, departments: 2 });
    await stage.sync();
    const { id } = corpOf(stage.sandbox);
    const lost = 'userid IN (SELECT userid FROM memberships WHERE department_id = 2)';
    await tamper(stage, `DELETE FROM changes WHERE entity = 'member' AND entity_id IN (SELECT userid FROM members WHERE ${lost}); DELETE FROM members WHERE ${lost};
      DELETE FROM memberships WHERE userid NOT IN (SELECT userid FROM members); UPDATE runs SET joined = (SELECT COUNT(*) FROM members)`);
    // The history is at one with the store: only the source tells.
    expect(await historySins(stage.storeUrl, id)).toEqual([]);
    const { stored, source } = await stage.organisations();
    expect(stored.members.length).toBeLessThan(source.members.length);
    const missing = source.members.length - stored.members.length + source.memberships.length - stored.memberships.length;
    expect(differences(stored, source)).toEqual(Array(missing).fill(expect.stringMatching(/^not stored: /)));
    await expect(expectTruth(stage)).rejects.toThrow();
  });
});

/** Eleven in a sliding second of which no second of the clock holds more than six, and ten as close as they may be. */
const BURST = [...Array.from({ length: 5 }, (_, n) => 900 + n), ...Array.from({ length: 6 }, (_, n) => 1_893 + n)];
const BRISK = [...BURST.slice(0, 10), 1_900];

describe('the watch over the pace that the faults rely on', () => {
  test.each([
    ['eleven requests in one second', BURST, 11],
    ['ten', BRISK, 10],
  ])('counts %s, whichever seconds of the clock they are in', (_, moments, most) => {
    const stats = new Stats();
    for (const at of moments) stats.arrived({ corpId: 'ww1', endpoint: 'user/list', ip: '', at });
    expect([stats.corp('ww1').maxInOneSecond, mostInASecond(moments)]).toEqual([most, most]);
  });

  test('writes down who sends an eleventh request within a second, and bars the address', async () => {
    const { sandbox } = await setStage();
    const { id } = corpOf(sandbox);
    sandbox.settings.strictPerSecond = 10;
    const send = async (count: number): Promise<unknown> => await Promise.all(Array.from({ length: count }, () => ask(sandbox.url, 'gettoken', { corpid: id, corpsecret: 'x' })));
    await send(10);
    expect(sandbox.stats.breaches).toEqual([]);
    await send(1);
    expect(sandbox.stats.breaches).toMatchObject([{ corpId: id, inOneSecond: 11 }]);
    expect((await ask(sandbox.url, 'gettoken', { corpid: id, corpsecret: 'x' })).json['errcode']).toBe(45009);
  });
});
