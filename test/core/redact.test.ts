import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor, scrubJson } from '../../src/core/redact.ts';

function scrub(text: string, ...secrets: string[]): string {
  const redactor = createRedactor();
  redactor.add(secrets);
  return redactor.scrub(text);
}

describe('a registered secret', () => {
  const secret = 'pw!"a/b \\+c é';
  it.each([
    ['as it is', secret],
    ['escaped for JSON', JSON.stringify([secret])],
    ['escaped twice', JSON.stringify(JSON.stringify([secret]))],
    ['encoded for a URL', encodeURIComponent(secret)],
    ['encoded for a form', new URLSearchParams({ q: secret }).toString()],
  ])('disappears %s', (_, text) => {
    const scrubbed = scrub(`before ${text} after`, secret);
    expect(scrubbed).toContain('***');
    expect(scrubbed).not.toMatch(/pw!|pw%21/);
    expect(scrubbed).not.toContain('a%2Fb');
    expect(scrubbed).toMatch(/^before .* after$/);
  });

  it('disappears in whatever JSON holds it', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4, unit: 'grapheme' }), fc.string(), (word, around) => {
        const canary = `kanarie${word}`;
        expect(scrub(JSON.stringify({ [around]: [`${around}${canary}${around}`] }), canary)).not.toContain('kanarie');
      }),
    );
  });

  it('of which another one is a part disappears whole', () => {
    expect(scrub('longsecret', 'long', 'longsecret')).toBe('***');
  });

  it('too short to be one leaves the text readable', () => {
    expect(scrub('a cat sat', 'a', 'cat')).toBe('a cat sat');
  });
});

describe('what is secret by its name', () => {
  it.each([
    ['GET /cgi-bin/user/list?access_token=abc.DEF-1&id=1', 'GET /cgi-bin/user/list?access_token=***&id=1'],
    ['?corpid=ww1&corpsecret=xyz', '?corpid=ww1&corpsecret=***'],
    ['{"access_token":"abc","x":1}', '{"access_token":"***","x":1}'],
    ['"{\\"corpsecret\\": \\"abc\\"}"', '"{\\"corpsecret\\": \\"***\\"}"'],
    ['webhook/send?key=0d5c-11', 'webhook/send?key=***'],
    ['mysql://orgsync:p/w@db:3306/o', 'mysql://orgsync:***@db:3306/o'],
    ['redis://:p@cache:6379', 'redis://:***@cache:6379'],
    ['store: mysql://orgsync:${DB_PASSWORD}@db/o', 'store: mysql://orgsync:${DB_PASSWORD}@db/o'],
    ['http://db:3306/x and mail to a@b.c', 'http://db:3306/x and mail to a@b.c'],
    ['the primary key=5 of the table', 'the primary key=5 of the table'],
  ])('in %s', (text, expected) => {
    expect(scrub(text)).toBe(expected);
  });
});

it('phone numbers stay in answers, secrets do not', () => {
  const redactor = createRedactor();
  redactor.add(['canary']);
  expect(redactor.conceal('{"phone":"+8613800138000","error":"canary ?access_token=x"}')).toBe('{"phone":"+8613800138000","error":"*** ?access_token=***"}');
});

describe('a phone number', () => {
  it.each([
    ['call 13800138000 now', 'call 138****8000 now'],
    ['+8613800138000', '+86138****8000'],
    ['+86 138-0013-8000', '+86 138****8000'],
    ['8613800138000', '86138****8000'],
    ['138 0013 8000', '138****8000'],
    ['mobile=%2B8613800138000&x', 'mobile=%2B86138****8000&x'],
    ['"\\n13800138000"', '"\\n138****8000"'],
    ['手机13800138000。', '手机138****8000。'],
    ['13800138000,13900139000', '138****8000,139****9000'],
    ['+85261234567', '+852****567'],
    ['+1 415 555 2671', '+1 41****671'],
    ['+447911123456', '+447****456'],
  ])('%s is masked', (text, expected) => {
    expect(scrub(text)).toBe(expected);
  });

  it.each([
    '1795411217000',
    '20251387654321099',
    '2026-11-23T12:31:32.414+0800',
    'run 1380013',
    '0.13800138000',
    'errcode 60020, hint: [1380013800013800138]',
    '+123456 members',
    'ww13a8001380',
  ])('is not what %s is', (text) => {
    expect(scrub(text)).toBe(text);
  });
});

describe('JSON', () => {
  it.each([
    [{ duration: 15_413_800_138, of: [13_800_138_000], at: -13_900_139_000 }, { duration: 15_413_800_138, of: [13_800_138_000], at: -13_900_139_000 }],
    [{ message: '{"mobile":13800138000}' }, { message: '{"mobile":138****8000}' }],
    [{ '13800138000': ['13800138000', { deep: '+8613800138000' }] }, { '138****8000': ['138****8000', { deep: '+86138****8000' }] }],
    [{ password: 'two words "\n', size: 4321 }, { password: '***', size: 4321 }],
    [{ text: '\nope and nope' }, { text: '\nope and ***' }],
  ])('stays JSON, and its numbers what they are: %j', (value, expected) => {
    expect(JSON.parse(scrubJson(JSON.stringify(value), (text) => scrub(text, 'nope', '4321')))).toEqual(expected);
  });
});
