import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseAgent, parseDepartments, parseIdPage, parseMemberAnswer, parseMembers } from '../../src/wecom/reading/answers.ts';
import { openEnvelope } from '../../src/wecom/request/envelope.ts';
import type { Raw } from '../../src/wecom/request/envelope.ts';

const FIXTURES = new URL('../fixtures/wecom/', import.meta.url);
const bytesOf = (file: string): Buffer => readFileSync(new URL(file, FIXTURES));
const answerOf = (file: string): Raw => {
  const envelope = openEnvelope(200, bytesOf(file));
  if (envelope.is !== 'answer') throw new Error(`${file}: ${envelope.is}`);
  return envelope.answer;
};
const members = (file: string): ReturnType<typeof parseMembers> => parseMembers(answerOf(file));
const files = (pattern: RegExp, under = ''): string[] => readdirSync(new URL(under, FIXTURES)).filter((file) => pattern.test(file)).map((file) => `${under}${file}`);

test.each(files(/^[a-z_]+\.err\..*\.json$/))('%s is a refusal, whatever lists its body holds', (file) => {
  const errcode = (JSON.parse(bytesOf(file).toString()) as { errcode: number }).errcode;
  expect(openEnvelope(200, bytesOf(file))).toMatchObject({ is: 'refusal', errcode });
});

test.each(files(/^user_list\.ok\..*\.json$/))('%s gives every member it holds', (file) => {
  const raw = JSON.parse(bytesOf(file).toString()) as { userlist: { userid: string }[] };
  const parsed = members(file);
  expect([parsed?.items.map(({ userid }) => userid), parsed?.unusable]).toEqual([raw.userlist.map(({ userid }) => userid), []]);
});

test.each(files(/^user_get\.ok\..*\.json$/))('%s gives the member asked for', (file) => {
  const answer = answerOf(file);
  const userid = typeof answer['userid'] === 'string' && !answer['userid'].includes('*') ? answer['userid'] : 'asked';
  expect(parseMemberAnswer({ ...answer, userid }, userid)?.items).toMatchObject([{ userid }]);
});

test.each(files(/^department_list\.ok\..*\.json$/))('%s gives every department it holds', (file) => {
  const raw = JSON.parse(bytesOf(file).toString()) as { department: { id: number }[] };
  const parsed = parseDepartments(answerOf(file));
  expect([parsed?.items.map(({ id }) => id), parsed?.unusable]).toEqual([raw.department.map(({ id }) => id), []]);
});

describe('what was not sent is missing, and empty is not missing', () => {
  test('an application without rights to them gets members without those fields', () => {
    const member = parseMemberAnswer({ ...answerOf('user_get.ok.no-sensitive.json'), userid: 'u' }, 'u')?.items[0];
    for (const field of ['mobile', 'email', 'avatar', 'gender', 'mainDepartment'] as const) expect(member?.fields).not.toHaveProperty(field);
    expect(member).toMatchObject({ memberships: [], fields: { telephone: '' } });
  });

  test('an answer without department leaves memberships unknown', () => {
    expect(parseMembers({ userlist: [{ userid: 'a', name: '' }] })?.items).toEqual([{ userid: 'a', fields: { name: '' } }]);
  });

  test('a department without order, English name and leaders', () => {
    expect(parseDepartments({ department: [{ id: 2, name: 'n', parentid: 1 }] })?.items).toEqual([{ id: 2, parentId: 1, name: 'n' }]);
  });

  test('a department without its parent is not taken for a root', () => {
    expect(parseDepartments({ department: [{ id: 2, name: 'n' }, { id: 1, parentid: 0 }] })?.items).toEqual([{ id: 2, name: 'n' }, { id: 1, parentId: 0 }]);
  });

  test.each([
    ['are not sent', {}],
    ['are empty while the departments are not', { order: [], is_leader_in_dept: [] }],
    ['are no lists', { order: 0, is_leader_in_dept: '1' }],
    ['hold what is no order, and neither yes nor no', { order: ['x', -1], is_leader_in_dept: ['yes', 2] }],
  ])('order and is_leader_in_dept that %s say nothing about the memberships', (_, sent) => {
    expect(parseMembers({ userlist: [{ userid: 'a', department: [1, 2], ...sent }] })?.items[0]?.memberships).toEqual([{ departmentId: 1 }, { departmentId: 2 }]);
  });

  test('both forms of self-defined fields are kept as they came', () => {
    const attrs = [{ name: '工号', value: '1' }, { type: 0, name: '爱好', text: { value: '旅游' } }];
    expect(parseMembers({ userlist: [{ userid: 'a', extattr: { attrs } }] })?.items[0]?.fields.extattr).toEqual({ attrs });
  });
});

