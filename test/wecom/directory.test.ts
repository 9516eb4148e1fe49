import { expect, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { withSandbox, corpOf } from '../support/sandbox.ts';
import { firstCorp, membersOf, never, openFor, openForSandbox, shapeOf, truthShape } from './support.ts';

test('a reading holds every department and member that the application sees, and nobody else', () =>
  withSandbox({ corps: 1, members: 300, departments: 30 }, async (sandbox) => {
    const corp = firstCorp(sandbox);
    const { directory } = openForSandbox(sandbox);
    const reading = await directory.read(corp, { signal: never() });
    expect(reading.gaps).toEqual([]);
    expect(shapeOf(reading)).toEqual(truthShape(sandbox, corp.id));
    const [truth] = sandbox.truth(corp.id).members;
    expect(membersOf(reading).get(truth?.userid.toLowerCase() ?? '')?.fields).toMatchObject({
      name: truth?.['name'],
      mobile: truth?.['mobile'],
      status: truth?.['status'],
    });
    await directory.close();
  }));

test('one request a department and two more read a corp', () =>
  withSandbox({ corps: 1, members: 50, departments: 12 }, async (sandbox) => {
    const corp = firstCorp(sandbox);
    const { directory } = openForSandbox(sandbox);
    await directory.read(corp, { signal: never() });
    expect(sandbox.stats.corp(corp.id).byEndpoint).toEqual({ gettoken: 1, 'department/list': 1, 'user/list': corpOf(sandbox).departments.size });
    expect(directory.requestsSent(corp)).toBe(sandbox.stats.corp(corp.id).requests);
    await directory.close();
  }));

test('progress ends with every department read', () =>
  withSandbox({ corps: 1, members: 50, departments: 12 }, async (sandbox) => {
    const { directory } = openForSandbox(sandbox);
    const seen: string[] = [];
    await directory.read(firstCorp(sandbox), { signal: never(), progress: { onDepartments: (done, total) => seen.push(`${done}/${total}`) } });
    const size = corpOf(sandbox).departments.size;
    expect([seen[0], seen.at(-1)]).toEqual([`0/${size}`, `${size}/${size}`]);
    await directory.close();
  }));

test('a limited range with orphaned departments, single members and tags is read whole with agent_id', () =>
  withSandbox({ corps: 1, members: 200, departments: 20 }, async (sandbox) => {
    const world = corpOf(sandbox);
    const [, , part = 0, ...rest] = world.departmentIds;
    const outside = [...world.members.values()].filter(({ places }) => places.every(({ department }) => rest.includes(department)));
    const [one, two] = outside.map(({ userid }) => userid);
    const range = { departments: [part], users: [one ?? ''], tags: [7] };
    sandbox.change({ op: 'setTag', corp: world.id, id: 7, name: '标签', userids: [two ?? ''], departments: [] }, { op: 'setSecret', corp: world.id, kind: 'app_pre2022', patch: { range } });
    const { agentId } = sandbox.world.secret(world, 'app_pre2022');
    const { directory } = openForSandbox(sandbox, { agentId });
    const reading = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(reading.gaps).toEqual([]);
    expect(shapeOf(reading)).toEqual(truthShape(sandbox, world.id));
    expect([...membersOf(reading).keys()]).toEqual(expect.arrayContaining([one?.toLowerCase(), two?.toLowerCase()]));
    await directory.close();
  }));

test('a member of the visible range or of a tag whose userid is none is named', () =>
  withSandbox({ corps: 1, members: 20, departments: 3 }, async (sandbox) => {
    const world = corpOf(sandbox);
    sandbox.change({ op: 'setSecret', corp: world.id, kind: 'app_pre2022', patch: { range: { departments: [1], users: [], tags: [1] } } });
    sandbox.faults.add({ match: { endpoint: 'agent/get' }, effect: { kind: 'patch', set: { allow_userinfos: { user: [{ userid: '王·五' }, null] } } } });
    sandbox.faults.add({ match: { endpoint: 'tag/get' }, effect: { kind: 'patch', set: { userlist: [{ userid: 'a b', name: '李四' }] } } });
    const { directory } = openForSandbox(sandbox, { agentId: sandbox.world.secret(world, 'app_pre2022').agentId });
    const { gaps, unreadable } = await directory.read(firstCorp(sandbox), { signal: never() });
    expect([gaps, unreadable]).toEqual([[], { members: ['userid “王·五”', 'record 2 of the visible range', '李四 (userid “a b”)'], departments: [] }]);
    await directory.close();
  }));

test('a member who is read alone is in the usable departments of their list, and in the one that was too large, and a gap names them', () =>
  withSandbox({ corps: 1, members: 6, departments: 2, settings: { maxListMembers: 0 } }, async (sandbox) => {
    const world = corpOf(sandbox);
    const [one, two] = [...world.members.values()].filter(({ places }) => places.length === 1);
    const fault = (userid: string | undefined, set: Record<string, unknown>) => sandbox.faults.add({ match: { endpoint: 'user/get', userid: userid ?? '' }, effect: { kind: 'patch', set } });
    fault(one?.userid, { department: [7, 2.5], direct_leader: ['王'] });
    fault(two?.userid, { userid: 'somebody.else' });
    const { directory, logged } = openForSandbox(sandbox);
    const { gaps, members } = await directory.read(firstCorp(sandbox), { signal: never() });
    const memberships = members.find(({ userid }) => userid === one?.userid)?.memberships;
    expect(memberships?.map(({ departmentId }) => departmentId)).toEqual([7, one?.places[0]?.department]);
    expect(logged.filter(({ event }) => event.endsWith('_unreadable')).map(({ event, facts }) => [event, facts['of']])).toEqual([['leaders_unreadable', [`member ${one?.userid ?? ''}`]], ['memberships_unreadable', [`member ${one?.userid ?? ''}`]]]);
    expect(gaps.map(({ what }) => what)).toEqual([`member ${two?.userid ?? ''}`]);
    await directory.close();
  }));

test('an agent_id of another application fails with a hint that says so', () =>
  withSandbox({ corps: 1, members: 10, departments: 3 }, async (sandbox) => {
    const { directory } = openForSandbox(sandbox, { agentId: 999 });
    await expect(directory.read(firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({ kind: 'refused', code: 'agent_refused', hint: expect.stringContaining('agent_id') });
    await directory.close();
  }));

test('departments whose list is too large are read member by member', () =>
  withSandbox({ corps: 1, members: 120, departments: 6, settings: { maxListMembers: 25 } }, async (sandbox) => {
    const { directory } = openForSandbox(sandbox);
    const reading = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(reading.gaps).toEqual([]);
    expect(shapeOf(reading)).toEqual(truthShape(sandbox, firstCorp(sandbox).id));
    expect(sandbox.stats.total.byEndpoint['user/get']).toBeGreaterThan(25);
    await directory.close();
  }));

test('who is known to contacts-sync in a visible department but was not listed is read by userid', () =>
  withSandbox({ corps: 1, members: 80, departments: 8 }, async (sandbox) => {
    const world = corpOf(sandbox);
    const [department = 0] = world.departmentIds.slice(3);
    sandbox.faults.add({ match: { endpoint: 'user/list', department }, effect: { kind: 'patch', set: { userlist: [] } } });
    const contactsSecret = new Secret(sandbox.world.secret(world, 'contacts').secret);
    const { directory, logged } = openForSandbox(sandbox, { contactsSecret });
    const reading = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(shapeOf(reading)).toEqual(truthShape(sandbox, world.id));
    expect(logged.find(({ event }) => event === 'cross_checked')?.facts).toMatchObject({ corp: world.id, elsewhere: 0 });
    await directory.close();
  }));

test('a refused contacts secret is told, and the reading goes on', () =>
  withSandbox({ corps: 1, members: 20, departments: 4 }, async (sandbox) => {
    const { directory, logged } = openForSandbox(sandbox, { contactsSecret: new Secret('not-the-secret') });
    const reading = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(shapeOf(reading)).toEqual(truthShape(sandbox, firstCorp(sandbox).id));
    expect(logged.filter(({ level }) => level === 'warn').map(({ event }) => event)).toContain('contacts_secret_unused');
    // `orgsync doctor` names the key of the configuration that is wrong, not the other one.
    const failed = (await directory.probe(firstCorp(sandbox), never())).filter(({ result }) => result === 'failed');
    expect(failed).toMatchObject([{ title: 'the contacts secret gives ids', kind: 'refused', fix: expect.stringMatching(/^check `contacts_secret`: .*通讯录同步/u) as string }]);
    await directory.close();
  }));

test('a contacts-sync secret in the place of the secret fails with the hint where it belongs', () =>
  withSandbox({ corps: 1, members: 20, departments: 4 }, async (sandbox) => {
    const secret = new Secret(sandbox.world.secret(corpOf(sandbox), 'contacts').secret);
    const { directory } = openForSandbox(sandbox, { secret });
    await expect(directory.read(firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({ kind: 'refused', errcode: 48009, hint: expect.stringContaining('contacts_secret') });
    await directory.close();
  }));

test('a member is found whatever the case of the userid, and gone when WeCom says so', () =>
  withSandbox({ corps: 1, members: 20, departments: 4 }, async (sandbox) => {
    const corp = firstCorp(sandbox);
    const [member] = sandbox.truth(corp.id).members;
    const { directory } = openForSandbox(sandbox);
    const asked = member?.userid.toUpperCase() ?? '';
    await expect(directory.findMember(corp, asked, never())).resolves.toMatchObject({ is: 'here', member: { fields: { name: member?.['name'] } } });
    await expect(directory.findMember(corp, 'nobody.here', never())).resolves.toEqual({ is: 'gone' });
    sandbox.change({ op: 'updateMember', corp: corp.id, userid: asked, fields: { status: 5 } });
    await expect(directory.findMember(corp, asked, never())).resolves.toEqual({ is: 'gone', left: true });
    await expect(directory.findMember(corp, '王·五', never())).resolves.toEqual({ is: 'gone' });
    await directory.close();
  }));

test('whom WeCom calls no userid at all (40003) is gone, and no gap where they were to be read', () =>
  withSandbox({ corps: 1, members: 20, departments: 2, settings: { maxListMembers: 0 } }, async (sandbox) => {
    const corp = firstCorp(sandbox);
    const [member] = sandbox.truth(corp.id).members;
    const userid = member?.userid ?? '';
    sandbox.faults.add({ match: { endpoint: 'user/get', userid }, effect: { kind: 'errcode', errcode: 40003 } });
    const { directory, events } = openForSandbox(sandbox);
    await expect(directory.findMember(corp, userid, never())).resolves.toEqual({ is: 'gone' });
    expect(events()).not.toContain('request_failed');
    const { members, gaps } = await directory.read(corp, { signal: never() });
    expect([members.length, gaps]).toEqual([19, []]);
    sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: { kind: 'errcode', errcode: 40003 } });
    await expect(directory.read(corp, { signal: never() })).rejects.toMatchObject({ errcode: 40003, kind: 'failed', code: 'request_refused' });
    await directory.close();
  }));

test.each([60111, 60011] as const)('a member outside the range (%i) is gone', (invisibleMember) =>
  withSandbox({ corps: 1, members: 20, departments: 4, settings: { invisibleMember } }, async (sandbox) => {
    const corp = firstCorp(sandbox);
    const [member] = sandbox.truth(corp.id).members;
    sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { range: { departments: [], users: [], tags: [] } } });
    const { directory } = openForSandbox(sandbox);
    await expect(directory.findMember(corp, member?.userid ?? '', never())).resolves.toEqual({ is: 'gone' });
    await directory.close();
  }));

test('a mobile finds its userid; a wrong one finds nobody; too many wrong ones close the question', () =>
  withSandbox({ corps: 1, members: 20, departments: 4, settings: { wrongNumberShare: 0.0001 } }, async (sandbox) => {
    const corp = firstCorp(sandbox);
    const member = sandbox.truth(corp.id).members.find(({ mobile }) => typeof mobile === 'string' && mobile !== '');
    const { directory } = openForSandbox(sandbox);
    await expect(directory.findUseridByMobile(corp, String(member?.['mobile']), never())).resolves.toBe(member?.userid);
    const answers: unknown[] = [];
    for (let digit = 0; digit < 30; digit += 1) {
      answers.push(await directory.findUseridByMobile(corp, `199000000${10 + digit}`, never()).catch((error: unknown) => error));
    }
    expect(answers[0]).toBeUndefined();
    expect(answers.at(-1)).toMatchObject({ kind: 'temporary', code: 'wrong_numbers_closed', errcode: 45009, request: 'user/getuserid' });
    await expect(directory.findMember(corp, member?.userid ?? '', never())).resolves.toMatchObject({ is: 'here' });
    await directory.close();
  }));

test('probing tells what an old application with everything configured can do', () =>
  withSandbox({ corps: 1, members: 20, departments: 4 }, async (sandbox) => {
    const world = corpOf(sandbox);
    const contactsSecret = new Secret(sandbox.world.secret(world, 'contacts').secret);
    const { agentId } = sandbox.world.secret(world, 'app_pre2022');
    const { directory } = openForSandbox(sandbox, { contactsSecret, agentId });
    const findings = await directory.probe(firstCorp(sandbox), never());
    expect(findings.map(({ result }) => result)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'ok']);
    expect(findings[2]?.detail).toContain(String(world.departments.size));
    await directory.close();
  }));

