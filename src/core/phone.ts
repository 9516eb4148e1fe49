import parseNumber, {
  isSupportedCountry,
  validatePhoneNumberLength,
  type CountryCode,
  type PhoneNumber,
} from 'libphonenumber-js/max';
import { parseMainlandMobile, tidyPhone } from './mobile.ts';

// The `max` numbering plans: `min` takes 1380013800, a mobile with a digit lost, for a number. They load no slower.

/** What became of a number as typed: its one E.164 form (`+8613800138000`), or why it is no phone number. */
export type ParsedPhone = { readonly e164: string } | { readonly problem: string };

/** What nobody's number is shorter than in international form, without the country code, where the plan does not know it. */
const SHORTEST = 7;

/** Whether `code` is a region that numbers can be dialled from, such as `CN`, `HK`, `US`. */
export function isRegion(code: string): code is CountryCode {
  return isSupportedCountry(code);
}

/**
 * Reads a number as a person types or pastes it: spaces, hyphens, brackets, full-width digits, `+86`, `0086`, `tel:`.
 * One number has one result, in whatever spelling; parsing a result again gives it unchanged.
 * @param region where a number without a country code is from: `CN`, `HK`, …
 * @returns the problem as the rest of the sentence "is not a phone number: …"; it holds no number, not even as an example,
 *   for whatever looks like one is masked on its way out
 */
export function parsePhone(typed: string, region: string): ParsedPhone {
  const mainland = parseMainlandMobile(typed, region);
  if (mainland !== undefined) return { e164: mainland };
  const text = tidyPhone(typed);
  for (const spelling of spellings(text)) {
    const number = parseNumber(spelling, parseOptions(region));
    if (number !== undefined && isAcceptable(number, spelling)) return { e164: number.number };
  }
  return { problem: problemOf(text, region) };
}

/**
 * The E.164 form of a mobile as WeCom gives it, or null when it has none. WeCom writes mainland mobiles bare (P90195),
 * whatever `region` says. How it writes others is not documented: `+852…`, `00852…`, and `852…` where that is
 * unmistakably a number of its country, are understood, and bare ones as numbers of `region`.
 */
export function toE164(mobile: string, region: string): string | null {
  if (mobile === '') return null;
  const mainland = parseMainlandMobile(mobile, 'CN');
  if (mainland !== undefined) return mainland;
  const parsed = parsePhone(mobile, region);
  if ('e164' in parsed) return parsed.e164;
  const abroad = /^[1-9]\d+$/u.test(mobile) ? parseNumber(`+${mobile}`, { extract: false }) : undefined;
  return abroad?.isValid() === true ? abroad.number : null;
}

/** `00` is how most of the world dials out; where it is not (`011`, `010`, …), people still write it. */
function spellings(text: string): readonly string[] {
  return text.startsWith('00') ? [text, `+${text.slice(2)}`] : [text];
}

function parseOptions(region: string): { defaultCountry?: CountryCode; extract: false } {
  return isRegion(region) ? { defaultCountry: region, extract: false } : { extract: false };
}

/**
 * Ranges open faster than a library's plans are renewed, so a number with its country code and a length that the
 * country has is believed. Not so in the mainland, where a digit lost or doubled must be noticed: its mobiles, known
 * by form, never get here.
 */
function isAcceptable(number: PhoneNumber, spelling: string): boolean {
  if (number.isValid()) return true;
  if (number.countryCallingCode === '86' || !spelling.startsWith('+')) return false;
  return number.isPossible() && number.nationalNumber.length >= SHORTEST && readsAsItself(number);
}

/** Whether it is still this number when read again: leading zeros of numbers that no plan knows may be dropped one at a time. */
function readsAsItself({ number }: PhoneNumber): boolean {
  return parseNumber(number, { extract: false })?.number === number;
}

function problemOf(text: string, region: string): string {
  if (text === '') return 'there is nothing in it';
  if (/[^\d\s+().\-/]/u.test(text)) return 'it holds more than digits and what is usually written between them';
  const mobile = almostMainlandMobile(text, region);
  if (mobile !== undefined) return `a mainland mobile has 11 digits, this has ${mobile.length}`;
  const lengthProblem = validatePhoneNumberLength(text, parseOptions(region));
  if (lengthProblem !== undefined) return LENGTH_PROBLEMS[lengthProblem];
  return `${region} has no such number; one of another country begins with + and its code`;
}

const LENGTH_PROBLEMS: Readonly<Record<NonNullable<ReturnType<typeof validatePhoneNumberLength>>, string>> = {
  TOO_SHORT: 'it is too short',
  TOO_LONG: 'it is too long',
  INVALID_LENGTH: 'no number of its country is that long',
  INVALID_COUNTRY: 'no country has the code that it begins with',
  NOT_A_NUMBER: 'there are no digits in it',
};

/** The digits of what begins like a mainland mobile and has the wrong number of them. */
function almostMainlandMobile(text: string, region: string): string | undefined {
  const bare = text.replace(/^(?:\+|00)86/u, '');
  if (bare === text && (region !== 'CN' || text.startsWith('+'))) return undefined;
  const digits = bare.replace(/\D/gu, '');
  return /^1[3-9]\d{6}/u.test(digits) && digits.length !== 11 ? digits : undefined;
}
