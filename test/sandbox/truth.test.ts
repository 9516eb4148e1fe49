import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Corp } from '../../src/sandbox/corp.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import type { SecretKind } from '../../src/sandbox/secrets.ts';
import { ask, corpOf, startSandbox, tokenFor } from '../support/sandbox.ts';

let sandbox: Sandbox;
let corp: Corp;
beforeEach(async () => {
  sandbox = await startSandbox({ corps: 1, members: 150, departments: 25 });
  corp = corpOf(sandbox);
});
afterEach(() => sandbox.close());

/** The simplest client there can be: it walks, asks for those put into the range one by one, and keeps what it is told last. */
async function walk(kind: SecretKind = 'app_pre2022'): Promise<{ departments: unknown[]; members: Map<string, Record<string, unknown>> }> {
  const secret = sandbox.world.secret(corp, kind);
  const access_token = await tokenFor(sandbox.url, corp, secret);
  const get = async (endpoint: string, query: Record<string, string | number> = {}): Promise<Record<string, unknown>> => (await ask(sandbox.url, endpoint, { access_token, ...query })).json;
  const departments = (await get('department/list'))['department'] as { id: number }[];
  const members = new Map<string, Record<string, unknown>>();
  for (const { id } of departments) {
    const { userlist } = await get('user/list', { department_id: id });
    for (const member of userlist as { userid: string; status: number }[]) if (member.status !== 5) members.set(member.userid.toLowerCase(), member);
  }
  const { allow_userinfos: alone } = await get('agent/get', { agentid: secret.agentId });
  for (const { userid } of (alone as { user: { userid: string }[] }).user) {
    const { errcode, errmsg: _, ...member } = await get('user/get', { userid });
    if (errcode === 0 && !members.has(userid.toLowerCase())) members.set(userid.toLowerCase(), member);
  }
  return { departments: departments.sort((a, b) => a.id - b.id), members };
}

async function expectTruth(kind: SecretKind = 'app_pre2022'): Promise<void> {
  const { departments, members } = await walk(kind);
  const truth = sandbox.truth(corp.id, kind);
  expect(departments).toEqual(truth.departments);
  expect([...members].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, member]) => member)).toEqual(truth.members);
}

describe('the truth is what a patient walk ends up with', () => {
  it.each(['app_pre2022', 'app'] as const)('for the whole corp, as %s', async (kind) => {
    await expectTruth(kind);
    const { members, left } = sandbox.truth(corp.id, kind);
    expect(members.length + left.length).toBe(150);
  });

  it('after each of 20 rounds of churn', async () => {
    for (let round = 1; round <= 20; round += 1) {
      sandbox.churn({ seed: round });
      await expectTruth();
    }
  });

  it('for a part of the corp, with members put in one by one', async () => {
    const outside = [...corp.members.values()].find(({ places }) => places.every(({ department }) => department !== 3 && corp.departments.get(department)?.parentid !== 3));
    sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { range: { departments: [3], users: [outside?.userid ?? ''], tags: [] } } });
    await expectTruth();
    const { departments, members, oneByOne, memberships } = sandbox.truth(corp.id);
    expect(departments[0]).toMatchObject({ id: 3, parentid: 1 });
    expect(departments.length).toBeLessThan(corp.departments.size);
    expect(members.length).toBeLessThan(150);
    expect(oneByOne).toEqual([outside?.userid]);
    expect(memberships.filter(({ userid }) => userid === outside?.userid)).toEqual([]);
  });

  it('without those who have left but are still listed', async () => {
    const [first] = corp.members.values();
    sandbox.change({ op: 'updateMember', corp: corp.id, userid: first?.userid ?? '', fields: { status: 5 } });
    await expectTruth();
    expect(sandbox.truth(corp.id).left).toContain(first?.userid);
  });
});

