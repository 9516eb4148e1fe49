import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { adversarial, corpOf, withSandbox } from '../support/sandbox.ts';
import { firstCorp, never, openFor, openForSandbox, reasonsOf, shapeOf, truthShape } from './support.ts';

const CORP = { id: 'ww0000000000000001', name: 'one' };
const SMALL = { corps: 1, members: 40, departments: 6 } as const;

test.each([
  ['an empty 404', { kind: 'status', status: 404 }],
  ['a 500', { kind: 'status', status: 500 }],
  ['a gateway page', { kind: 'html', status: 502 }],
  ['a page with status 200', { kind: 'html', status: 200 }],
  ['an empty body', { kind: 'empty' }],
  ['a cut body', { kind: 'cut' }],
  ['a reset connection', { kind: 'reset' }],
  ['a body that breaks off', { kind: 'break' }],
  ['an answer that was lost', { kind: 'lose' }],
  ['JSON that is no answer', { kind: 'body', body: '{}' }],
  ['a bare list', { kind: 'body', body: '[]' }],
  ['WeCom busy', { kind: 'errcode', errcode: -1 }],
  ['too many open', { kind: 'errcode', errcode: 45033 }],
  ['maintenance', { kind: 'errcode', errcode: 81026 }],
] as const)('%s on every second request costs a repeat each and loses nobody', (_name, effect) =>
  withSandbox(SMALL, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: ['department/list', 'user/list'] }, nth: [1, 3, 5, 7], effect });
    const { directory } = openForSandbox(sandbox);
    const reading = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(reading.gaps).toEqual([]);
    expect(shapeOf(reading)).toEqual(truthShape(sandbox, firstCorp(sandbox).id));
    expect(sandbox.stats.total.requests).toBe(1 + 1 + corpOf(sandbox).departments.size + 4);
    await directory.close();
  }),
);

test('a silent WeCom is given up after the timeout, and asked again', () =>
  withSandbox(SMALL, async (sandbox) => {
    const fault = sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 2, effect: { kind: 'hang' } });
    const { directory } = openForSandbox(sandbox, { timeoutMs: 150 });
    const reading = await directory.read(firstCorp(sandbox), { signal: never() });
    expect([reading.gaps, fault.fired]).toEqual([[], 1]);
    await directory.close();
  }));

test('a department that never answers is a gap that says why', () =>
  withSandbox(SMALL, async (sandbox) => {
    const [, department = 0] = corpOf(sandbox).departmentIds;
    sandbox.faults.add({ match: { endpoint: 'user/list', department }, effect: { kind: 'html' } });
    const { directory } = openForSandbox(sandbox);
    const { gaps } = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(gaps).toEqual([{ what: `department ${department}`, why: `instead of an answer to user/list came HTTP 502 from ${new URL(sandbox.url).host}` }]);
    expect(sandbox.stats.total.byErrcode['http 502']).toBe(4);
    await directory.close();
  }));

test('three departments in a row without an answer end the reading', () =>
  withSandbox({ corps: 1, members: 40, departments: 40 }, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: 'user/list' }, effect: { kind: 'reset' } });
    const { directory } = openForSandbox(sandbox, { retries: 1, concurrency: 1 });
    await expect(directory.read(firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({ kind: 'unavailable', code: 'wecom_unreachable' });
    expect(sandbox.stats.total.byEndpoint['user/list']).toBeLessThan(12);
    await directory.close();
  }));

