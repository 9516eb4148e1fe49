import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import type { RuleInput } from '../../src/sandbox/faults.ts';
import { serve } from '../support/pretended-mysql.ts';
import { ask, corpOf, tokenFor, withSandbox } from '../support/sandbox.ts';
import { firstCorp, membersOf, never, openFor, openForSandbox, shapeOf, truthShape } from '../wecom/support.ts';

const SMALL = { corps: 1, members: 20, departments: 4 } as const;

/** What comes in place of a right answer, which is given as it is. */
interface Reply {
  readonly body: string | Buffer;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}
type Spoil = (answer: string) => Reply;

const squeezed = (coding: string, body: Buffer): Reply => ({ body, headers: { 'Content-Encoding': coding } });
/** The answer within other text. */
const around = (before: string, after = ''): Spoil => (answer) => ({ body: `${before}${answer}${after}` });
/** The answer with another errcode. */
const errcode = (written: string): Spoil => (answer) => ({ body: answer.replace(/"errcode":\s*0/, `"errcode":${written}`) });
/** The right answer, under another status. */
const status = (code: number, headers: Readonly<Record<string, string>> = {}): Spoil => (answer) => ({ body: answer, status: code, headers });

function effectOf({ body, status: code = 200, headers = {} }: Reply): RuleInput['effect'] {
  return { kind: 'body', body: Buffer.from(body).toString('base64'), base64: true, status: code, headers };
}

/** Spoils the answer about one department for good, and reads the corp. */
async function readSpoiled(spoil: Spoil, judge: (result: { readonly reading: Awaited<ReturnType<ReturnType<typeof openFor>['directory']['read']>>; readonly truth: unknown; readonly department: number }) => void): Promise<void> {
  await withSandbox(SMALL, async (sandbox) => {
    const corp = corpOf(sandbox);
    const [, department = 0] = corp.departmentIds;
    const access_token = await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, 'app_pre2022'));
    const { text } = await ask(sandbox.url, 'user/list', { access_token, department_id: department });
    sandbox.faults.add({ match: { endpoint: 'user/list', department }, effect: effectOf(spoil(text)) });
    const { directory } = openForSandbox(sandbox, { retries: 1, maxAnswerBytes: 1_000_000 });
    const reading = await directory.read(firstCorp(sandbox), { signal: never() });
    judge({ reading, truth: truthShape(sandbox, corp.id), department });
    await directory.close();
  });
}

