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