test('nobody listening is unavailable, with the address that was tried and what the system said', async () => {
  const sandbox = await withSandbox(SMALL, (open) => Promise.resolve(open));
  const { host } = new URL(sandbox.url);
  const { directory } = openForSandbox(sandbox, { retries: 1 });
  await expect(directory.read(firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({
    kind: 'unavailable',
    message: `no answer from WeCom to gettoken at ${host}: connect ECONNREFUSED ${host}`,
  });
  await directory.close();
});

test.each([
  ['a name that cannot be resolved', 'https://user:hunter2@nowhere.invalid/x?secret=hunter2', /^no answer from WeCom to gettoken at nowhere\.invalid:443: getaddrinfo (ENOTFOUND|EAI_AGAIN) nowhere\.invalid$/],
  ['a port where nobody listens, by a name with two addresses', 'http://localhost:9/hunter2', /^no answer from WeCom to gettoken at localhost:9: .*connect ECONNREFUSED (127\.0\.0\.1|::1):9/],
])('%s is named, and no other part of the address', async (_, api, message) => {
  const { directory } = openFor(api, () => ({ secret: new Secret('hunter3'), retries: 0 }));
  const error: unknown = await directory.read(CORP, { signal: never() }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'wecom_unreachable', message: expect.stringMatching(message) });
  expect(inspect(error)).not.toContain('hunter');
  await directory.close();
});

test('the empty list in an error body is never believed', () =>
  withSandbox(SMALL, async (sandbox) => {
    const body = JSON.stringify({ errcode: 60020, errmsg: 'not allow to access from your ip, from ip: 203.0.113.9, more info', department: [], userlist: [] });
    sandbox.faults.add({ match: { endpoint: 'user/list' }, effect: { kind: 'body', body } });
    const { directory } = openForSandbox(sandbox);
    await expect(directory.read(firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({
      kind: 'refused',
      errcode: 60020,
      request: 'user/list',
      hint: expect.stringContaining('203.0.113.9'),
    });
    expect(sandbox.stats.total.byEndpoint['user/list']).toBeLessThanOrEqual(5);
    await directory.close();
  }));

test.each([[60003], [60123], [60011]])('a department that vanished while reading (%i) is no gap, and new ones are read', (errcode) =>
  withSandbox(SMALL, async (sandbox) => {
    const corp = corpOf(sandbox);
    const [department = 0] = corp.departmentIds.slice(-1);
    sandbox.faults.add({ match: { endpoint: 'user/list', department }, effect: { kind: 'change', change: { op: 'removeDepartment', corp: corp.id, id: department } }, times: 1 });
    sandbox.faults.add({ match: { endpoint: 'user/list', department }, effect: { kind: 'change', change: { op: 'addDepartment', corp: corp.id, department: { id: 900 } } }, times: 1 });
    sandbox.faults.add({ match: { endpoint: 'user/list', department }, effect: { kind: 'errcode', errcode } });
    const { directory } = openForSandbox(sandbox);
    const reading = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(reading.gaps).toEqual([]);
    const ids = reading.departments.map(({ id }) => id);
    expect([ids.includes(department), ids.includes(900)]).toEqual([false, true]);
    expect(sandbox.stats.total.byEndpoint['department/list']).toBe(2);
    await directory.close();
  }));

test('a department that is refused and still listed is a gap', () =>
  withSandbox(SMALL, async (sandbox) => {
    const [, department = 0] = corpOf(sandbox).departmentIds;
    sandbox.faults.add({ match: { endpoint: 'user/list', department }, effect: { kind: 'errcode', errcode: 60011 } });
    const { directory } = openForSandbox(sandbox);
    const { gaps } = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(gaps).toEqual([expect.objectContaining({ what: `department ${department}`, errcode: 60011, request: 'user/list' })]);
    await directory.close();
  }));

test('an unknown errcode is shown and not repeated', () =>
  withSandbox(SMALL, async (sandbox) => {
    const [, department = 0] = corpOf(sandbox).departmentIds;
    sandbox.faults.add({ match: { endpoint: 'user/list', department }, effect: { kind: 'errcode', errcode: 99_123, text: 'something new' } });
    const { directory } = openForSandbox(sandbox);
    const { gaps } = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(gaps[0]).toMatchObject({ errcode: 99_123, why: expect.stringContaining('99123 something new') });
    expect(sandbox.stats.total.byErrcode['99123']).toBe(1);
    await directory.close();
  }));

test('a frequency limit pauses the whole corp once, and the reading goes on', () =>
  withSandbox({ corps: 1, members: 40, departments: 20 }, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 4, effect: { kind: 'errcode', errcode: 45009 } });
    const { directory, events } = openForSandbox(sandbox, { frequencyWaitMs: 400, rate: 100 });
    const reading = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(shapeOf(reading)).toEqual(truthShape(sandbox, firstCorp(sandbox).id));
    expect(events()).toContain('frequency_limit');
    // After the token, the departments and three lists the refused request arrives; the others that are open may follow it.
    const moments = sandbox.stats.arrivals(firstCorp(sandbox).id);
    const [refusedAt = 0, ...later] = moments.slice(5);
    expect(later.filter((moment) => moment < refusedAt + 400).length).toBeLessThan(5);
    expect(later.length).toBeGreaterThan(10);
    await directory.close();
  }));

