import { createDecipheriv } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { Corp, type Department, type MemberSpec } from '../../src/sandbox/corp.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { plainSecret, secretKinds, type EditionName, type Secret, type SecretKind, type VisibleRange } from '../../src/sandbox/secrets.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import type { Settings } from '../../src/sandbox/settings.ts';
import { ROBOT_KEY, World } from '../../src/sandbox/world.ts';
import { type Asked, ask, tokenFor } from '../support/sandbox.ts';

type Json = Readonly<Record<string, unknown>>;
const folder = new URL('../fixtures/wecom/', import.meta.url);
const read = (name: string): Json => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as Json;
const AES_KEY = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ';

/** How the sandbox is brought to a shape: what its corp is, whose secret asks, what is asked. */
interface Case {
  readonly endpoint: string;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: unknown;
  readonly kind?: SecretKind;
  readonly edition?: EditionName;
  /** Keys that this secret is not sent; `others`: all that the fixture has not. */
  readonly hides?: readonly string[] | 'others';
  readonly range?: VisibleRange;
  readonly secret?: Partial<Secret>;
  readonly settings?: Partial<Settings>;
  /** The token in the query; the secret's own unless told otherwise. */
  readonly token?: string | null;
  /** Something to do before asking. */
  readonly before?: (sandbox: Sandbox, corp: Corp, token: string) => unknown;
}

const errcode = (code: number, more: { text?: string; hint?: 'modern' | 'old' | '2019' | 'no-url' | 'bare'; lists?: boolean } = {}) => (sandbox: Sandbox) =>
  sandbox.faults.add({ match: { endpoint: ['user/get', 'user/list_id', 'user/list', 'department/list', 'gettoken'] }, effect: { kind: 'errcode', errcode: code, ...more } });
const asList = { endpoint: 'user/list', query: { department_id: 1 } };
const asMember = { endpoint: 'user/get' };
const noLists = { emptyLists: false };

