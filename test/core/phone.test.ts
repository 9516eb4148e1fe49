import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asWecomMobile, maskPhone, parseMainlandMobile } from '../../src/core/mobile.ts';
import { isRegion, parsePhone, toE164 } from '../../src/core/phone.ts';

/** region that numbers are dialled from, as typed, the one number that is meant */
const SPELLINGS: readonly (readonly [string, string, string])[] = [
  // mainland China
  ['CN', '13800138000', '+8613800138000'],
  ['CN', '138 0013 8000', '+8613800138000'],
  ['CN', '138-0013-8000', '+8613800138000'],
  ['CN', '138.0013.8000', '+8613800138000'],
  ['CN', '138/0013/8000', '+8613800138000'],
  ['CN', '(138) 0013 8000', '+8613800138000'],
  ['CN', '  13800138000\t', '+8613800138000'],
  ['CN', '+86 138-0013-8000', '+8613800138000'],
  ['CN', '+8613800138000', '+8613800138000'],
  ['CN', '8613800138000', '+8613800138000'],
  ['CN', '86 138 0013 8000', '+8613800138000'],
  ['CN', '008613800138000', '+8613800138000'],
  ['CN', '0086 138 0013 8000', '+8613800138000'],
  ['CN', '+0086 138 0013 8000', '+8613800138000'],
  ['CN', '(+86) 138 0013 8000', '+8613800138000'],
  ['CN', '(+86)13800138000', '+8613800138000'],
  ['CN', '+(86) 13800138000', '+8613800138000'],
  ['CN', '+86 (0) 13800138000', '+8613800138000'],
  ['CN', '013800138000', '+8613800138000'],
  ['CN', '１３８００１３８０００', '+8613800138000'],
  ['CN', '＋８６　１３８　００１３　８０００', '+8613800138000'],
  ['CN', '（１３８）００１３－８０００', '+8613800138000'],
  ['CN', '138\u00a00013\u00a08000', '+8613800138000'],
  ['CN', '138\u20110013\u20118000', '+8613800138000'],
  ['CN', '138–0013—8000', '+8613800138000'],
  ['CN', '\u202d138 0013 8000\u202c', '+8613800138000'],
  ['CN', '\ufeff13800138000', '+8613800138000'],
  ['CN', 'tel:+86-138-0013-8000', '+8613800138000'],
  ['CN', 'tel:13800138000;phone-context=+86', '+8613800138000'],
  ['CN', 'TEL:13800138000', '+8613800138000'],
  ['CN', '15400001111', '+8615400001111'],
  ['CN', '19912345678', '+8619912345678'],
  ['CN', '010-6552 9988', '+861065529988'],
  ['CN', '+86 (0)21 6234 5678', '+862162345678'],
  // mainland numbers seen from elsewhere
  ['HK', '+86 138 0013 8000', '+8613800138000'],
  ['HK', '0086 138 0013 8000', '+8613800138000'],
  ['HK', '001 86 138 0013 8000', '+8613800138000'],
  ['US', '011 86 138 0013 8000', '+8613800138000'],
  ['US', '0086 13800138000', '+8613800138000'],
  // Hong Kong
  ['CN', '+852 6123 4567', '+85261234567'],
  ['CN', '+85261234567', '+85261234567'],
  ['CN', '00852 6123-4567', '+85261234567'],
  ['CN', '(+852) 61234567', '+85261234567'],
  ['CN', '＋８５２ ６１２３ ４５６７', '+85261234567'],
  ['HK', '6123 4567', '+85261234567'],
  ['HK', '852 6123 4567', '+85261234567'],
  // Macao
  ['CN', '+853 6612 3456', '+85366123456'],
  ['MO', '66123456', '+85366123456'],
  // Taiwan
  ['CN', '+886 912 345 678', '+886912345678'],
  ['CN', '+886 (0)912-345-678', '+886912345678'],
  ['TW', '0912-345-678', '+886912345678'],
  // United States
  ['CN', '+1 (415) 555-2671', '+14155552671'],
  ['CN', '001 415 555 2671', '+14155552671'],
  ['CN', '+1.415.555.2671', '+14155552671'],
  ['CN', '+1 555 123 4567', '+15551234567'],
  ['US', '(415) 555-2671', '+14155552671'],
  ['US', '1-415-555-2671', '+14155552671'],
  ['US', '13125551234', '+13125551234'],
  // Great Britain
  ['CN', '+44 7911 123456', '+447911123456'],
  ['CN', '+44 (0)7911 123456', '+447911123456'],
  ['GB', '07911 123456', '+447911123456'],
  // Japan
  ['CN', '+81 90-1234-5678', '+819012345678'],
  ['JP', '090-1234-5678', '+819012345678'],
  ['JP', '０９０－１２３４－５６７８', '+819012345678'],
  ['JP', '010 86 138 0013 8000', '+8613800138000'],
  // Singapore
  ['CN', '+65 8123 4567', '+6581234567'],
  ['SG', '8123 4567', '+6581234567'],
  // Germany
  ['CN', '+49 1512 3456789', '+4915123456789'],
  ['DE', '01512/3456789', '+4915123456789'],
];