test('a frequency limit that stays ends the corp: temporary, and only those in flight follow the first refusal', () =>
  withSandbox({ corps: 1, members: 40, departments: 30 }, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: 'user/list' }, effect: { kind: 'errcode', errcode: 45009 } });
    const { directory } = openForSandbox(sandbox, { frequencyWaitMs: 200 });
    const corp = firstCorp(sandbox);
    await expect(directory.read(corp, { signal: never() })).rejects.toMatchObject({ kind: 'temporary', errcode: 45009, code: 'frequency_limit' });
    expect(sandbox.stats.total.byEndpoint['user/list']).toBeLessThanOrEqual(10);
    const sent = directory.requestsSent(corp);
    await expect(directory.read(corp, { signal: never() })).rejects.toMatchObject({ errcode: 45009 });
    expect(directory.requestsSent(corp)).toBe(sent);
    await directory.close();
  }));

test('45033 halves what may be open, and answers raise it again', () =>
  withSandbox({ corps: 1, members: 40, departments: 120, settings: { latencyMs: 5 } }, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: [10, 11, 12], effect: { kind: 'errcode', errcode: 45033 } });
    const { directory, logged } = openForSandbox(sandbox, { concurrency: 4 });
    const reading = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(reading.gaps).toEqual([]);
    expect(logged.find(({ event }) => event === 'concurrency_lowered')?.facts).toMatchObject({ open_at_most: 2 });
    expect(sandbox.stats.total.maxInFlight).toBeLessThanOrEqual(4);
    await directory.close();
  }));

test('no more requests are open than configured', () =>
  withSandbox({ corps: 1, members: 40, departments: 40, settings: { latencyMs: 20, jitterMs: 20 } }, async (sandbox) => {
    const { directory } = openForSandbox(sandbox, { concurrency: 3 });
    await directory.read(firstCorp(sandbox), { signal: never() });
    expect(sandbox.stats.total.maxInFlight).toBe(3);
    await directory.close();
  }));

test('a wrong secret is tried once, however often it is asked for', () =>
  withSandbox(SMALL, async (sandbox) => {
    const { directory } = openForSandbox(sandbox, { secret: new Secret('wrong') });
    const corp = firstCorp(sandbox);
    const outcomes = await Promise.allSettled([directory.read(corp, { signal: never() }), directory.findMember(corp, 'a', never()), directory.read(corp, { signal: never() })]);
    await expect(directory.probe(corp, never())).resolves.toMatchObject([{ result: 'failed' }]);
    expect(reasonsOf(outcomes)).toEqual(Array(3).fill(expect.objectContaining({ kind: 'refused', errcode: 40001, request: 'gettoken' })));
    expect(sandbox.stats.total.byEndpoint).toEqual({ gettoken: 1 });
    await directory.close();
  }));

test('a frequency limit on token requests stops them for all corps, after one wait', () =>
  withSandbox({ corps: 3, members: 10, departments: 3 }, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: 'gettoken' }, effect: { kind: 'errcode', errcode: 45009 } });
    const { directory } = openForSandbox(sandbox);
    const corps = [...sandbox.world.corps.values()];
    const outcomes = await Promise.allSettled(corps.map((corp) => directory.read(corp, { signal: never() })));
    expect(reasonsOf(outcomes)).toEqual(Array(3).fill(expect.objectContaining({ kind: 'temporary', errcode: 45009 })));
    const sent = sandbox.stats.total.requests;
    expect(sent).toBeLessThanOrEqual(6);
    for (const corp of corps) await expect(directory.read(corp, { signal: never() })).rejects.toMatchObject({ errcode: 45009, request: 'gettoken' });
    expect(sandbox.stats.total.requests).toBe(sent);
    await directory.close();
  }));

