import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Corp } from '../../src/sandbox/corp.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { ROBOT_KEY } from '../../src/sandbox/world.ts';
import { ask, controlOf, corpOf, type SandboxControl, startSandbox, tokenFor } from '../support/sandbox.ts';

let sandbox: Sandbox;
let control: SandboxControl;
let corp: Corp;
beforeEach(async () => {
  sandbox = await startSandbox({ corps: 2, members: 20, departments: 4 });
  control = controlOf(sandbox.url);
  corp = corpOf(sandbox);
});
afterEach(() => sandbox.close());

it('tells the corps, their secrets, the truth, and how it is driven', async () => {
  expect((await control.corps()).map(({ id, members }) => [id, members])).toEqual([...sandbox.world.corps.keys()].map((id) => [id, 20]));
  expect(await control.truth(corp.id, 'app')).toEqual(JSON.parse(JSON.stringify(sandbox.truth(corp.id, 'app'))));
  const overview = (await (await fetch(`${sandbox.url}/sandbox`)).json()) as { routes: Record<string, string> };
  expect(Object.keys(overview.routes)).toContain('POST /sandbox/churn');
});

it('changes the world, by one step or by a week', async () => {
  const before = await control.truth(corp.id);
  await control.change(
    { op: 'addDepartment', corp: corp.id, department: { id: 900, name: '新部门', parentid: 1 } },
    { op: 'addMember', corp: corp.id, member: { userid: 'newcomer', name: '新人', mobile: '13900000000' }, places: [{ department: 900, leader: true }] },
    { op: 'updateMember', corp: corp.id, userid: 'NEWCOMER', fields: { name: '旧人' }, drop: ['mobile'] },
    { op: 'updateDepartment', corp: corp.id, id: 900, fields: { name: '老部门' } },
  );
  const { members, departments, memberships } = await control.truth(corp.id);
  expect(members.find(({ userid }) => userid === 'newcomer')).toMatchObject({ name: '旧人' });
  expect(members.find(({ userid }) => userid === 'newcomer')).not.toHaveProperty('mobile');
  expect(departments.find(({ id }) => id === 900)).toMatchObject({ name: '老部门', parentid: 1 });
  expect(memberships.find(({ userid }) => userid === 'newcomer')).toEqual({ userid: 'newcomer', department: 900, order: 0, is_leader: true });
  await control.change({ op: 'removeDepartment', corp: corp.id, id: 900 }, { op: 'removeMember', corp: corp.id, userid: 'newcomer' });
  expect((await control.truth(corp.id)).members).toEqual(before.members);
  expect(await control.churn({ seed: 3, rounds: 2 })).toBeGreaterThan(10);
});

it('holds a request in another process until it is released', async () => {
  const access_token = await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, 'app'));
  const [fault = ''] = await control.fault({ match: { endpoint: 'department/list' }, effect: { kind: 'hold' } });
  const held = ask(sandbox.url, 'department/list', { access_token });
  await control.reached({ fault });
  await control.reached({ corp: corp.id, endpoint: 'department/list', count: 1 });
  await control.release(fault);
  expect((await held).json['errcode']).toBe(0);
  await expect(control.reached({ corp: corp.id, count: 1000, timeoutMs: 20 })).rejects.toThrow('not reached in time');
});

it('kills tokens, moves the clock, changes settings, tells what was measured and what robots were sent', async () => {
  const access_token = await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, 'app'));
  expect(await control.killTokens(corp.id, 42001)).toBe(1);
  expect((await ask(sandbox.url, 'department/list', { access_token })).json['errcode']).toBe(42001);
  const before = sandbox.now();
  await control.advance(86_400_000);
  expect(sandbox.now() - before).toBeGreaterThanOrEqual(86_400_000);
  expect((await control.settings({ latencyMs: 5 })).latencyMs).toBe(5);
  await ask(sandbox.url, 'webhook/send', { key: ROBOT_KEY }, { msgtype: 'text', text: { content: 'hello' } });
  expect(await control.messages()).toEqual([{ msgtype: 'text', text: { content: 'hello' } }]);
  expect((await control.stats()).corps[corp.id]).toMatchObject({ requests: 2, byErrcode: { '0': 1, '42001': 1 } });
  expect(await control.arrivals(corp.id)).toHaveLength(2);
  await control.resetStats();
  expect((await control.stats()).total.requests).toBe(0);
});

it.each([
  ['a corp that is not there', { op: 'removeMember', corp: 'wwnobody', userid: 'x' }],
  ['a taken userid', { op: 'addMember', corp: '$corp', member: { userid: '$userid' }, places: [] }],
  ['a taken mobile', { op: 'updateMember', corp: '$corp', userid: '$userid', fields: { mobile: '$mobile' } }],
  ['a department under a missing one', { op: 'addDepartment', corp: '$corp', department: { id: 901, parentid: 12345 } }],
  ['an unknown key', { op: 'removeMember', corp: '$corp', userid: '$userid', really: true }],
])('refuses %s with 400 and says why', async (_, change) => {
  const [first, ...others] = corp.members.values();
  const mobile = others.find((member) => member.mobile !== '')?.mobile ?? '';
  const text = JSON.stringify(change).replaceAll('$corp', corp.id).replaceAll('$userid', first?.userid ?? '').replaceAll('$mobile', mobile);
  const response = await fetch(`${sandbox.url}/sandbox/change`, { method: 'POST', body: text });
  expect(response.status).toBe(400);
  expect(((await response.json()) as { error: string }).error.length).toBeGreaterThan(10);
  expect((await fetch(`${sandbox.url}/sandbox/nothing`)).status).toBe(400);
});