describe('what an application sees', () => {
  it('is everything but mobile, email, biz_mail, avatar, qr_code, address and the gender for one made after 2022-06-20', async () => {
    const { members: full } = await walk('app_pre2022');
    const { members } = await walk('app');
    const dropped = new Set([...full.values()].flatMap(Object.keys));
    for (const member of members.values()) for (const key of Object.keys(member)) dropped.delete(key);
    expect([...dropped].sort()).toEqual(['address', 'avatar', 'biz_mail', 'email', 'mobile', 'qr_code', 'thumb_avatar']);
    expect(new Set([...members.values()].map(({ gender }) => gender))).toEqual(new Set(['0']));
  });

  it('cuts department, order and is_leader_in_dept in parallel', async () => {
    const several = [...corp.members.values()].find(({ places, empty_leader_array: empty }) => places.length > 1 && empty !== true);
    const kept = several?.places[1];
    sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { range: { departments: [kept?.department ?? 0], users: [], tags: [] } } });
    const { departments, members } = await walk();
    const visible = new Set(departments.map((department) => (department as { id: number }).id));
    const seen = members.get(several?.userid.toLowerCase() ?? '') as { department: number[]; order: number[]; is_leader_in_dept: number[] };
    expect(seen.department).toEqual(several?.places.map(({ department }) => department).filter((id) => visible.has(id)));
    expect(seen.department.length).toBeLessThan(several?.places.length ?? 0);
    expect(seen.order[seen.department.indexOf(kept?.department ?? 0)]).toBe(kept?.order);
    expect(seen.order).toHaveLength(seen.department.length);
    expect(seen.is_leader_in_dept).toHaveLength(seen.department.length);
  });

  it('ends at its range: 60011 for a department outside, 60111 for a member outside, 60003 for what is nowhere', async () => {
    sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { range: { departments: [3], users: [], tags: [] } } });
    const access_token = await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, 'app_pre2022'));
    const outside = [...corp.members.values()].find((member) => !sandbox.truth(corp.id).members.some(({ userid }) => userid === member.userid));
    const code = async (endpoint: string, query: Record<string, string | number>): Promise<unknown> => (await ask(sandbox.url, endpoint, { access_token, ...query })).json['errcode'];
    expect(await code('department/list', { id: 1 })).toBe(60011);
    expect(await code('user/list', { department_id: 1 })).toBe(60011);
    expect(await code('user/list', { department_id: 99_999 })).toBe(60003);
    expect(await code('user/get', { userid: outside?.userid ?? '' })).toBe(60111);
  });

  it('is ids only for the contacts-sync secret from a new address, page by page', async () => {
    const access_token = await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, 'contacts'));
    const rows: unknown[] = [];
    let cursor: unknown;
    do {
      const { json } = await ask(sandbox.url, 'user/list_id', { access_token }, { limit: 60, ...(cursor === undefined ? {} : { cursor }) });
      rows.push(...(json['dept_user'] as unknown[]));
      cursor = json['next_cursor'];
    } while (cursor !== undefined);
    expect(new Set(rows.map((row) => (row as { userid: string }).userid))).toEqual(new Set([...corp.members.values()].map(({ userid }) => userid)));
    for (const endpoint of ['department/list', 'department/get', 'user/list', 'user/simplelist', 'user/get', 'export/user']) {
      expect((await ask(sandbox.url, endpoint, { access_token }, endpoint.startsWith('export') ? {} : undefined)).json['errcode'], endpoint).toBe(48009);
    }
    expect(((await ask(sandbox.url, 'department/simplelist', { access_token })).json['department_id'] as unknown[]).length).toBe(25);
  });

  it('ends with the last full page: no cursor leads to an empty one', async () => {
    const access_token = await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, 'contacts'));
    const rows = [...corp.members.values()].flatMap(({ places }) => places).length;
    const { json } = await ask(sandbox.url, 'user/list_id', { access_token }, { limit: rows });
    expect(json['dept_user']).toHaveLength(rows);
    expect(json).not.toHaveProperty('next_cursor');
  });

  it('finds a member whatever the case of the userid', async () => {
    const access_token = await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, 'app_pre2022'));
    const [first] = corp.members.values();
    for (const userid of [first?.userid.toUpperCase() ?? '', first?.userid.toLowerCase() ?? '']) {
      expect((await ask(sandbox.url, 'user/get', { access_token, userid })).json['userid']).toBe(first?.userid);
    }
  });
});
