import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Corp } from '../../src/sandbox/corp.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import type { Secret } from '../../src/sandbox/secrets.ts';
import { ROBOT_KEY } from '../../src/sandbox/world.ts';
import { ask, corpOf, startSandbox, tokenFor } from '../support/sandbox.ts';

const NOON_IN_SHANGHAI = Date.UTC(2026, 8, 11, 4);
let sandbox: Sandbox;
let corp: Corp;
let secret: Secret;
beforeEach(async () => {
  sandbox = await startSandbox({ corps: 2, members: 30, departments: 5, now: () => NOON_IN_SHANGHAI });
  corp = corpOf(sandbox);
  secret = sandbox.world.secret(corp, 'app_pre2022');
});
afterEach(() => sandbox.close());

const code = async (endpoint: string, query: Record<string, string | number> = {}, body?: unknown): Promise<unknown> => (await ask(sandbox.url, endpoint, query, body)).json['errcode'];
const token = (): Promise<string> => tokenFor(sandbox.url, corp, secret);
const credentials = (corpsecret = secret.secret): { corpid: string; corpsecret: string } => ({ corpid: corp.id, corpsecret });

describe('gettoken', () => {
  it('complains of a missing secret first, then of a missing, an unknown corpid, then of a wrong secret', async () => {
    expect(await code('gettoken', { corpid: 'wwnobody' })).toBe(41004);
    expect(await code('gettoken', { corpsecret: 'x' })).toBe(41002);
    expect(await code('gettoken', { corpid: 'wwnobody', corpsecret: 'x' })).toBe(40013);
    expect(await code('gettoken', credentials('x'))).toBe(40001);
    expect(await code('gettoken', credentials())).toBe(0);
  });

  it('refuses a secret that was reset, and one whose application was stopped', async () => {
    const old = secret.secret;
    sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { secret: 'new' } });
    expect([await code('gettoken', credentials(old)), await code('gettoken', credentials('new'))]).toEqual([40001, 0]);
    sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { disabled: true } });
    expect(await code('gettoken', credentials('new'))).toBe(40001);
  });

  it('bars an address for an hour, for all corps, after too many wrong secrets', async () => {
    sandbox.settings.badSecretsPerHour = 3;
    for (let count = 0; count < 4; count += 1) expect(await code('gettoken', credentials('wrong'))).toBe(40001);
    const other = corpOf(sandbox, 2);
    const right = { corpid: other.id, corpsecret: sandbox.world.secret(other, 'app_pre2022').secret };
    expect(await code('gettoken', right)).toBe(45009);
    sandbox.advance(3_599_000);
    expect(await code('gettoken', right)).toBe(45009);
    sandbox.advance(2_000);
    expect(await code('gettoken', right)).toBe(0);
  });

  it('gives the same token inside its life, another one after it, and always another one when told so', async () => {
    const first = await token();
    expect(await token()).toBe(first);
    sandbox.advance(7_200_000);
    const second = await token();
    expect(second).not.toBe(first);
    sandbox.settings.newTokenEachTime = true;
    expect(await token()).not.toBe(second);
  });

  it('gives each secret a token of its own', async () => {
    expect(await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, 'app'))).not.toBe(await token());
  });
});