const CASES: Readonly<Record<string, Case>> = {
  'gettoken.ok.documented': { endpoint: 'gettoken', token: null },
  'gettoken.ok.long-token': { endpoint: 'gettoken', token: null },
  'gettoken.ok.no-errcode': { endpoint: 'gettoken', token: null, secret: { omitErrcode: true, omitErrmsg: true } },
  'gettoken.err.40013': { endpoint: 'gettoken', token: null, query: { corpid: 'wwnobody' }, before: errcode(40013, { hint: 'modern' }) },
  'gettoken.err.41004': { endpoint: 'gettoken', token: null, query: { corpsecret: '' } },
  'gettoken.err.40001': { endpoint: 'gettoken', token: null, query: { corpsecret: 'wrong' } },
  'gettoken.err.45009': {
    endpoint: 'gettoken',
    token: null,
    settings: { badSecretsPerHour: 0, hints: 'old' },
    before: async ({ url }, { id }) => ask(url, 'gettoken', { corpid: id, corpsecret: 'wrong' }),
  },
  'department_list.ok.documented': { endpoint: 'department/list' },
  'department_list.ok.minimal': { endpoint: 'department/list', hides: 'others' },
  'department_list.ok.tree': { endpoint: 'department/list', query: { id: 'null' } },
  'department_list.ok.visible-range': { endpoint: 'department/list' },
  'department_list.ok.leaders-empty': { endpoint: 'department/list' },
  'department_list.ok.big-order': { endpoint: 'department/list' },
  'department_list.err.60020': { endpoint: 'department/list', secret: { trustedIps: ['192.0.2.1'] }, settings: noLists },
  'department_list.err.48009': { endpoint: 'department/list', kind: 'contacts', settings: noLists },
  'department_list.err.60003': { endpoint: 'department/list', query: { id: 99 }, settings: { ...noLists, hints: 'bare' } },
  'department_simplelist.ok.documented': { endpoint: 'department/simplelist' },
  'department_simplelist.ok.single': { endpoint: 'department/simplelist' },
  'department_simplelist.err.40014': { endpoint: 'department/simplelist', token: 'FAKE_TOKEN' },
  'department_get.ok.documented': { endpoint: 'department/get', query: { id: 2 } },
  'user_simplelist.ok.documented': { endpoint: 'user/simplelist', query: { department_id: 1 }, edition: 'documented' },
  'user_simplelist.ok.minimal': { endpoint: 'user/simplelist', query: { department_id: 1 }, hides: ['department'] },
  'user_simplelist.ok.brief': { endpoint: 'user/simplelist', query: { department_id: 25 } },
  'user_simplelist.ok.multidept': { endpoint: 'user/simplelist', query: { department_id: 1 } },
  'user_list.ok.documented': { ...asList, edition: 'documented' },
  'user_list.ok.2019': { ...asList, query: { department_id: 345678 }, edition: '2019' },
  'user_list.ok.2017-not-activated': { ...asList, query: { department_id: 25 }, edition: '2017' },
  'user_list.ok.2021-empty-mobiles': { ...asList, edition: '2021' },
  'user_list.ok.empty': asList,
  'user_list.ok.statuses': { ...asList, query: { department_id: 3, fetch_child: 0 }, hides: 'others' },
  'user_list.ok.nameless': { ...asList, query: { department_id: 2 }, hides: 'others', secret: { omitErrmsg: true } },
  'user_list.err.48009': { ...asList, kind: 'contacts', settings: { hints: 'bare' } },
  'user_list.err.41001': { ...asList, token: '', settings: noLists },
  'user_get.ok.documented': { ...asMember, edition: 'documented' },
  'user_get.ok.external-profile': { ...asMember, hides: 'others' },
  'user_get.ok.private-edition': { ...asMember, edition: 'private' },
  'user_get.ok.2022': { ...asMember, edition: '2022' },
  'user_get.ok.no-sensitive': { ...asMember, kind: 'app', hides: 'others', range: { departments: [], users: ['ChenYue'], tags: [] } },
  'user_get.ok.2017': { ...asMember, edition: '2017' },
  'user_get.ok.2020': { ...asMember, edition: '2021' },
  'user_get.ok.partial': { ...asMember, hides: 'others', secret: { omitErrmsg: true } },
  'user_get.err.41001': { ...asMember, token: null },
  'user_get.err.40014': { ...asMember, token: 'FAKE_TOKEN' },
  'user_get.err.60111': { ...asMember, query: { userid: 'nobody' }, settings: noLists },
  'user_get.err.60111.other-text': { ...asMember, before: errcode(60111, { text: 'invalid string value `wo1`. userid not found', hint: 'bare', lists: false }) },
  'user_get.err.60011': {
    ...asMember,
    query: { userid: 'hidden' },
    range: { departments: [2], users: [], tags: [] },
    settings: { ...noLists, invisibleMember: 60011, hints: 'bare' },
    before: (_, corp) => [corp.addDepartment({ id: 3, name: '外', parentid: 1, order: 0 }), corp.addMember({ userid: 'hidden' }, [{ department: 3, order: 0, leader: false }])],
  },
  'user_list_id.ok.documented': { endpoint: 'user/list_id', body: { limit: 3 }, kind: 'contacts', before: (_, corp) => corp.addMember({ userid: 'onemore' }, [{ department: 1, order: 0, leader: false }]) },
  'user_list_id.ok.last-page': { endpoint: 'user/list_id', body: {}, kind: 'contacts' },
  'user_list_id.ok.openuserid': {
    endpoint: 'user/list_id',
    body: { limit: 2 },
    kind: 'contacts',
    hides: ['userid'],
    before: (_, corp) => ['wo1', 'wo2', 'wo3'].map((userid) => corp.addMember({ userid }, [{ department: 1, order: 0, leader: false }])),
  },
  'user_list_id.err.41001': { endpoint: 'user/list_id', token: null, body: { access_token: 'in the body' } },
  'user_list_id.err.48002': { endpoint: 'user/list_id', body: {}, settings: { ...noLists, hints: 'no-url' } },
  'user_list_id.err.60011': { endpoint: 'user/list_id', body: {}, before: errcode(60011, { hint: 'no-url', lists: false }) },
  'user_getuserid.ok.documented': { endpoint: 'user/getuserid', body: { mobile: '13900000001' }, before: addSomebody },
  'user_getuserid.err.45009': { endpoint: 'user/getuserid', body: { mobile: '13900000002' }, settings: { wrongNumberShare: 0, hints: 'old' }, before: askForNobody },
  'user_getuserid.err.45009.2022': { endpoint: 'user/getuserid', body: { mobile: '13900000002' }, settings: { wrongNumberShare: 0 }, before: askForNobody },
  'user_get_userid_by_email.ok.documented': { endpoint: 'user/get_userid_by_email', body: { email: 'Some@body.example' }, before: addSomebody },
  'auth_getuserdetail.ok.documented': { endpoint: 'auth/getuserdetail', body: { user_ticket: 'ticket-somebody' }, kind: 'app', before: addSomebody },
  'agent_get.ok.documented': {
    endpoint: 'agent/get',
    query: { agentid: 1_000_002 },
    range: { departments: [1], users: ['a', 'b'], tags: [1, 2, 3] },
  },
  'get_api_domain_ip.err.60020': { endpoint: 'get_api_domain_ip', secret: { trustedIps: [] } },
  'get_api_domain_ip.err.42001': { endpoint: 'get_api_domain_ip', settings: { hints: 'old', tokenLifetimeS: 7200 }, before: (sandbox) => sandbox.advance(7_200_000) },
  'any.err.45033': { ...asList, settings: noLists, before: errcode(45033) },
  'any.err.48002.2019': { endpoint: 'user/list_id', body: {}, settings: { ...noLists, hints: '2019' } },
  'any.err.-1': { ...asList, settings: noLists, before: errcode(-1) },
  'export_user.ok': { endpoint: 'export/user', body: { encoding_aeskey: AES_KEY } },
  'export_simple_user.ok': { endpoint: 'export/simple_user', body: { encoding_aeskey: AES_KEY } },
  'export_department.ok': { endpoint: 'export/department', body: { encoding_aeskey: AES_KEY } },
  'batch_getresult.ok': { endpoint: 'batch/getresult', query: { jobid: 'job' } },
  'webhook_send.ok': { endpoint: 'webhook/send', token: null, query: { key: ROBOT_KEY }, body: { msgtype: 'text', text: { content: 'hello' } } },
  'webhook_send.err.45009': { endpoint: 'webhook/send', token: null, query: { key: ROBOT_KEY }, body: {}, settings: { robotPerMinute: 0 } },
  'webhook_send.err.93000': { endpoint: 'webhook/send', token: null, query: { key: 'wrong' }, body: {} },
  'webhook_send.err.44004': { endpoint: 'webhook/send', token: null, query: { key: ROBOT_KEY }, body: { msgtype: 'text', text: { content: '' } } },
  'webhook_send.err.40058': { endpoint: 'webhook/send', token: null, query: { key: ROBOT_KEY }, body: { msgtype: 'markdown', markdown: { content: 'x'.repeat(4097) } } },
  'webhook_send.err.40058.text': { endpoint: 'webhook/send', token: null, query: { key: ROBOT_KEY }, body: { msgtype: 'text', text: { content: 'x'.repeat(5121) } } },
};

