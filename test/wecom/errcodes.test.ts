import { expect, test } from 'vitest';
import { EXIT_CODES } from '../../src/errors.ts';
import { knownErrcodes, meaningOf, refusal, throwAsContacts } from '../../src/wecom/request/errcodes.ts';

test.each([
  [-1, 'repeat', 69],
  [6000, 'repeat', 69],
  [81026, 'repeat', 69],
  [45033, 'yield', 75],
  [45035, 'yield', 75],
  [45036, 'yield', 75],
  [45009, 'pause', 75],
  [40001, 'renew', 77],
  [40014, 'renew', 77],
  [42001, 'renew', 77],
  [40013, 'corp', 77],
  [41002, 'corp', 77],
  [41004, 'corp', 77],
  [40091, 'corp', 77],
  [45031, 'corp', 77],
  [40141, 'corp', 77],
  [301007, 'corp', 77],
  [48001, 'corp', 77],
  [48002, 'corp', 77],
  [48004, 'corp', 77],
  [48006, 'corp', 77],
  [48008, 'corp', 77],
  [48005, 'corp', 77],
  [48009, 'corp', 77],
  [50003, 'corp', 77],
  [50006, 'corp', 77],
  [60031, 'corp', 77],
  [60020, 'corp', 77],
  [50002, 'item', 77],
  [60011, 'item', 77],
  [60021, 'item', 77],
  [660004, 'item', 77],
  [92000, 'item', 77],
  [60003, 'item', 1],
  [60004, 'item', 1],
  [60123, 'item', 1],
  [40066, 'item', 1],
  [45029, 'too_large', 1],
  [46004, 'absent', 1],
  [60103, 'absent', 1],
  [60111, 'absent', 1],
  [60146, 'absent', 1],
  [50100, 'cursor', 1],
  [60268, 'cursor', 1],
  [40003, 'bug', 1],
  [40058, 'bug', 1],
  [41001, 'bug', 1],
  [48010, 'bug', 1],
  [123456, 'item', 1],
] as const)('errcode %i is treated as %s and ends with exit code %i', (errcode, treatment, exitCode) => {
  const { kind, ...meaning } = meaningOf(errcode);
  expect([meaning.treatment, EXIT_CODES[kind]]).toEqual([treatment, exitCode]);
});

test('40003 means that nobody has the userid where one member is asked for, and a request of ours that is wrong elsewhere', () => {
  expect(meaningOf(40003, 'user/get')).toEqual(meaningOf(60111));
  expect(meaningOf(40003, 'user/list')).toMatchObject({ treatment: 'bug', code: 'request_refused' });
  expect(meaningOf(41009, 'user/get').treatment).toBe('bug');
});

test('every known errcode has a code for programs and a hint for people', () => {
  for (const errcode of knownErrcodes()) {
    const { code, hint } = meaningOf(errcode);
    expect(code, String(errcode)).toMatch(/^[a-z_]{4,}$/);
    expect(hint.length, String(errcode)).toBeGreaterThan(20);
  }
});

test('60020 names the address that WeCom saw', () => {
  const errmsg = 'not allow to access from your ip, hint: [1700000000_1_abc], from ip: 203.0.113.9, more info at https://open.work.weixin.qq.com/devtool/query?e=60020';
  expect(refusal({ errcode: 60020, errmsg, request: 'department/list' })).toMatchObject({
    message: 'WeCom refused department/list: 60020 not allow to access from your ip',
    hint: expect.stringMatching(/^add 203\.0\.113\.9 /),
  });
  expect(refusal({ errcode: 60020, errmsg: '', request: 'department/list' }).hint).toContain('public address');
  for (const text of [errmsg, '']) {
    expect(() => throwAsContacts(refusal({ errcode: 60020, errmsg: text, request: 'user/list_id' }))).toThrow(expect.objectContaining({ errcode: 60020, hint: expect.stringContaining('trusted addresses of contacts-sync (通讯录同步, 企业可信IP)') as string }));
  }
});

test('an errmsg is shown short, and harmless on a terminal', () => {
  const { message } = refusal({ errcode: 99, errmsg: `bad\r\nX-Injected: 1\u001b[31m\u0007 ${'x'.repeat(5_000)}`, request: 'user/get' });
  expect(message.length).toBeLessThan(300);
  expect(message).not.toMatch(/\p{C}/u);
});