describe('a token', () => {
  it('counts in the query only: in a header or a body it is missing', async () => {
    const response = await fetch(`${sandbox.url}/cgi-bin/user/get?userid=x`, { headers: { Authorization: `Bearer ${await token()}` } });
    expect(await response.json()).toMatchObject({ errcode: 41001, department: [] });
    expect(await code('user/list_id', {}, { access_token: await token() })).toBe(41001);
  });

  it('is 42001 once it has expired', async () => {
    const access_token = await token();
    sandbox.advance(7_200_000);
    expect(await code('department/list', { access_token })).toBe(42001);
  });

  it('can be killed before its time, as invalid or as expired, for one corp or for all', async () => {
    const [mine, other] = [await token(), await tokenFor(sandbox.url, corpOf(sandbox, 2), sandbox.world.secret(corpOf(sandbox, 2), 'app_pre2022'))];
    expect(sandbox.killTokens(corp.id)).toBe(1);
    expect(await code('department/list', { access_token: mine })).toBe(40014);
    expect(await code('department/list', { access_token: other })).toBe(0);
    sandbox.killTokens(undefined, 42001);
    expect(await code('department/list', { access_token: other })).toBe(42001);
    expect(await code('department/list', { access_token: await token() })).toBe(0);
  });

  it('dies of a newer one only when told so', async () => {
    Object.assign(sandbox.settings, { newTokenEachTime: true });
    const old = await token();
    await token();
    expect(await code('department/list', { access_token: old })).toBe(0);
    sandbox.settings.oldTokensSurvive = false;
    const before = await token();
    await token();
    expect(await code('department/list', { access_token: before })).toBe(40014);
  });
});

describe('checks come in the order of WeCom', () => {
  it('a made-up token is 40014 from a foreign address, and without parameters', async () => {
    sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { trustedIps: ['192.0.2.1'] } });
    expect(await code('user/get', { access_token: 'FAKE' })).toBe(40014);
  });

  it('a foreign address is 60020 before any parameter is looked at, and gettoken answers it', async () => {
    sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { trustedIps: ['192.0.2.1'] } });
    const { json } = await ask(sandbox.url, 'user/get', { access_token: await token() });
    expect(json['errcode']).toBe(60020);
    expect(json['errmsg']).toContain('from ip: 127.0.0.1,');
    sandbox.settings.callerIp = '192.0.2.1';
    expect(await code('user/get', { access_token: await token() })).toBe(41009);
  });

  it('a frozen corp answers everything with its code', async () => {
    const access_token = await token();
    sandbox.change({ op: 'setCorp', corp: corp.id, frozen: 301007 });
    expect([await code('gettoken', credentials()), await code('department/list', { access_token })]).toEqual([301007, 301007]);
    sandbox.change({ op: 'setCorp', corp: corp.id, frozen: null });
    expect(await code('department/list', { access_token })).toBe(0);
  });
});

describe('limits', () => {
  it('close an endpoint to a corp for a minute after too many in a minute', async () => {
    sandbox.settings.corpPerMinute = 3;
    const access_token = await token();
    const three = [1, 2, 3].map(() => code('user/get', { access_token, userid: 'x' }));
    expect(await Promise.all(three)).toEqual([60111, 60111, 60111]);
    expect(await code('user/get', { access_token, userid: 'x' })).toBe(45009);
    expect(await code('department/list', { access_token })).toBe(0);
    sandbox.advance(59_000);
    expect(await code('user/get', { access_token, userid: 'x' })).toBe(45009);
    sandbox.advance(1_000);
    expect(await code('user/get', { access_token, userid: 'x' })).toBe(60111);
  });

  it('close an endpoint to an address, over all corps', async () => {
    sandbox.settings.ipPerHour = 2;
    const [mine, other] = [await token(), await tokenFor(sandbox.url, corpOf(sandbox, 2), sandbox.world.secret(corpOf(sandbox, 2), 'app_pre2022'))];
    expect([await code('department/list', { access_token: mine }), await code('department/list', { access_token: other })]).toEqual([0, 0]);
    expect(await code('department/list', { access_token: mine })).toBe(45009);
    sandbox.advance(3_600_000);
    expect(await code('department/list', { access_token: mine })).toBe(0);
  });

  it('refuse more open requests per corp and endpoint than allowed with 45033', async () => {
    sandbox.settings.concurrency = 2;
    const access_token = await token();
    const hold = sandbox.faults.add({ match: { endpoint: 'user/get' }, times: 2, effect: { kind: 'hold' } });
    const held = [1, 2].map(() => code('user/get', { access_token, userid: 'x' }));
    await hold.reached(2);
    expect(await code('user/get', { access_token, userid: 'x' })).toBe(45033);
    expect(await code('department/list', { access_token })).toBe(0);
    hold.release();
    expect(await Promise.all(held)).toEqual([60111, 60111]);
    expect(await code('user/get', { access_token, userid: 'x' })).toBe(60111);
  });

  it('answer 45029 for a department that is too large, and its ids all the same', async () => {
    sandbox.settings.maxListMembers = 0;
    const access_token = await token();
    const department_id = [...corp.members.values()][0]?.places[0]?.department ?? 0;
    expect(await code('user/list', { access_token, department_id })).toBe(45029);
    expect(await code('user/simplelist', { access_token, department_id })).toBe(0);
  });

  it('bar an address for good that goes faster than the strict guard allows, and write it down', async () => {
    sandbox.settings.strictPerSecond = 5;
    const access_token = await token();
    const codes = await Promise.all(Array.from({ length: 8 }, () => code('department/list', { access_token })));
    expect(codes).toContain(45009);
    expect(sandbox.stats.breaches[0]).toMatchObject({ corpId: corp.id, ip: '127.0.0.1', inOneSecond: 6 });
    sandbox.advance(86_400_000);
    expect(await code('gettoken', credentials())).toBe(45009);
    sandbox.limits.reset();
    sandbox.settings.strictPerSecond = null;
    expect(await code('gettoken', credentials())).toBe(0);
  });
});