test('a token killed at any one request costs one renewal, and the reading is whole', () =>
  withSandbox(SMALL, async (sandbox) => {
    const requests = 1 + corpOf(sandbox).departments.size;
    for (let nth = 1; nth <= requests; nth += 1) {
      for (const as of [40014, 42001] as const) {
        sandbox.stats.reset();
        const fault = sandbox.faults.add({ match: { endpoint: ['department/list', 'user/list'] }, nth, effect: { kind: 'killToken', as } });
        const { directory, events } = openForSandbox(sandbox, { concurrency: 1 });
        const reading = await directory.read(firstCorp(sandbox), { signal: never() });
        expect(shapeOf(reading), `killed at request ${nth}`).toEqual(truthShape(sandbox, firstCorp(sandbox).id));
        expect(sandbox.stats.total.byEndpoint['gettoken']).toBe(2);
        expect(sandbox.stats.total, `${nth} ${as}`).toMatchObject({ requests: requests + 3 });
        expect(events().filter((event) => event === 'access_token_reset')).toHaveLength(1);
        fault.remove();
        await directory.close();
      }
    }
  }));

test('fresh tokens that are refused again and again end the corp, not the address', () =>
  withSandbox(SMALL, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: { kind: 'errcode', errcode: 40014 } });
    const { directory } = openForSandbox(sandbox);
    await expect(directory.read(firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({ kind: 'refused', errcode: 40014, code: 'token_refused' });
    expect(sandbox.stats.total.byEndpoint['gettoken']).toBeLessThanOrEqual(3);
    await directory.close();
  }));

test('an answer beyond its limit is not read to its end', () =>
  withSandbox(SMALL, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: { kind: 'body', body: `{"errcode":0,"department":[],"x":"${'x'.repeat(3_000_000)}"}` } });
    const { directory } = openForSandbox(sandbox, { maxAnswerBytes: 100_000 });
    await expect(directory.read(firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({ kind: 'failed', code: 'answer_too_large' });
    await directory.close();
  }));

test('an abort ends everything within a second, with its own reason', () =>
  withSandbox({ corps: 1, members: 40, departments: 60, settings: { latencyMs: 40 } }, async (sandbox) => {
    const { directory } = openForSandbox(sandbox, { rate: 50, concurrency: 3 });
    const controller = new AbortController();
    const corp = firstCorp(sandbox);
    const reading = directory.read(corp, { signal: controller.signal });
    reading.catch(() => undefined);
    await sandbox.stats.reached({ endpoint: 'user/list', count: 5 });
    const reason = new Error('enough');
    const began = performance.now();
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
    expect(performance.now() - began).toBeLessThan(1_000);
    // What was sent before may still arrive.
    const sent = directory.requestsSent(corp);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(directory.requestsSent(corp)).toBe(sent);
    expect(sandbox.stats.total.requests).toBeLessThanOrEqual(sent);
    await directory.close();
  }));

test.each([
  ['while WeCom is silent', { kind: 'hang' }],
  ['in the middle of a pause', { kind: 'errcode', errcode: 45009 }],
  ['in the middle of backing off', { kind: 'errcode', errcode: -1 }],
] as const)('an abort %s ends the reading at once', (_name, effect) =>
  withSandbox(SMALL, async (sandbox) => {
    const fault = sandbox.faults.add({ match: { endpoint: 'user/list' }, effect });
    const { directory } = openForSandbox(sandbox, { timeoutMs: 60_000, frequencyWaitMs: 60_000, backoffMs: 60_000 });
    const controller = new AbortController();
    const reading = directory.read(firstCorp(sandbox), { signal: controller.signal });
    reading.catch(() => undefined);
    await fault.reached();
    const began = performance.now();
    controller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    expect(performance.now() - began).toBeLessThan(1_000);
    await directory.close();
  }),
);