/** Shapes that take more than one question; each has a test of its own below. */
const APART = [
  'export_get_result.ok.running', 'export_get_result.ok.done', 'export_file.plain.department', 'export_file.plain.simple_user',
  'webhook_send.req.text', 'webhook_send.req.markdown_v2', 'http.headers.40001', 'http.headers.ok', 'http.behaviour',
];

let running: Sandbox | undefined;
afterEach(async () => running?.close());

describe('the sandbox sends every shape that WeCom was seen to send', () => {
  for (const [name, wanted] of Object.entries(CASES)) {
    it(name, async () => {
      const fixture = read(name);
      const { json } = await answerOf(fixture, wanted);
      expect(shapeOf(json)).toEqual(shapeOf(fixture));
      expect(formOf(json['errmsg'])).toBe(formOf(fixture['errmsg']));
    });
  }

  it('export: running with a list, then done; the files hold plain lists', async () => {
    const department = read('export_file.plain.department');
    const first = await exportOf('export/department', department);
    expect(shapeOf(first.running)).toEqual(shapeOf(read('export_get_result.ok.running')));
    expect(shapeOf(first.done)).toEqual(shapeOf(read('export_get_result.ok.done')));
    expect(shapeOf(first.plain)).toEqual(shapeOf(department));
    const people = read('export_file.plain.simple_user');
    expect(shapeOf((await exportOf('export/simple_user', people)).plain)).toEqual(shapeOf(people));
  });

  it.each(['webhook_send.req.text', 'webhook_send.req.markdown_v2'])('%s is a message that a robot takes', async (name) => {
    const { json } = await answerOf({}, { endpoint: 'webhook/send', token: null, query: { key: ROBOT_KEY }, body: read(name) });
    expect(json).toEqual({ errcode: 0, errmsg: 'ok' });
    expect(running?.world.robots.get(ROBOT_KEY)?.messages).toEqual([read(name)]);
  });

  it('headers repeat errcode and errmsg, and say nothing of retries or quotas', async () => {
    const refused = await answerOf({}, { endpoint: 'gettoken', token: null, query: { corpsecret: 'wrong' } });
    expect(headersOf(refused)).toEqual(Object.keys(read('http.headers.40001')['headers'] as Json).map((key) => key.toLowerCase()).sort());
    expect(refused.headers.get('error-msg')).toBe(refused.json['errmsg']);
    const answers = await Promise.all([1, 2, 3].map(() => ask(running?.url ?? '', 'gettoken', {})));
    const long = answers.find(({ headers }) => headers.has('x-w-no'));
    expect(long === undefined ? [] : headersOf(long)).toEqual(Object.keys(read('http.headers.ok')['headers'] as Json).map((key) => key.toLowerCase()).sort());
  });

  it('http.behaviour: an unknown path is 404 with an empty body, an API error is 200', async () => {
    const unknown = await answerOf({}, { endpoint: 'no/such' });
    expect({ status: unknown.status, body: unknown.text }).toEqual(read('http.behaviour')['unknown_path']);
    expect((await ask(running?.url ?? '', 'user/get')).status).toBe((read('http.behaviour')['api_error'] as Json)['status']);
  });

  it('no fixture is left out', () => {
    const names = readdirSync(folder).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length));
    expect([...Object.keys(CASES), ...APART].sort()).toEqual(names.sort());
    const indexed = readFileSync(new URL('index.tsv', folder), 'utf8').trim().split('\n').slice(1);
    expect(indexed.map((line) => line.split('.json\t')[0]).sort()).toEqual(names.sort());
  });
});

