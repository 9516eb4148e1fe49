import { expect, test } from 'vitest';
import { ask, corpOf, tokenFor } from '../support/sandbox.ts';
import { setStage } from '../support/stage.ts';

test.each(['王·五', 'a b', '陈越', 'x'.repeat(65)])('a member with the userid %j is named, the others are written, and nobody departs', async (userid) => {
  const stage = await setStage({ members: 20, departments: 4 });
  await stage.sync();
  const corp = corpOf(stage.sandbox);
  const access_token = await tokenFor(stage.sandbox.url, corp, stage.sandbox.world.secret(corp, 'app_pre2022'));
  const { json } = await ask(stage.sandbox.url, 'user/list', { access_token, department_id: 1 });
  const [gone, changed, leaving, ...rest] = json['userlist'] as { userid: string }[];
  const userlist = [{ ...gone, userid, name: '怪人' }, { ...changed, name: '新名' }, { ...leaving, status: 5 }, ...rest];
  const odd = stage.sandbox.faults.add({ match: { endpoint: 'user/list', department: 1 }, effect: { kind: 'patch', set: { userlist } } });
  const report = await stage.sync();
  expect(odd.fired).toBe(1);
  expect(report).toMatchObject({
    outcome: 'partial',
    exitCode: 1,
    corps: [{ outcome: 'ok', counts: { joined: 0, departed: 0 }, error: { code: 'members_unreadable', message: expect.stringContaining(`怪人 (userid “${userid.slice(0, 64)}`) } }],
  });
  expect(report.corps[0]?.unreadable).toEqual({ members: [expect.stringContaining('怪人')], departments: [] });
  expect(JSON.stringify((await stage.organisations()).stored)).toContain('新名');
  odd.remove();
  expect(await stage.sync()).toMatchObject({ outcome: 'ok', exitCode: 0 });
  const { stored, source } = await stage.organisations();
  expect(stored).toEqual(source);
});

test('members who say nothing about who they are are named by their place, the others are written, and nobody departs', async () => {
  const stage = await setStage({ members: 20, departments: 4 });
  await stage.sync();
  const corp = corpOf(stage.sandbox);
  const access_token = await tokenFor(stage.sandbox.url, corp, stage.sandbox.world.secret(corp, 'app_pre2022'));
  const { json } = await ask(stage.sandbox.url, 'user/list', { access_token, department_id: 1 });
  const [, changed, ...rest] = json['userlist'] as { userid: string }[];
  const before = (await stage.organisations()).stored.members.length;
  const userlist = [null, { ...changed, name: '新名' }, ...rest, { userid: '', name: '', mobile: '13800138000' }, ...Array.from({ length: 30 }, () => ({}))];
  const odd = stage.sandbox.faults.add({ match: { endpoint: 'user/list', department: 1 }, effect: { kind: 'patch', set: { userlist } } });
  const report = await stage.sync();
  const last = rest.length + 3;
  expect(report).toMatchObject({
    outcome: 'partial',
    exitCode: 1,
    corps: [{ outcome: 'ok', counts: { departed: 0 }, error: { code: 'members_unreadable', message: expect.stringMatching(new RegExp(`left out: record 1 of department 1, record ${last} of department 1 \\(mobile 138\\*{4}8000\\), .* and 12 more`)) } }],
  });
  expect(report.corps[0]?.unreadable.members).toHaveLength(32);
  const { stored } = await stage.organisations();
  expect([stored.members.length, JSON.stringify(stored)]).toEqual([before, expect.stringContaining('新名')]);
  odd.remove();
  expect(await stage.sync()).toMatchObject({ outcome: 'ok', exitCode: 0 });
});
