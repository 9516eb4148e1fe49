import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Corp } from '../../src/sandbox/corp.ts';
import type { RuleInput } from '../../src/sandbox/faults.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { type Asked, ask, corpOf, startSandbox, tokenFor } from '../support/sandbox.ts';

let sandbox: Sandbox;
let corp: Corp;
let access_token: string;
beforeEach(async () => {
  sandbox = await startSandbox({ corps: 2, members: 30, departments: 5 });
  corp = corpOf(sandbox);
  access_token = await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, 'app_pre2022'));
});
afterEach(() => sandbox.close());

const list = (department_id = 1): Promise<Asked> => ask(sandbox.url, 'user/list', { access_token, department_id });
const effect = (wanted: RuleInput['effect']): ReturnType<Sandbox['faults']['add']> => sandbox.faults.add({ match: { endpoint: 'user/list' }, effect: wanted });

describe('a rule', () => {
  it('meets only what it names: endpoint, corp, department, userid', async () => {
    const errcodes = async (): Promise<unknown[]> =>
      Promise.all([
        list(1),
        list(2),
        ask(sandbox.url, 'user/get', { access_token, userid: 'X' }),
        ask(sandbox.url, 'department/list', { access_token }),
      ]).then((answers) => answers.map(({ json }) => json['errcode']));
    const cases: readonly (readonly [NonNullable<RuleInput['match']>, readonly number[]])[] = [
      [{ endpoint: 'user/list' }, [-1, -1, 60111, 0]],
      [{ endpoint: ['user/get', 'department/list'] }, [0, 0, -1, -1]],
      [{ department: 2 }, [0, -1, 60111, 0]],
      [{ userid: 'x' }, [0, 0, -1, 0]],
      [{ corp: corp.id }, [-1, -1, -1, -1]],
      [{ corp: corpOf(sandbox, 2).id }, [0, 0, 60111, 0]],
    ];
    for (const [match, wanted] of cases) {
      sandbox.faults.add({ id: 'one', match, effect: { kind: 'errcode', errcode: -1 } });
      expect(await errcodes(), JSON.stringify(match)).toEqual(wanted);
    }
  });

  it('fires at the n-th match, so many times, or by chance', async () => {
    const codes = async (count: number): Promise<unknown[]> => {
      const found: unknown[] = [];
      for (let nth = 0; nth < count; nth += 1) found.push((await list()).json['errcode']);
      return found;
    };
    sandbox.faults.add({ id: 'one', nth: 2, effect: { kind: 'errcode', errcode: -1 } });
    expect(await codes(4)).toEqual([0, -1, 0, 0]);
    sandbox.faults.add({ id: 'one', nth: [1, 3], effect: { kind: 'errcode', errcode: -1 } });
    expect(await codes(4)).toEqual([-1, 0, -1, 0]);
    sandbox.faults.add({ id: 'one', times: 2, effect: { kind: 'errcode', errcode: -1 } });
    expect(await codes(4)).toEqual([-1, -1, 0, 0]);
    sandbox.faults.add({ id: 'one', probability: 0.5, effect: { kind: 'errcode', errcode: -1 } });
    const drawn = await codes(40);
    expect(drawn.filter((code) => code === -1).length).toBeGreaterThan(8);
    expect(drawn.filter((code) => code === 0).length).toBeGreaterThan(8);
  });

  it('ends when it is removed', async () => {
    const fault = effect({ kind: 'errcode', errcode: -1 });
    expect((await list()).json['errcode']).toBe(-1);
    fault.remove();
    expect((await list()).json['errcode']).toBe(0);
  });
});