/** Brings a sandbox with one corp, made of what the fixture tells, to the case's question. */
async function answerOf(fixture: Json, wanted: Case): Promise<Asked> {
  const { kind = 'app_pre2022', edition = 'today', hides = [], range = rangeOf(fixture), settings = {} } = wanted;
  const corp = corpFrom(fixture);
  const world = new World({ seed: 1, corps: 0, members: 0, departments: 0 });
  world.add(corp);
  running = await startSandbox({ world, settings: { callerIp: '198.51.100.23', ...settings } });
  const secret = world.secret(corp, kind);
  Object.assign(secret, { edition, range, hides: hides === 'others' ? keysMissingIn(fixture) : hides });
  const token = await tokenFor(running.url, corp, secret);
  Object.assign(secret, wanted.secret);
  await wanted.before?.(running, corp, token);
  const person = peopleIn(fixture)[0];
  const query = {
    ...(wanted.endpoint === 'gettoken' ? { corpid: corp.id, corpsecret: secret.secret } : {}),
    ...(wanted.endpoint === 'user/get' ? { userid: typeof person?.['userid'] === 'string' ? person['userid'] : 'ChenYue' } : {}),
    ...wanted.query,
    ...(wanted.token === null ? {} : { access_token: wanted.token ?? token }),
  };
  return ask(running.url, wanted.endpoint, query, wanted.body);
}