/** as typed in the mainland, and why it is no number */
const NONSENSE: readonly (readonly [string, string])[] = [
  ['', 'there is nothing in it'],
  ['   ', 'there is nothing in it'],
  ['hello', 'it holds more than digits and what is usually written between them'],
  ['138O0138000', 'it holds more than digits and what is usually written between them'],
  ['call 13800138000', 'it holds more than digits and what is usually written between them'],
  ['13800138000,13900139000', 'it holds more than digits and what is usually written between them'],
  ['*#06#', 'it holds more than digits and what is usually written between them'],
  ['+', 'there are no digits in it'],
  ['--', 'there are no digits in it'],
  ['1380013800', 'a mainland mobile has 11 digits, this has 10'],
  ['138001380001', 'a mainland mobile has 11 digits, this has 12'],
  ['+86 1380013800', 'a mainland mobile has 11 digits, this has 10'],
  ['0086 138 0013 80000', 'a mainland mobile has 11 digits, this has 12'],
  ['13800138000 / 13900139000', 'a mainland mobile has 11 digits, this has 22'],
  ['12345', 'it is too short'],
  ['10086', 'it is too short'],
  ['+86', 'it is too short'],
  ['+1 415', 'it is too short'],
  ['99999999999999999999', 'it is too long'],
  ['+852 6123 4567 8901', 'it is too long'],
  ['+999 1234 5678', 'no country has the code that it begins with'],
  ['12345678901', 'CN has no such number; one of another country begins with + and its code'],
  ['61234567', 'CN has no such number; one of another country begins with + and its code'],
];

/** as WeCom gives it, and what is stored */
const STORED: readonly (readonly [string, string, string | null])[] = [
  ['13800138000', 'CN', '+8613800138000'],
  ['13800138000', 'HK', '+8613800138000'],
  ['13125551234', 'US', '+8613125551234'],
  ['+86 13800138000', 'CN', '+8613800138000'],
  ['+8613800138000', 'CN', '+8613800138000'],
  ['+85261234567', 'CN', '+85261234567'],
  ['+852-61234567', 'CN', '+85261234567'],
  ['0085261234567', 'CN', '+85261234567'],
  ['85261234567', 'CN', '+85261234567'],
  ['61234567', 'HK', '+85261234567'],
  ['+15551234567', 'CN', '+15551234567'],
  ['', 'CN', null],
  ['0', 'CN', null],
  ['138****8000', 'CN', null],
  ['unknown', 'CN', null],
];

describe('a number as typed', () => {
  it.each(SPELLINGS)('typed in %s as “%s” is %s', (region, typed, e164) => {
    expect(parsePhone(typed, region)).toEqual({ e164 });
  });

  it.each(NONSENSE)('“%s” is refused: %s', (typed, problem) => {
    expect(parsePhone(typed, 'CN')).toEqual({ problem });
  });

  it('is tried in at least 60 spellings from 8 regions', () => {
    expect(SPELLINGS.length).toBeGreaterThanOrEqual(60);
    expect(new Set(SPELLINGS.map(([, , e164]) => e164.slice(0, 3))).size).toBeGreaterThanOrEqual(8);
  });

  it('has one form: reading that form again, from anywhere, gives it unchanged', () => {
    const digits = fc.string({ unit: fc.constantFrom(...Array.from('0123456789')), minLength: 1, maxLength: 16 });
    const prefix = fc.constantFrom('', '+', '00', '+86', '86', '0086', '+852', '+1', '+44', '+49', '+52', '+54', '+39', '1');
    const region = fc.constantFrom('CN', 'HK', 'US', 'GB', 'IT', 'MX', 'AR', 'BR');
    fc.assert(
      fc.property(prefix, digits, region, region, (start, rest, here, there) => {
        const once = parsePhone(start + rest, here);
        if ('e164' in once) expect(parsePhone(once.e164, there)).toEqual(once);
      }),
      { numRuns: 20_000, seed: 1 },
    );
  });

  it('is never thrown at, whatever it holds', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (typed) => void parsePhone(typed, 'CN')), { numRuns: 5_000, seed: 1 });
  });

  it('of the mainland has one form however it is spaced and hyphenated', () => {
    const mobile = fc.tuple(fc.integer({ min: 3, max: 9 }), fc.integer({ min: 0, max: 999_999_999 }))
      .map(([second, rest]) => `1${second}${String(rest).padStart(9, '0')}`);
    const gap = fc.constantFrom('', ' ', '-', '  ', '\u2011', '.', '\u3000');
    fc.assert(
      fc.property(mobile, fc.array(gap, { minLength: 11, maxLength: 11 }), fc.constantFrom('', '+86', '0086', '86', '+86 '), (number, gaps, prefix) => {
        const typed = prefix + Array.from(number, (digit, i) => digit + (gaps[i] ?? '')).join('');
        expect(parsePhone(typed, 'CN')).toEqual({ e164: `+86${number}` });
        expect(parseMainlandMobile(typed, 'CN')).toBe(`+86${number}`);
      }),
      { seed: 1 },
    );
  });
});

describe('a mobile as WeCom gives it', () => {
  it.each(STORED)('“%s” in %s is stored as %s', (mobile, region, e164) => {
    expect(toE164(mobile, region)).toBe(e164);
  });

  it('is asked for in the form that WeCom gave it', () => {
    expect(asWecomMobile('+8613800138000')).toBe('13800138000');
    expect(asWecomMobile('+85261234567')).toBe('+85261234567');
    expect(asWecomMobile('+861065529988')).toBe('+861065529988');
  });

  it('is normalised 100,000 times in about a second', () => {
    const start = performance.now();
    for (let i = 0; i < 100_000; i += 1) toE164(`138${String(i).padStart(8, '0')}`, 'CN');
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

describe('a masked number', () => {
  it.each([
    ['+8613800138000', '138****8000'],
    ['+85261234567', '+852****4567'],
    ['+14155552671', '+141****2671'],
    ['+6581234', '+658****34'],
  ])('%s shows as %s', (e164, masked) => {
    expect(maskPhone(e164)).toBe(masked);
  });
});

it('a region is one that numbers can be dialled from', () => {
  expect(['CN', 'HK', 'US'].every(isRegion)).toBe(true);
  expect(['', 'cn', 'XX', 'China'].some(isRegion)).toBe(false);
});
