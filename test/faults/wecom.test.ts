import { describe, expect, test } from 'vitest';
import type { RuleInput } from '../../src/sandbox/faults.ts';
import { endsAndMiddle } from '../support/every.ts';
import { expectRecovery, expectTruth, organisationOf } from '../support/recovery.ts';
import { adversarial, corpOf } from '../support/sandbox.ts';
import { ENGINES, type EngineName, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

type Effect = RuleInput['effect'];

const IMPATIENT = '  rate: 500\n  rate_address: 1000\n  concurrency: 10\n  timeout: 1s\n  retries: 1\n  frequency_wait: 50ms\n';

/** What one request may suffer without a person ever hearing of it. */
const PASSING: readonly (readonly [string, Effect])[] = [
  ['a reset connection', { kind: 'reset' }],
  ['an answer that is lost', { kind: 'lose' }],
  ['a connection that breaks in the answer', { kind: 'break' }],
  ['silence', { kind: 'hang' }],
  ['HTTP 500', { kind: 'status' }],
  ['a 502 of HTML', { kind: 'html' }],
  ['cut JSON', { kind: 'cut' }],
  ['an empty 200', { kind: 'empty' }],
  ['errcode -1', { kind: 'errcode', errcode: -1, lists: true }],
  ['45009 for one window', { kind: 'errcode', errcode: 45009 }],
  ['45033', { kind: 'errcode', errcode: 45033, lists: true }],
  ['a dead token', { kind: 'killToken' }],
];

/** Where to hurt. A frequency limit on a token request is waited out for a minute: that has its test in test/wecom. */
function places(requests: number, effect: Effect): readonly number[] {
  return endsAndMiddle(requests).filter((nth) => nth > 1 || effect.kind !== 'errcode' || effect.errcode !== 45009);
}

async function setSmall(yaml = '', engine: EngineName = 'sqlite'): Promise<Stage> {
  return await setStage({ engine, members: 10, departments: 4, wecom: IMPATIENT, yaml });
}

describe('passing trouble at the first, a middle and the last request is absorbed:', () => {
  test.each(PASSING)('%s', async (_, effect) => {
    const stage = await setSmall();
    const requests = (await stage.sync()).corps[0]?.requests ?? 0;
    for (const nth of places(requests, effect)) {
      stage.sandbox.churn({ seed: nth, departmentRemove: 0, departmentCreate: 0, leave: 0, return: 0 });
      const rule = stage.sandbox.faults.add({ nth, effect });
      const report = await stage.sync();
      expect(report.corps.map(({ outcome, error }) => [outcome, error])).toEqual([['ok', null]]);
      expect(rule.fired).toBe(1);
      rule.remove();
      await expectTruth(stage);
    }
  });
});

describe('lasting trouble from the first, a middle or the last request on changes nothing:', () => {
  test.each(PASSING.filter(([, { kind }]) => kind !== 'killToken'))('%s', async (_, effect) => {
    const stage = await setSmall();
    const requests = (await stage.sync()).corps[0]?.requests ?? 0;
    stage.sandbox.churn({ seed: 3, departmentRemove: 0 });
    const before = await organisationOf(stage);
    for (const from of places(requests, effect)) {
      const rule = stage.sandbox.faults.add({ nth: Array.from({ length: 200 }, (_unused, index) => from + index), effect });
      expect(await stage.sync()).toMatchObject({ outcome: 'failed', corps: [{ outcome: 'failed', counts: { departed: 0 } }] });
      expect(await organisationOf(stage)).toEqual(before);
      rule.remove();
    }
    await expectRecovery(stage, { allowDepartures: true });
  });
});

/** Codes by which WeCom says that it will show nothing, whatever is there. */
const WITHDRAWN = [40001, 40013, 40091, 41004, 40141, 301007, 48001, 48002, 48004, 48006, 50003, 60020, 60031, 60011, 60021];

describe('a WeCom that shows nothing any more, with empty lists beside the errcode, dismisses nobody:', () => {
  test.each(['gettoken', 'department/list', 'user/list'])('said by %s', async (endpoint) => {
    const stage = await setSmall('safety: { max_departures: 100%, max_department_removals: 100%, min_members: 0 }\n');
    await stage.sync();
    const before = await organisationOf(stage);
    for (const errcode of WITHDRAWN) {
      const rule = stage.sandbox.faults.add({ match: { endpoint }, effect: { kind: 'errcode', errcode, lists: true } });
      const report = await stage.sync({ allowDepartures: true });
      expect([errcode, report.outcome, await organisationOf(stage)]).toEqual([errcode, 'failed', before]);
      rule.remove();
    }
    await expectRecovery(stage);
  });

  test('a frozen corp, a disabled application, an address that is trusted no more, a range that shrinks to nothing', async () => {
    const stage = await setSmall('safety: { max_departures: 100%, max_department_removals: 100%, min_members: 0 }\n');
    await stage.sync();
    const { id } = corpOf(stage.sandbox);
    const before = await organisationOf(stage);
    stage.sandbox.change({ op: 'setCorp', corp: id, frozen: 301007 });
    expect(await stage.sync({ allowDepartures: true })).toMatchObject({ outcome: 'failed' });
    stage.sandbox.change({ op: 'setCorp', corp: id, frozen: null }, { op: 'setSecret', corp: id, kind: 'app_pre2022', patch: { trustedIps: ['203.0.113.1'] } });
    expect(await stage.sync({ allowDepartures: true })).toMatchObject({ outcome: 'failed' });
    expect(await organisationOf(stage)).toEqual(before);
    stage.sandbox.change({ op: 'setSecret', corp: id, kind: 'app_pre2022', patch: { trustedIps: ['127.0.0.1', '::1', '::ffff:127.0.0.1'] } });
    await expectRecovery(stage);
  });
});

test('a wrong secret is asked once a run, and the other corps go on', async () => {
  const stage = await setStage({ corps: 3, members: 10, departments: 3, wecom: IMPATIENT });
  const { id } = corpOf(stage.sandbox, 2);
  stage.sandbox.faults.add({ match: { corp: id, endpoint: 'gettoken' }, effect: { kind: 'errcode', errcode: 40001 } });
  expect(await stage.sync()).toMatchObject({ outcome: 'partial', exitCode: 1, corps: [{ outcome: 'ok' }, { outcome: 'failed', error: { code: 'secret_refused' } }, { outcome: 'ok' }] });
  expect(stage.sandbox.stats.corp(id).byEndpoint['gettoken']).toBe(1);
  await expectRecovery(stage);
});

describe('trouble that stays ends with the exit code of its kind, for one corp of several and for all:', () => {
  test.each<[string, Effect, number, number]>([
    ['WeCom busy', { kind: 'errcode', errcode: -1 }, 1, 69],
    ['a version conflict', { kind: 'errcode', errcode: 6000 }, 1, 69],
    ['WeCom under maintenance', { kind: 'errcode', errcode: 81026 }, 1, 69],
    ['HTTP 500', { kind: 'status' }, 1, 69],
    ['a frequency limit', { kind: 'errcode', errcode: 45009 }, 75, 75],
    ['too many requests open', { kind: 'errcode', errcode: 45033 }, 75, 75],
    ['a conflict of requests', { kind: 'errcode', errcode: 45035 }, 75, 75],
    ['abnormal traffic', { kind: 'errcode', errcode: 45036 }, 75, 75],
  ])('%s', async (_, effect, one, all) => {
    const stage = await setStage({ corps: 2, members: 5, departments: 3, wecom: IMPATIENT });
    const rule = stage.sandbox.faults.add({ match: { endpoint: 'department/list', corp: corpOf(stage.sandbox).id }, effect });
    expect(await stage.sync()).toMatchObject({ outcome: 'partial', exitCode: one });
    rule.remove();
    stage.sandbox.faults.add({ match: { endpoint: 'department/list' }, effect });
    expect(await stage.sync()).toMatchObject({ outcome: 'failed', exitCode: all });
  });
});

describe('a corp in trouble changes nothing for the others:', () => {
  test.each<[string, Effect, object]>([
    ['silence', { kind: 'hang' }, { outcome: 'failed' }],
    ['rubbish', { kind: 'html', status: 200 }, { outcome: 'failed' }],
    ['a frequency limit', { kind: 'errcode', errcode: 45009 }, { outcome: 'failed' }],
    ['hostile data', adversarial('user_list.list-of-other-things.json'), { outcome: 'ok', error: { code: 'members_unreadable' } }],
  ])('%s', async (_, effect, own) => {
    const stage = await setStage({ corps: 3, members: 10, departments: 3, wecom: IMPATIENT, yaml: 'parallel_corps: 2\n' });
    await stage.sync();
    const { id } = corpOf(stage.sandbox);
    stage.sandbox.churn({ seed: 2, departmentRemove: 0 });
    stage.sandbox.faults.add({ match: { corp: id, endpoint: 'user/list' }, effect });
    expect(await stage.sync({ allowDepartures: true })).toMatchObject({ corps: [own, { outcome: 'ok', error: null }, { outcome: 'ok', error: null }] });
    for (const nth of [2, 3]) {
      const { stored, source } = await stage.organisations(corpOf(stage.sandbox, nth).id);
      expect(stored).toEqual(source);
    }
    await expectRecovery(stage, { allowDepartures: true });
  });
});

test('a member who has left, and whose userid WeCom calls invalid from then on, departs', async () => {
  const stage = await setSmall();
  await stage.sync();
  const { id, members } = corpOf(stage.sandbox);
  const [userid = ''] = [...members.values()].filter(({ status }) => status === 1).map((member) => member.userid);
  stage.sandbox.change({ op: 'removeMember', corp: id, userid });
  stage.sandbox.faults.add({ match: { endpoint: 'user/get', userid }, effect: { kind: 'errcode', errcode: 40003 } });
  expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: { departed: 1 } }] });
  await expectTruth(stage);
});