describe('the wrong-number rule', () => {
  const miss = async (): Promise<unknown> => code('user/getuserid', { access_token: await token() }, { mobile: '13911112222' });

  it('closes getuserid to a corp after misses beyond a fifth of its member limit, until the day ends in Shanghai', async () => {
    sandbox.change({ op: 'setCorp', corp: corp.id, memberLimit: 10 });
    expect([await miss(), await miss(), await miss()]).toEqual([46004, 46004, 46004]);
    const known = [...corp.members.values()].find(({ mobile }) => mobile !== '')?.mobile;
    expect(await code('user/getuserid', { access_token: await token() }, { mobile: known })).toBe(45009);
    expect(await code('department/list', { access_token: await token() })).toBe(0);
    sandbox.advance(12 * 3_600_000 - 1);
    expect(await miss()).toBe(45009);
    sandbox.advance(1);
    expect(await code('user/getuserid', { access_token: await token() }, { mobile: known })).toBe(0);
    expect(sandbox.stats.corp(corp.id).misses).toBe(3);
  });

  it('does not count a malformed number, nor a hit', async () => {
    sandbox.change({ op: 'setCorp', corp: corp.id, memberLimit: 5 });
    const known = [...corp.members.values()].find(({ mobile }) => mobile !== '');
    for (let count = 0; count < 5; count += 1) {
      expect(await code('user/getuserid', { access_token: await token() }, { mobile: '12' })).toBe(60103);
      expect((await ask(sandbox.url, 'user/getuserid', { access_token: await token() }, { mobile: known?.mobile })).json['userid']).toBe(known?.userid);
    }
    expect(await miss()).toBe(46004);
  });

  it('counts somebody outside the range as a miss', async () => {
    sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { range: { departments: [], users: [], tags: [] } } });
    const known = [...corp.members.values()].find(({ mobile }) => mobile !== '')?.mobile;
    expect(await code('user/getuserid', { access_token: await token() }, { mobile: known })).toBe(46004);
    expect(sandbox.stats.corp(corp.id).misses).toBe(1);
  });

  it('can be switched off', async () => {
    sandbox.settings.wrongNumberRule = false;
    sandbox.change({ op: 'setCorp', corp: corp.id, memberLimit: 1 });
    for (let count = 0; count < 20; count += 1) expect(await miss()).toBe(46004);
  });
});

it('a robot takes 20 messages a minute', async () => {
  const send = async (): Promise<unknown> => code('webhook/send', { key: ROBOT_KEY }, { msgtype: 'text', text: { content: 'x' } });
  for (let count = 0; count < 20; count += 1) expect(await send()).toBe(0);
  expect(await send()).toBe(45009);
  sandbox.advance(60_000);
  expect(await send()).toBe(0);
});