test('probing names the check that fails, with what to do', () =>
  withSandbox({ corps: 1, members: 20, departments: 4, settings: { callerIp: '203.0.113.7' } }, async (sandbox) => {
    const corp = firstCorp(sandbox);
    const world = corpOf(sandbox);
    const check = async (secret: string): Promise<unknown> => {
      const { directory } = openForSandbox(sandbox, { secret: new Secret(secret) });
      const findings = await directory.probe(corp, never());
      await directory.close();
      return findings.filter(({ result }) => result !== 'ok');
    };
    const app = sandbox.world.secret(world, 'app');
    const old = sandbox.world.secret(world, 'app_pre2022');
    expect(await check('wrong')).toEqual([expect.objectContaining({ title: 'WeCom accepts the secret', detail: expect.stringContaining('40001') })]);
    expect(await check(app.secret)).toEqual([expect.objectContaining({ title: 'the application sees mobile numbers', result: 'warning', fix: expect.stringContaining('--live') })]);
    sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { trustedIps: ['198.51.100.1'] } });
    expect(await check(old.secret)).toEqual([expect.objectContaining({ title: 'WeCom accepts the address of this machine', fix: expect.stringContaining('203.0.113.7') })]);
    sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { trustedIps: null, range: { departments: [], users: [], tags: [] } } });
    expect(await check(old.secret)).toEqual([expect.objectContaining({ title: 'the application sees departments', fix: expect.stringContaining('可见范围') })]);
  }));

test('corps with an address of their own are asked there, and each way is opened once', async () => {
  await withSandbox({ corps: 2 }, async (near) =>
    withSandbox({ corps: 2 }, async (far) => {
      const [first, second] = [corpOf(near, 1), corpOf(near, 2)];
      const access = (corpId: string) => ({
        secret: new Secret(near.world.secret(near.world.corp(corpId), 'app_pre2022').secret),
        ...(corpId === second.id ? { api: far.url } : {}),
      });
      const { directory } = openFor(near.url, access);
      for (const { id, name } of [first, second]) await directory.read({ id, name }, { signal: new AbortController().signal });
      await directory.close();
      expect(near.stats.corp(first.id).requests).toBeGreaterThan(0);
      expect(near.stats.corp(second.id).requests).toBe(0);
      expect(far.stats.corp(first.id).requests).toBe(0);
      expect(far.stats.corp(second.id).requests).toBeGreaterThan(0);
    }),
  );
});