describe('an effect', () => {
  it('errcode: the code in the whole envelope, empty lists included', async () => {
    effect({ kind: 'errcode', errcode: 45033 });
    const { json, headers } = await list();
    expect(json).toMatchObject({ errcode: 45033, userlist: [] });
    expect(headers.get('error-code')).toBe('45033');
  });

  it('status, html, empty: what gateways answer', async () => {
    effect({ kind: 'status' });
    expect(await list()).toMatchObject({ status: 500, text: '' });
    sandbox.faults.clear();
    effect({ kind: 'html' });
    const page = await list();
    expect([page.status, page.headers.get('content-type'), page.text.startsWith('<html>')]).toEqual([502, 'text/html', true]);
    sandbox.faults.clear();
    effect({ kind: 'empty' });
    expect(await list()).toMatchObject({ status: 200, text: '' });
  });

  it('cut: half of the JSON, of an honest length', async () => {
    const whole = (await list()).text;
    effect({ kind: 'cut' });
    const { text } = await list();
    expect(whole.startsWith(text)).toBe(true);
    expect(Buffer.byteLength(text)).toBe(Math.floor(Buffer.byteLength(whole) / 2));
  });

  it('break: half of the JSON, then the connection is gone', async () => {
    effect({ kind: 'break' });
    await expect(list()).rejects.toThrow();
    expect(sandbox.stats.corp(corp.id).byErrcode['broken']).toBe(1);
  });

  it('reset and lose: no answer; what was asked is done only by the second', async () => {
    sandbox.faults.add({ match: { endpoint: 'user/getuserid' }, nth: 1, effect: { kind: 'reset' } });
    sandbox.faults.add({ match: { endpoint: 'user/getuserid' }, nth: 2, effect: { kind: 'lose' } });
    const miss = (): Promise<Asked> => ask(sandbox.url, 'user/getuserid', { access_token }, { mobile: '13911112222' });
    await expect(miss()).rejects.toThrow();
    expect(sandbox.stats.corp(corp.id).misses).toBe(0);
    await expect(miss()).rejects.toThrow();
    expect(sandbox.stats.corp(corp.id).misses).toBe(1);
  });

  it('hang: never answered; the client’s patience ends it', async () => {
    const hang = effect({ kind: 'hang' });
    const patience = new AbortController();
    const asked = fetch(`${sandbox.url}/cgi-bin/user/list?access_token=${access_token}&department_id=1`, { signal: patience.signal });
    await hang.reached();
    expect(sandbox.stats.corp(corp.id).inFlight).toBe(1);
    patience.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(() => sandbox.stats.corp(corp.id).inFlight).toBe(0);
  });

  it('drip: the whole answer, in pieces', async () => {
    const whole = (await list()).text;
    effect({ kind: 'drip', chunks: 4, everyMs: 20 });
    const started = performance.now();
    expect((await list()).text).toBe(whole);
    expect(performance.now() - started).toBeGreaterThan(60);
  });

  it('delay: the answer, later', async () => {
    effect({ kind: 'delay', ms: 60 });
    const started = performance.now();
    expect((await list()).json['errcode']).toBe(0);
    expect(performance.now() - started).toBeGreaterThan(55);
  });

  it('patch: keys set and dropped', async () => {
    effect({ kind: 'patch', set: { userlist: [] }, drop: ['errmsg'] });
    expect((await list()).json).toEqual({ errcode: 0, userlist: [] });
  });

  it('killToken: at exactly the n-th request, which then is the first to be refused', async () => {
    sandbox.faults.add({ nth: 3, effect: { kind: 'killToken', as: 42001 } });
    const codes: unknown[] = [];
    for (let nth = 0; nth < 4; nth += 1) codes.push((await list()).json['errcode']);
    expect(codes).toEqual([0, 0, 42001, 42001]);
    access_token = await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, 'app_pre2022'));
    expect((await list()).json['errcode']).toBe(0);
  });

  it('change: the world is another one from this very request on', async () => {
    const [first] = corp.members.values();
    const from = first?.places[0]?.department ?? 0;
    const to = [...corp.departments.keys()].find((id) => id !== from) ?? 0;
    const names = async (id: number): Promise<string[]> => ((await list(id)).json['userlist'] as { userid: string }[]).map(({ userid }) => userid);
    sandbox.faults.add({
      match: { department: from },
      nth: 1,
      effect: { kind: 'change', change: { op: 'moveMember', corp: corp.id, userid: first?.userid ?? '', places: [{ department: to }] } },
    });
    expect(await names(to)).not.toContain(first?.userid);
    expect(await names(from)).not.toContain(first?.userid);
    expect(await names(to)).toContain(first?.userid);
  });
});

describe('a hold', () => {
  const [before, after] = ['before', 'after'] as const;

  it.each([
    [before, true],
    [after, false],
  ])('%s the answer is worked out: a change made meanwhile is in it: %s', async (when, seen) => {
    const hold = sandbox.faults.add({ match: { endpoint: 'user/list' }, effect: { kind: 'hold', when } });
    const asked = list();
    await hold.reached();
    sandbox.change({ op: 'addMember', corp: corp.id, member: { userid: 'latecomer' }, places: [{ department: 1 }] });
    hold.release();
    expect((await asked).text.includes('latecomer')).toBe(seen);
  });

  it('holds one request unless told otherwise, and lets the others pass', async () => {
    const hold = effect({ kind: 'hold' });
    const held = list();
    await hold.reached();
    expect((await list()).json['errcode']).toBe(0);
    hold.release();
    expect((await held).json['errcode']).toBe(0);
  });

  it('ends with the sandbox', async () => {
    const hold = effect({ kind: 'hold' });
    const held = list().catch(() => 'gone');
    await hold.reached();
    await sandbox.close();
    expect(await held).toBe('gone');
  });
});