test('no error, log line or stack holds the secret, a token or a number', () =>
  withSandbox(SMALL, async (sandbox) => {
    const corp = corpOf(sandbox);
    const { secret } = sandbox.world.secret(corp, 'app_pre2022');
    const told: string[] = [];
    const tell = (error: unknown): void => {
      for (let one: unknown = error; one instanceof Error; one = one.cause) told.push(one.message, one.stack ?? '', JSON.stringify(one, Object.getOwnPropertyNames(one)));
    };
    const faults = [
      { kind: 'reset' },
      { kind: 'html' },
      { kind: 'errcode', errcode: 40058, text: `bad secret ${secret} for 13800138000` },
      { kind: 'errcode', errcode: 60020 },
      { kind: 'hang' },
    ] as const;
    for (const endpoint of ['gettoken', 'department/list']) {
      for (const effect of faults) {
        const fault = sandbox.faults.add({ match: { endpoint }, effect });
        const { directory, logged } = openForSandbox(sandbox, { retries: 1, timeoutMs: 100 });
        await directory.read(firstCorp(sandbox), { signal: never() }).catch(tell);
        told.push(JSON.stringify(logged));
        fault.remove();
        await directory.close();
      }
    }
    const text = told.join('\n');
    expect(told.length).toBeGreaterThan(20);
    expect(text).not.toContain(secret);
    expect(text).toContain('bad secret *** for 138****8000');
    expect(text).not.toMatch(/access_token=|corpsecret|cgi-bin/);
  }));

test.each<readonly [string, (token: string) => string]>([
  ['as it is', (token) => token],
  ['in capitals', (token) => token.toUpperCase()],
  ['in groups', (token) => token.replaceAll(/(.{5})/g, '$1 ')],
  ['in full width', (token) => token.replaceAll(/[a-z\d]/gi, (letter) => String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0))],
])('a token %s is masked in what WeCom says', (_, written) =>
  withSandbox(SMALL, async (sandbox) => {
    const token = 'vQ8xT2mN5pL7_sD4fG9hJ1wE6rY3uI-oA0zX';
    sandbox.faults.add({ match: { endpoint: 'gettoken' }, effect: { kind: 'patch', set: { access_token: token } } });
    sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: { kind: 'errcode', errcode: 60020, text: `hint ${written(token)} end` } });
    const { directory } = openForSandbox(sandbox, { retries: 0 });
    await expect(directory.read(firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({ message: expect.stringMatching(/hint \*\*\* ?end/) });
    await directory.close();
  }),
);

test('a member without a usable userid is named, and the others are read', () =>
  withSandbox(SMALL, async (sandbox) => {
    const [, department = 0] = corpOf(sandbox).departmentIds;
    sandbox.faults.add({ match: { endpoint: 'user/list', department }, effect: adversarial('user_list.without-userid.json') });
    const { directory } = openForSandbox(sandbox);
    const { gaps, unreadable, members } = await directory.read(firstCorp(sandbox), { signal: never() });
    expect([gaps, unreadable, members.some(({ userid }) => userid === 'ChenYue')]).toEqual([[], { members: ['陈越'], departments: [] }, true]);
    await directory.close();
  }));

test('members that say nothing about who they are are named by their place, and the others are read', () =>
  withSandbox(SMALL, async (sandbox) => {
    const [, department = 0] = corpOf(sandbox).departmentIds;
    const odd = sandbox.faults.add({ match: { endpoint: 'user/list', department }, effect: adversarial('user_list.list-of-other-things.json') });
    const { directory } = openForSandbox(sandbox);
    const { gaps, unreadable, members } = await directory.read(firstCorp(sandbox), { signal: never() });
    expect([gaps, members.some(({ userid }) => userid === 'ChenYue')]).toEqual([[], true]);
    expect(unreadable).toEqual({ members: [2, 3, 4, 5].map((record) => `record ${record} of department ${department}`), departments: [] });
    odd.remove();
    sandbox.faults.add({ match: { endpoint: 'user/list', department }, effect: { kind: 'patch', set: { userlist: [{ userid: '', name: '', mobile: '13800138000' }] } } });
    expect((await directory.read(firstCorp(sandbox), { signal: never() })).unreadable.members).toEqual([`record 1 of department ${department} (mobile 138****8000)`]);
    await directory.close();
  }));