function corpFrom(fixture: Json): Corp {
  const corp = new Corp({ id: 'ww0123456789abcdef', name: '云栖科技（虚构）', memberLimit: 100 });
  for (const [at, kind] of secretKinds.entries()) corp.secrets.push(plainSecret(kind, 1_000_002 + at, `secret-of-${kind}`));
  const departments = departmentsIn(fixture);
  if (!departments.some(({ id }) => id === 1)) corp.addDepartment({ id: 1, name: corp.name, parentid: 0, order: 0 });
  for (const { id, ...rest } of departments) {
    if (rest.parentid > 1 && !corp.departments.has(rest.parentid)) corp.addDepartment({ id: rest.parentid, name: '上级', parentid: 1, order: 0 });
    corp.addDepartment({ id, ...rest });
  }
  for (const person of peopleIn(fixture)) addPerson(corp, person);
  const leaders = [...departments, ...peopleIn(fixture)].flatMap((one) => Object.values(one).flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : [])));
  for (const userid of leaders) if (typeof userid === 'string' && corp.member(userid) === undefined) addPerson(corp, { userid, department: [999] });
  return corp;
}

function departmentsIn(fixture: Json): Department[] {
  const found = fixture['department_id'] ?? fixture['department'];
  const list = Array.isArray(found) ? (found as unknown[]) : [found];
  return list.filter((one): one is Department => typeof one === 'object' && one !== null && 'parentid' in one).map((one) => ({ ...{ name: '部门', order: 0 }, ...one }));
}

function peopleIn(fixture: Json): Json[] {
  if ('dept_user' in fixture) {
    const rows = fixture['dept_user'] as { userid?: string; department: number }[];
    const ids = new Set(rows.flatMap(({ userid }) => userid ?? []));
    return [...ids].map((userid) => ({ userid, department: rows.filter((row) => row.userid === userid).map(({ department }) => department) }));
  }
  if ('userlist' in fixture) return fixture['userlist'] as Json[];
  return 'name' in fixture && 'department' in fixture ? [{ userid: 'ChenYue', ...fixture }] : [];
}

function addPerson(corp: Corp, person: Json): void {
  const { department = [1], order, is_leader_in_dept: leaders, ...spec } = person;
  const places = (department as number[]).map((id, at) => ({ department: id, order: (order as number[] | undefined)?.[at] ?? 0, leader: (leaders as number[] | undefined)?.[at] === 1 }));
  for (const { department: id } of places) if (!corp.departments.has(id)) corp.addDepartment({ id, name: `部门${id}`, parentid: 1, order: 0 });
  corp.addMember(spec as unknown as MemberSpec, places);
}

/** The tops of the fixture's departments, so that the visible range is just them. */
function rangeOf(fixture: Json): VisibleRange {
  const departments = departmentsIn(fixture);
  const tops = departments.filter(({ parentid }) => !departments.some(({ id }) => id === parentid)).map(({ id }) => id);
  const leaders = departments.flatMap(({ department_leader = [] }) => department_leader);
  return { departments: tops.length > 0 ? tops : [1], users: leaders, tags: [] };
}

