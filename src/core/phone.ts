import parseNumber, {
  isSupportedCountry,
  validatePhoneNumberLength,
  type CountryCode,
  type PhoneNumber,
} from 'libphonenumber-js/max';
import { parseMainlandMobile, tidyPhone } from './mobile.ts';

// The `max` numbering plans: `min` accepts 1380013800, a mobile with a missing digit. Both load equally fast.

/** The result of reading a typed number: its E.164 form (`+8613800138000`), or why it is not a phone number. */
export type ParsedPhone = { readonly e164: string } | { readonly problem: string };

/** The shortest number, without the country code, that is accepted when the plan of its country does not know it. */
const SHORTEST = 7;

/** Whether `code` is a region with a numbering plan, such as `CN`, `HK`, `US`. */
export function isRegion(code: string): code is CountryCode {
  return isSupportedCountry(code);
}

/**
 * Reads a number as a person types or pastes it: spaces, hyphens, brackets, full-width digits, `+86`, `0086`, `tel:`.
 * All spellings of a number have the same result, and parsing a result gives the same result again.
 * @param region the region of a number without a country code: `CN`, `HK`, …
 * @returns the problem as the rest of the sentence "is not a phone number: …"; it contains no number, not even as an
 *   example, because every number in a message is masked
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
 * The E.164 form of a mobile as WeCom sends it, or null when it has none. WeCom sends mainland mobiles without a country
 * code (P90195), independent of `region`. The form of others is not documented: `+852…`, `00852…`, and `852…` (if it can
 * only be a number of that country) are accepted; numbers without a country code belong to `region`.
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

/** `00` is the international prefix in most countries, and people use it in the others (`011`, `010`, …), too. */
function spellings(text: string): readonly string[] {
  return text.startsWith('00') ? [text, `+${text.slice(2)}`] : [text];
}

function parseOptions(region: string): { defaultCountry?: CountryCode; extract: false } {
  return isRegion(region) ? { defaultCountry: region, extract: false } : { extract: false };
}

/**
 * New number ranges appear faster than a library's plans are updated, so a number with a country code and a possible
 * length is accepted. Not for mainland China, where a missing or doubled digit must be noticed: its mobiles are
 * recognised by their form and never reach this function.
 */
function isAcceptable(number: PhoneNumber, spelling: string): boolean {
  if (number.isValid()) return true;
  if (number.countryCallingCode === '86' || !spelling.startsWith('+')) return false;
  return number.isPossible() && number.nationalNumber.length >= SHORTEST && readsAsItself(number);
}

/** Whether parsing the result gives the same number: for numbers outside all plans, each parsing may drop a leading zero. */
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

/** The digits of a number that begins like a mainland mobile but has the wrong length. */
function almostMainlandMobile(text: string, region: string): string | undefined {
  const bare = text.replace(/^(?:\+|00)86/u, '');
  if (bare === text && (region !== 'CN' || text.startsWith('+'))) return undefined;
  const digits = bare.replace(/\D/gu, '');
  return /^1[3-9]\d{6}/u.test(digits) && digits.length !== 11 ? digits : undefined;
}