test('a department whose list is too large is read member by member', async () => {
  const stage = await setSmall();
  stage.sandbox.faults.add({ match: { endpoint: 'user/list', department: 1 }, effect: { kind: 'errcode', errcode: 45029 } });
  expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
  await expectTruth(stage);
});

test('a department that is removed, with its members moved, between the list and its fetch costs nobody', async () => {
  const stage = await setSmall('safety: { max_department_removals: 100% }\n');
  await stage.sync();
  const corp = corpOf(stage.sandbox);
  const leaf = [...corp.departmentIds].reverse().find((id) => ![...corp.departments.values()].some(({ parentid }) => parentid === id)) ?? 0;
  const inside = [...corp.members.values()].filter(({ places }) => places.some(({ department }) => department === leaf));
  for (const { userid } of inside) {
    stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 1, effect: { kind: 'change', change: { op: 'moveMember', corp: corp.id, userid, places: [{ department: 1, order: 0, leader: false }] } } });
  }
  stage.sandbox.faults.add({ match: { endpoint: 'user/list', department: leaf }, nth: 1, effect: { kind: 'change', change: { op: 'removeDepartment', corp: corp.id, id: leaf } } });
  expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: { departed: 0 } }] });
  await expectRecovery(stage);
});

test.each(ENGINES)('people with names from every corner are stored as WeCom has them, and found unchanged by the next run: %s', async (engine) => {
  const stage = await setSmall('', engine);
  const { id } = corpOf(stage.sandbox);
  const names = ['名'.repeat(64), '😀👨‍👩‍👧‍👦🇨🇳', '𠮷野家𪚥𠀀', `it's "quoted" \\ back\\slash\\`, "'; DROP TABLE members; --", '%_\\%', '=1+1', 'مرحبا‏'];
  const change = names.map((name, index) => ({ op: 'addMember' as const, corp: id, member: { userid: `odd.${index}@x-_`, name, alias: name, position: name, status: 1 }, places: [{ department: 1, order: 4_294_967_295, leader: false }] }));
  stage.sandbox.change(...change, { op: 'addDepartment', corp: id, department: { id: 4_000_000_007, name: '𠮷 "部门" \\', order: 4_294_967_295 } });
  stage.sandbox.change({ op: 'addMember', corp: id, member: { userid: 'u'.repeat(64), name: 'long', status: 1 }, places: [{ department: 4_000_000_007, order: 0, leader: true }] });
  expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
  await expectTruth(stage);
  expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: { joined: 0, departed: 0, changed: 0, departmentsChanged: 0 } }] });
});