describe('an answer is read whole:', () => {
  test.each<[string, Spoil]>([
    ['squeezed by gzip on its way', (answer) => squeezed('gzip', gzipSync(answer))],
    ['squeezed by deflate on its way', (answer) => squeezed('deflate', deflateSync(answer))],
    ['squeezed by brotli on its way', (answer) => squeezed('br', brotliCompressSync(answer))],
    ['after a byte order mark', around('\ufeff')],
    ['between blank lines', around('\r\n\r\n  ', '\n\n')],
    ['called text/html', (answer) => ({ body: answer, headers: { 'Content-Type': 'text/html' } })],
    ['called GBK, and in UTF-8 all the same', (answer) => ({ body: answer, headers: { 'Content-Type': 'application/json; charset=GBK' } })],
    ['with the cookies of a balancer', (answer) => ({ body: answer, headers: { 'Set-Cookie': 'a'.repeat(6_000) } })],
    ['under HTTP 203, as by a proxy that changes answers', status(203)],
    ['with its errcode as text', errcode('"0"')],
    ['with an errcode of 0.0', errcode('0.0')],
    ['with its errcode twice', (answer) => ({ body: answer.replace('{', '{"errcode":0,') })],
    ['in escapes only', (answer) => ({ body: answer.replace(/[^\x20-\x7e]/gu, (character) => [...Array(character.length).keys()].map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')) })],
    ['under a coding that nobody knows', (answer) => squeezed('x-tar', Buffer.from(answer))],
    ['member by member, after gzip that unpacks to more than any answer', () => squeezed('gzip', gzipSync(Buffer.alloc(20_000_000, ' ')))],
    ['with fields that nobody knows', (answer) => ({ body: answer.replace('{', '{"trace":{"deep":[[[[1]]]]},"errmsg2":null,') })],
  ])('%s', (_, spoil) =>
    readSpoiled(spoil, ({ reading, truth }) => {
      expect(reading.gaps).toEqual([]);
      expect(shapeOf(reading)).toEqual(truth);
    }),
  );
});

describe('an answer that is none makes its department a gap, and nobody departs:', () => {
  test.each<[string, Spoil]>([
    ['the page of a captive portal, with HTTP 200', () => ({ body: '<!doctype html><title>Log in</title>', headers: { 'Content-Type': 'text/html' } })],
    ['the page of a captive portal, with HTTP 511', () => ({ body: '<html>', status: 511 })],
    ['a page that says gzip and is none', (answer) => squeezed('gzip', Buffer.from(answer))],
    ['gzip cut in the middle', (answer) => squeezed('gzip', gzipSync(answer).subarray(0, 200))],
    ['UTF-16', (answer) => ({ body: Buffer.from(`\ufeff${answer}`, 'utf16le') })],
    ['two documents', (answer) => ({ body: `${answer}${answer}` })],
    ['a call of a function (JSONP)', around('callback(', ')')],
    ['a comma too many', (answer) => ({ body: answer.replace(/\}$/, ',}') })],
    ['NaN for a number', errcode('NaN')],
    ['an errcode of nothing', errcode('""')],
    ['an errcode that is true', errcode('true')],
    ['an errcode that is a list', errcode('[0]')],
    ['wrapped by an API gateway', around('{"code":200,"data":', '}')],
    ['text that holds JSON', (answer) => ({ body: JSON.stringify(answer) })],
    ['XML', () => ({ body: '<?xml version="1.0"?><error><code>403</code></error>', headers: { 'Content-Type': 'text/xml' } })],
    ['nothing, with HTTP 204', () => ({ body: '', status: 204 })],
    ['not modified, with HTTP 304', () => ({ body: '', status: 304 })],
    ['the right answer under HTTP 401', status(401)],
    ['the right answer under HTTP 403, by a firewall', status(403)],
    ['the right answer under HTTP 429, with Retry-After', status(429, { 'Retry-After': '1' })],
    ['the right answer under HTTP 500', status(500)],
    ['the right answer under HTTP 503, with Retry-After of a year', status(503, { 'Retry-After': '31536000' })],
    ['a redirect to a login', status(302, { Location: 'http://127.0.0.1:9/login' })],
    ['an empty list beside the words of a gateway', () => ({ body: '{"errcode":99999,"errmsg":"upstream","userlist":[]}' })],
  ])('%s', (_, spoil) =>
    readSpoiled(spoil, ({ reading, department }) => {
      expect(reading.gaps).toEqual([expect.objectContaining({ what: `department ${department}`, why: expect.stringMatching(/\w{3}/) as string })]);
    }),
  );
});

describe('HTTP that is none is unreachable in time, with the corp as it was:', () => {
  test.each<[string, string | Buffer, 'closes' | 'stays']>([
    ['headers without end', `HTTP/1.1 200 OK\r\n${'X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(2_000)}`, 'stays'],
    ['a header line that is none', 'HTTP/1.1 200 OK\r\nthis is no header\r\n\r\n{}', 'closes'],
    ['two lengths that differ', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}', 'closes'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}', 'closes'],
    ['a length below zero', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}', 'closes'],
    ['a length that never comes', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{', 'stays'],
    ['a chunk of no size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}', 'closes'],
    ['the last chunk missing', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n', 'closes'],
    ['only HTTP 100', 'HTTP/1.1 100 Continue\r\n\r\n', 'stays'],
    ['an answer of HTTP/0.9', '{"errcode":0}', 'closes'],
    ['HTTP/2', Buffer.from('000006040000000000000300000064', 'hex'), 'closes'],
    ['an alert of TLS', Buffer.from('15030300020246', 'hex'), 'closes'],
    ['nothing at all', '', 'closes'],
    ['half a status line', 'HTTP/1.1 20', 'stays'],
    ['an upgrade that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n', 'closes'],
  ])('%s', async (_, said, then) => {
    const port = await serve((socket) =>
      socket.once('data', () => {
        if (said.length > 0) socket.write(said);
        if (then === 'closes') socket.end();
      }),
    );
    const { directory } = openFor(`http://127.0.0.1:${port}`, () => ({ secret: new Secret('s'), retries: 0, timeoutMs: 200 }));
    onTestFinished(() => directory.close());
    const began = performance.now();
    await expect(directory.read({ id: 'ww0000000000000001', name: 'one' }, { signal: never() })).rejects.toMatchObject({ kind: 'unavailable', code: 'wecom_unreachable' });
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});

describe('a member is read as far as what was sent can be read:', () => {
  const read = async (sent: Readonly<Record<string, unknown>>): Promise<unknown> => {
    let member: unknown;
    const list = JSON.stringify({ errcode: 0, errmsg: 'ok', userlist: [{ userid: 'odd', name: '陈越', department: [1], ...sent }] });
    await readSpoiled(() => ({ body: list }), ({ reading }) => {
      expect(reading.gaps).toEqual([]);
      member = membersOf(reading).get('odd');
    });
    return member;
  };

  test.each<[string, Readonly<Record<string, unknown>>, Readonly<Record<string, unknown>>]>([
    ['numbers as text', { department: ['1', '2'], order: ['3', '4'], is_leader_in_dept: ['1', '0'], status: '1', gender: '2', main_department: '1' }, { fields: { status: 1, gender: '2', mainDepartment: 1 }, memberships: [{ departmentId: 1, sortOrder: 3, isLeader: true }, { departmentId: 2, sortOrder: 4, isLeader: false }] }],
    ['a number in the place of a mobile', { mobile: 13_800_138_000, telephone: 75_512_345 }, { fields: { mobile: '13800138000', telephone: '75512345' } }],
    ['a mobile of Hong Kong', { mobile: '+85261234567' }, { fields: { mobile: '+85261234567' } }],
    ['a mobile that is empty, as without the right to it', { mobile: '' }, { fields: { mobile: '' } }],
    ['null for everything', { mobile: null, alias: null, status: null, order: null, extattr: null, direct_leader: null }, { fields: { name: '陈越' }, memberships: [{ departmentId: 1 }] }],
    ['zero-width and right-to-left characters in a name', { name: '陈\u200b越\u202eabc' }, { fields: { name: '陈\u200b越\u202eabc' } }],
    ['NUL in a name', { name: '陈\0越' }, { fields: { name: '陈越' } }],
    ['no department, as of a member put in one by one', { department: [] }, { memberships: [] }],
    ['departments that are no list', { department: '1' }, { fields: { name: '陈越' } }],
    ['a status of the future', { status: 9, enable: 0, hide_mobile: 1 }, { fields: { status: 9 } }],
    ['leaders as text in place of a list', { direct_leader: 'lin' }, { fields: { name: '陈越' } }],
  ])('%s', async (_, sent, expected) => {
    expect(await read(sent)).toMatchObject(expected);
    if ('mobile' in sent && sent['mobile'] === null) expect(await read(sent)).not.toHaveProperty('fields.mobile');
  });
});

test.each([
  ['an address with /cgi-bin, as documents have it', '/cgi-bin'],
  ['an address with /cgi-bin/', '/cgi-bin/'],
  ['an address with a slash at its end', '/'],
])('%s', (_, end) =>
  withSandbox(SMALL, async (sandbox) => {
    const { directory } = openForSandbox(sandbox, { api: `${sandbox.url}${end}` });
    const reading = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(shapeOf(reading)).toEqual(truthShape(sandbox, firstCorp(sandbox).id));
    await directory.close();
  }),
);