test('a member whose list of departments has odd entries is in the others, and in each department in whose own list they came', () =>
  withSandbox(SMALL, async (sandbox) => {
    const [, one = 0, two = 0] = corpOf(sandbox).departmentIds;
    const lists = [[one, [{ userid: 'a', department: [one, 2.5], order: [7, 8] }, { userid: 'b', department: [1.5, -1, 1] }, { userid: 'c', department: 'x' }]], [two, [{ userid: 'A', department: [one, 2.5], order: [7, 8] }]]] as const;
    for (const [department, userlist] of lists) sandbox.faults.add({ match: { endpoint: 'user/list', department }, effect: { kind: 'patch', set: { userlist } } });
    const { directory, logged } = openForSandbox(sandbox);
    const { gaps, unreadable, members } = await directory.read(firstCorp(sandbox), { signal: never() });
    expect([gaps, unreadable]).toEqual([[], { members: [], departments: [] }]);
    const places = (key: string): unknown => members.filter(({ userid }) => userid.toLowerCase() === key).map(({ memberships }) => memberships);
    expect(places('a')).toEqual([0, 1].map(() => [{ departmentId: one, sortOrder: 7 }, { departmentId: two }]));
    expect(places('b')).toEqual([[{ departmentId: 1 }, { departmentId: one }]]);
    expect(places('c')).toEqual([[{ departmentId: one }]]);
    expect(logged.filter(({ event }) => event === 'memberships_unreadable')).toMatchObject([{ level: 'warn', facts: { members: 3, of: expect.arrayContaining(['member b']) } }]);
    await directory.close();
  }));

test('two spellings of one userid are told once, in one answer and in several', () =>
  withSandbox(SMALL, async (sandbox) => {
    const [, one = 0, two = 0] = corpOf(sandbox).departmentIds;
    sandbox.faults.add({ match: { endpoint: 'user/list', department: one }, effect: adversarial('user_list.same-userid-in-two-cases.json') });
    for (const [department, userid] of [[1, 'x.y'], [two, 'X.y']] as const) sandbox.faults.add({ match: { endpoint: 'user/list', department }, effect: { kind: 'patch', set: { userlist: [{ userid }] } } });
    const { directory, logged } = openForSandbox(sandbox);
    await directory.read(firstCorp(sandbox), { signal: never() });
    const told = logged.filter(({ event }) => event === 'userids_respelled');
    expect(told).toMatchObject([{ level: 'warn', facts: { userids: 2, of: expect.arrayContaining(['ChenYue and chenyue', expect.stringMatching(/^x\.y and x\.y$/i)]) } }]);
    await directory.close();
  }));

test.each(['user_list.no-list.json', 'user_list.list-is-object.json', 'any.null.json', 'any.errcode-null.json', 'any.login-page.html'])('a department answered by %s is a gap, never empty', (file) =>
  withSandbox(SMALL, async (sandbox) => {
    const [, department = 0] = corpOf(sandbox).departmentIds;
    sandbox.faults.add({ match: { endpoint: 'user/list', department }, effect: adversarial(file) });
    const { directory } = openForSandbox(sandbox);
    const { gaps } = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(gaps).toEqual([expect.objectContaining({ what: `department ${department}` })]);
    await directory.close();
  }),
);

test('departments without a usable id are named, by their place if need be, and the others are read', () =>
  withSandbox(SMALL, async (sandbox) => {
    const odd = sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: adversarial('department_list.odd-ids.json') });
    const { directory } = openForSandbox(sandbox);
    const { gaps, unreadable, departments } = await directory.read(firstCorp(sandbox), { signal: never() });
    expect([gaps, departments.map(({ id }) => id)]).toEqual([[], [1, 5]]);
    expect(unreadable).toEqual({ members: [], departments: ['部门0 (id 0)', '部门-3 (id -3)', '部门6 (id 6.5)', '没有编号'] });
    odd.remove();
    sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: { kind: 'patch', set: { department: [{ id: 1, parentid: 0 }, {}, 7] } } });
    const nameless = await directory.read(firstCorp(sandbox), { signal: never() });
    expect([nameless.gaps, nameless.unreadable]).toEqual([[], { members: [], departments: ['record 2 of the departments', 'record 3 of the departments'] }]);
    await directory.close();
  }));