describe('hostile answers', () => {
  const at = (name: string): string => `adversarial/${name}`;

  test.each(['any.empty.json', 'any.list.json', 'any.null.json', 'any.number.json', 'any.errcode-null.json', 'any.gateway.html', 'any.login-page.html', 'user_list.cut.json', 'user_list.cut-in-character.json', 'user_list.shorter-than-said.json'])(
    '%s is no answer',
    (file) => expect(openEnvelope(200, bytesOf(at(file)))).toMatchObject({ is: 'garbled' }),
  );

  test.each([
    ['any.errcode-as-text.json', 40014],
    ['any.unknown-errcode.json', 987_654_321],
    ['user_list.errcode-with-empty-list.json', 60011],
    ['user_list.busy-with-empty-list.json', -1],
  ])('%s is a refusal', (file, errcode) => expect(openEnvelope(200, bytesOf(at(file)))).toMatchObject({ is: 'refusal', errcode }));

  test.each(['user_list.no-list.json', 'user_list.list-is-object.json'])('%s holds no list, which is not an empty one', (file) => expect(members(at(file))).toBeUndefined());

  test('members without a usable userid are named, as far as they say who they are, and have a place', () => {
    const named = [{ userid: '王·五', name: '王五' }, { userid: 'a b' }, { userid: 7, name: '赵六' }, { userid: 'x'.repeat(65) }, { userid: [], name: '钱七' }];
    const nameless = [{ name: '', mobile: '+86 138-0013-8000' }, { userid: {}, name: ' ', mobile: 13_800_138_000 }, { userid: null, mobile: '12' }, null];
    const parsed = parseMembers({ userlist: [{ userid: 'a' }, ...named, { userid: 'b' }, ...nameless] });
    expect(parsed?.items.map(({ userid }) => userid)).toEqual(['a', 'b']);
    expect(parsed?.unusable.map(({ name, record }) => [record, name])).toEqual([
      [2, '王五 (userid “王·五”)'],
      [3, 'userid “a b”'],
      [4, '赵六 (userid 7)'],
      [5, `userid “${'x'.repeat(64)}…”`],
      [6, '钱七 (userid unreadable)'],
      ...[8, 9, 10, 11].map((record) => [record, undefined]),
    ]);
    expect(parsed?.unusable.slice(-4).map(({ mobile }) => mobile)).toEqual(['138****8000', '138****8000', undefined, undefined]);
  });

  test.each([
    ['user_list.list-of-other-things.json', ['ChenYue'], 4],
    ['user_list.without-userid.json', ['ChenYue'], 2],
  ])('%s counts what it cannot name', (file, userids, unusable) => {
    const parsed = members(at(file));
    expect([parsed?.items.map(({ userid }) => userid), parsed?.unusable.length]).toEqual([userids, unusable]);
  });

  test('userids with blanks, letters beyond ASCII and the like are counted, not taken', () => {
    const parsed = members(at('user_list.userid-with-odd-characters.json'));
    for (const { userid } of parsed?.items ?? []) expect(userid).toMatch(/^[\x21-\x7e]+$/);
    expect(parsed?.unusable.length).toBeGreaterThan(1);
  });

  test('gender and status are read as a number and as text', () => {
    const fields = (sent: Raw): unknown => parseMembers({ userlist: [{ userid: 'a', ...sent }] })?.items[0]?.fields;
    expect(fields({ gender: 1, status: '2' })).toEqual({ gender: '1', status: 2 });
    expect(fields({ gender: '2', status: 4 })).toEqual({ gender: '2', status: 4 });
    expect(fields({ gender: 0, status: '0' })).toEqual({ gender: '0', status: 0 });
    for (const nonsense of ['', ' 2', '1.5', 'x', '-1', '1e1', -1, 1.5, true, null]) expect(fields({ gender: nonsense, status: nonsense })).toEqual({});
  });

  test('ids of departments, orders and leaders are read as numbers and as text', () => {
    expect(parseMembers({ userlist: [{ userid: 'a', department: ['1', 2], order: ['7', 0], is_leader_in_dept: ['1', 0] }] })?.items[0]?.memberships).toEqual([
      { departmentId: 1, sortOrder: 7, isLeader: true },
      { departmentId: 2, sortOrder: 0, isLeader: false },
    ]);
    expect(parseDepartments({ department: [{ id: '2', parentid: '1', order: '9' }] })?.items).toEqual([{ id: 2, parentId: 1, sortOrder: 9 }]);
  });

  test('of a list of departments with odd entries the others count, with their own order, and who has it is told', () => {
    const userlist = [
      { userid: 'a', department: ['1', 'x', 3], order: [7, 8, 9] },
      { userid: 'b', department: [2.5, -1] },
      { userid: 'c', department: '2' },
      { userid: 'd', department: null },
      { userid: 'e', department: [] },
    ];
    const parsed = parseMembers({ userlist });
    expect(parsed?.items.map(({ memberships }) => memberships)).toEqual([[{ departmentId: 1, sortOrder: 7 }, { departmentId: 3, sortOrder: 9 }], undefined, undefined, undefined, []]);
    expect(parsed?.oddDepartments).toEqual(['a', 'b', 'c']);
  });

  test('a mobile and a telephone are read as text and as a number, and only a number that JSON holds exactly', () => {
    const fields = (sent: Raw): unknown => parseMembers({ userlist: [{ userid: 'a', ...sent }] })?.items[0]?.fields;
    expect(fields({ mobile: 13_800_138_000, telephone: 1_012_345_678 })).toEqual({ mobile: '13800138000', telephone: '1012345678' });
    expect(fields({ mobile: '', telephone: '010-1' })).toEqual({ mobile: '', telephone: '010-1' });
    for (const nonsense of [0, -0, -1, 1.5, 2 ** 53, 1e21, true, null, []]) expect(fields({ mobile: nonsense, telephone: nonsense })).toEqual({});
  });

  test.each([
    ['0', 'answer'],
    ['00', 'answer'],
    ['', 'garbled'],
    [' ', 'garbled'],
    ['ok', 'garbled'],
    [true, 'garbled'],
    [[], 'garbled'],
    [-0, 'answer'],
    ['-1', 'refusal'],
  ])('an errcode of %j makes it %s', (errcode, is) => expect(openEnvelope(200, Buffer.from(JSON.stringify({ errcode, userlist: [] }))).is).toBe(is));

  test('a member of very many departments has all of them', () => {
    const department = Array.from({ length: 5000 }, (_, at) => at + 1);
    expect(parseMembers({ userlist: [{ userid: 'a', department }] })?.items[0]?.memberships).toHaveLength(5000);
  });

  test('fields of a wrong type count as not sent', () => {
    expect(members(at('user_list.wrong-types.json'))?.items).toEqual([{ userid: 'ChenYue', fields: { gender: '1', status: 1, mainDepartment: 1, mobile: '13900007919' } }]);
  });

  test('numbers that do not fit count as not sent, and nothing wraps around', () => {
    expect(members(at('user_list.numbers-out-of-range.json'))?.items).toEqual([{ userid: 'ChenYue', fields: { name: '陈越' }, memberships: [{ departmentId: 1 }] }]);
  });

  test('numbers that no database gives back as they were sent are read as it will give them back', () => {
    const sent = JSON.parse('{"userlist": [{"userid": "a", "department": [2], "order": [-0], "extattr": {"attrs": [-0, 1e999, 1.5]}}], "department": [{"id": 1, "parentid": -0}]}') as Raw;
    const [member] = parseMembers(sent)?.items ?? [];
    expect(member?.memberships?.map(({ sortOrder }) => sortOrder)).toEqual([0]);
    expect(member?.fields.extattr).toEqual({ attrs: [0, null, 1.5] });
    expect(parseDepartments(sent)?.items).toEqual([{ id: 1, parentId: 0 }]);
  });

  test('arrays of uneven length: what is missing was not sent, what is too much is ignored', () => {
    const [one, two] = members(at('user_list.uneven-arrays.json'))?.items ?? [];
    expect(one?.memberships).toEqual([{ departmentId: 1, sortOrder: 5 }, { departmentId: 2 }, { departmentId: 3 }]);
    expect(two?.memberships).toEqual([{ departmentId: 1, sortOrder: 1, isLeader: true }]);
  });

  test('one department twice is one membership', () => expect(members(at('user_list.same-department-twice.json'))?.items[0]?.memberships).toHaveLength(1));

  test('a name of 64 KiB is cut between characters', () => {
    expect(members(at('user_list.long-name.json'))?.items[0]?.fields.name).toHaveLength(255);
    const [pandas] = parseMembers({ userlist: [{ userid: 'a', name: `x${'🐼'.repeat(40_000)}` }] })?.items ?? [];
    expect(pandas?.fields.name).toHaveLength(255);
    const [shifted] = parseMembers({ userlist: [{ userid: 'a', name: '🐼'.repeat(40_000) }] })?.items ?? [];
    expect([shifted?.fields.name?.length, shifted?.fields.name?.isWellFormed()]).toEqual([254, true]);
  });

  test('half a surrogate pair becomes a replacement character, a whole pair stays', () => {
    const names = members(at('user_list.lone-surrogates.json'))?.items.map(({ fields }) => fields.name);
    expect(names).toEqual(['陈\ufffd越', '🐼 是一对']);
  });

  test('NUL is taken out, also inside self-defined fields', () => {
    expect(members(at('user_list.control-characters.json'))?.items[0]?.fields.name).not.toContain('\0');
    const extattr = { attrs: [{ name: 'a\0b', value: '\ud800' }] };
    expect(parseMembers({ userlist: [{ userid: 'a', extattr }] })?.items[0]?.fields.extattr).toEqual({ attrs: [{ name: 'ab', value: '\ufffd' }] });
  });

  test('self-defined fields nested beyond reason count as not sent', () => {
    const [member] = members(at('user_list.deep-extattr.json'))?.items ?? [];
    expect(member).toMatchObject({ userid: 'ChenYue' });
    expect(member?.fields).not.toHaveProperty('extattr');
  });

  test('keys that reach for the prototype are ignored', () => {
    const [member] = members(at('user_list.prototype-keys.json'))?.items ?? [];
    expect(member?.fields.mobile).toBeUndefined();
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  test('a byte order mark is skipped', () => expect(members(at('user_list.byte-order-mark.json'))?.items).toHaveLength(2));

  test.each(['\u0014', '\t', '\n', '\u0001\u001f'])('raw control characters inside a text (%j) do not stop the rest', (raw) => {
    const body = `{"errcode":0,\n\t"userlist":[{"userid":"a","name":"x${raw}y \\"z\\\\"},{"userid":"b","name":"${raw}"}]}`;
    const envelope = openEnvelope(200, Buffer.from(body));
    expect(envelope).toMatchObject({ is: 'answer', answer: { userlist: [{ userid: 'a', name: `x${raw}y "z\\` }, { userid: 'b', name: raw }] } });
    expect(openEnvelope(200, Buffer.from(body.slice(0, -20)))).toMatchObject({ is: 'garbled' });
  });

  test('bytes that are no UTF-8 do not stop the rest', () => expect(members(at('user_list.invalid-utf8.json'))?.items).toHaveLength(2));

  test('departments whose id is none are counted, and none is made up', () => {
    const parsed = parseDepartments(answerOf(at('department_list.odd-ids.json')));
    expect([parsed?.items.map(({ id }) => id), parsed?.unusable.length]).toEqual([[1, 5], 4]);
  });

  test('an order beyond 32 bits counts as not sent', () => {
    expect(parseDepartments(answerOf(at('department_list.huge-order.json')))?.items.map(({ sortOrder }) => sortOrder)).toEqual([4_294_967_295, undefined, undefined, undefined]);
  });

  test('the answer about somebody else, or about nobody, is no member', () => {
    expect(parseMemberAnswer(answerOf(at('user_get.someone-else.json')), 'ChenYue')).toBeUndefined();
    expect(parseMemberAnswer(answerOf(at('user_get.nobody.json')), 'ChenYue')).toBeUndefined();
  });

  test('ranges of another type: what can be read is read', () => {
    expect(parseAgent(answerOf(at('agent_get.ranges-of-another-type.json')))).toMatchObject({ users: { items: ['ChenYue'], unusable: [{ record: 2 }, { record: 3 }] }, departmentIds: [], tagIds: [] });
    expect(parseAgent({ allow_tags: { tagid: [1, null, '2'] } }).tagIds).toEqual([1, 2]);
  });

  test('a cursor that is no text ends the paging', () => {
    expect(parseIdPage(answerOf(at('user_list_id.cursor-of-another-type.json')))?.nextCursor).toBeUndefined();
  });
});