function keysMissingIn(fixture: Json): string[] {
  const items = [...peopleIn(fixture), ...departmentsOf(fixture)];
  const present = new Set(items.flatMap((item) => Object.keys(item)));
  const known = [
    'userid', 'name', 'order', 'position', 'mobile', 'gender', 'email', 'biz_mail', 'is_leader_in_dept', 'direct_leader', 'avatar', 'thumb_avatar', 'telephone', 'alias',
    'address', 'main_department', 'extattr', 'status', 'qr_code', 'external_position', 'external_profile', 'enable', 'isleader', 'hide_mobile', 'english_name', 'name_en',
    'department_leader',
  ];
  const hidden = known.filter((key) => !present.has(key));
  return 'userlist' in fixture || 'userid' in fixture || items.length === 0 || !('name' in fixture) ? hidden : [...hidden, 'userid'];
}

function departmentsOf(fixture: Json): Json[] {
  const found = fixture['department'];
  return Array.isArray(found) ? (found as unknown[]).filter((one): one is Json => typeof one === 'object') : [];
}

function addSomebody(_: Sandbox, corp: Corp): void {
  const person = { userid: 'somebody', mobile: '13900000001', email: 'own@mail.example', biz_mail: 'some@body.example', gender: '2', address: '' };
  corp.addMember(person, [{ department: 1, order: 0, leader: false }]);
}

async function askForNobody({ url }: Sandbox, _: Corp, token: string): Promise<void> {
  await ask(url, 'user/getuserid', { access_token: token }, { mobile: '13900000009' });
}

async function exportOf(endpoint: string, fixture: Json): Promise<{ running: Json; done: Json; plain: Json }> {
  const { json } = await answerOf(fixture, {
    endpoint,
    body: { encoding_aeskey: AES_KEY },
    edition: 'documented',
    hides: ['department_leader'],
    settings: { exportPolls: 1, exportListsEarly: true },
  });
  const url = running?.url ?? '';
  const corp = [...(running?.world.corps.values() ?? [])][0];
  const token = await tokenFor(url, { id: corp?.id ?? '' }, { secret: 'secret-of-app_pre2022' });
  const result = async (): Promise<Json> => (await ask(url, 'export/get_result', { access_token: token, jobid: String(json['jobid']) })).json;
  const [early, done] = [await result(), await result()];
  const file = (done['data_list'] as { url: string }[])[0]?.url ?? '';
  const plain = JSON.parse(decrypt(Buffer.from(await (await fetch(file)).arrayBuffer()))) as Json;
  await running?.close();
  return { running: early, done, plain };
}

function decrypt(bytes: Buffer): string {
  const key = Buffer.from(`${AES_KEY}=`, 'base64');
  const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(bytes), decipher.final()]);
  return padded.subarray(0, padded.length - (padded.at(-1) ?? 0)).toString();
}

function headersOf({ headers }: Asked): string[] {
  return [...headers.keys()].filter((key) => key !== 'connection' && key !== 'keep-alive').sort();
}

/** Keys and types, all the way down; of a list the different shapes in it, so that an empty one differs from a full one. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) {
    const shapes = new Map(value.map((item) => [JSON.stringify(shapeOf(item)), shapeOf(item)]));
    return { listOf: [...shapes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, shape]) => shape) };
  }
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, shapeOf(inner)]),
  );
}

/** Which parts an errmsg has: the form of its hint, the caller's address, a page to read. */
function formOf(errmsg: unknown): string {
  const text = String(errmsg);
  const hint = /hint: \[\d{23}\]/.test(text) ? 'hint' : /hint: \[\d+_\d+_[0-9a-f]{32}\]/.test(text) ? 'old hint' : '';
  return [hint, text.includes('from ip: ') ? 'ip' : '', text.includes('more info at ') ? 'url' : ''].join('/');
}