test('lists of leaders that hold what is no userid count as not sent, and are logged', () =>
  withSandbox(SMALL, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: adversarial('department_list.leaders-of-another-type.json') });
    sandbox.faults.add({ match: { endpoint: 'user/list', department: 1 }, effect: { kind: 'patch', set: { userlist: [{ userid: 'a', direct_leader: ['王'] }, { userid: 'b', direct_leader: ['c'] }, { userid: 'd', direct_leader: null }] } } });
    const { directory, logged } = openForSandbox(sandbox);
    const { departments, members } = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(departments.filter(({ leaders }) => leaders !== undefined)).toEqual([]);
    expect(members.find(({ userid }) => userid === 'b')?.fields.directLeaders).toEqual(['c']);
    expect(logged.filter(({ event }) => event === 'leaders_unreadable')).toMatchObject([{ level: 'warn', facts: { lists: 3, of: expect.arrayContaining(['member a']) } }]);
    await directory.close();
  }));

test.each(['gettoken.empty-token.json', 'gettoken.no-token.json'])('%s is a failure of gettoken', (file) =>
  withSandbox(SMALL, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: 'gettoken' }, effect: adversarial(file) });
    const { directory } = openForSandbox(sandbox);
    await expect(directory.read(firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({ message: expect.stringContaining('gettoken') });
    expect(Object.keys(sandbox.stats.total.byEndpoint)).toEqual(['gettoken']);
    await directory.close();
  }),
);

test.each(['gettoken.no-life.json', 'gettoken.endless-life.json', 'gettoken.token-with-odd-characters.json'])('%s leads to no endless asking', (file) =>
  withSandbox(SMALL, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: 'gettoken' }, effect: adversarial(file) });
    const { directory } = openForSandbox(sandbox);
    await expect(directory.read(firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({ errcode: 40014 });
    expect(sandbox.stats.total.byEndpoint).toEqual({ gettoken: 3, 'department/list': 3 });
    await directory.close();
  }),
);

test('a cursor that leads in a circle ends the cross-check', () =>
  withSandbox(SMALL, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: 'user/list_id' }, effect: adversarial('user_list_id.cursor-that-repeats.json') });
    const contactsSecret = new Secret(sandbox.world.secret(corpOf(sandbox), 'contacts').secret);
    const { directory } = openForSandbox(sandbox, { contactsSecret });
    expect((await directory.read(firstCorp(sandbox), { signal: never() })).gaps).toEqual([]);
    expect(sandbox.stats.total.byEndpoint['user/list_id']).toBe(2);
    await directory.close();
  }));

test('a refused cursor begins the paging once more', () =>
  withSandbox(SMALL, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: 'user/list_id' }, nth: 1, effect: { kind: 'errcode', errcode: 50100 } });
    const contactsSecret = new Secret(sandbox.world.secret(corpOf(sandbox), 'contacts').secret);
    const { directory, events } = openForSandbox(sandbox, { contactsSecret });
    await directory.read(firstCorp(sandbox), { signal: never() });
    expect(events()).toContain('cross_checked');
    expect(events()).not.toContain('contacts_secret_unused');
    await directory.close();
  }));

test.each(['user_get.nobody.json', 'user_get.someone-else.json'])('%s is neither the member asked for nor gone', (file) =>
  withSandbox(SMALL, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: 'user/get' }, effect: adversarial(file) });
    const { directory } = openForSandbox(sandbox);
    await expect(directory.findMember(firstCorp(sandbox), 'ChenYue', never())).rejects.toMatchObject({ kind: 'failed', code: 'answer_unusable' });
    await directory.close();
  }),
);

test('a hit with nobody in it is a miss', () =>
  withSandbox(SMALL, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: 'user/getuserid' }, effect: adversarial('user_getuserid.empty-userid.json') });
    const { directory } = openForSandbox(sandbox);
    await expect(directory.findUseridByMobile(firstCorp(sandbox), '13800000000', never())).resolves.toBeUndefined();
    await directory.close();
  }));
