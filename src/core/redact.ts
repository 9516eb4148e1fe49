import { foldText } from './folding.ts';
import { lettersOf, maskSpans, Needles, wordOf } from './needles.ts';

/** Shorter texts are not replaced: they are no secrets, and ordinary words would disappear. */
const SHORTEST = 4;
/** Secrets with so many letters and digits are recognised also in capitals, in full width, or with other separators. */
const SHORTEST_WORD = 8;
/** A part of a secret with so many characters disappears, too. */
const CUT = 16;
/** The same in letters and digits: sixteen characters of a secret hold so many. */
const CUT_WORD = 14;
/** The same in base64, which has four letters for three characters, without those that it writes as `+` and `/`. */
const CUT_ENCODED = 18;

/** Endings of names whose values are secret, with any separator. */
const NAMES = 'access[ _.-]?token|permanent[ _.-]?code|suite[ _.-]?ticket|hmac[ _.-]?key|passwd|password|secret';
const SECRET_NAME = new RegExp(`(?:${NAMES})$`, 'i');
/** Values that are secret because of their name, in addresses, headers and JSON, also when escaped several times. */
const NAMED = new RegExp(String.raw`((?:${NAMES})(?:=|%3D|\\*"\s*:\s*\\*"))[^&\s"\\]+`, 'gi');
/** The same in a sentence, where what follows is long enough for a token. */
const NAMED_IN_TEXT = new RegExp(String.raw`((?:${NAMES})\s*(?:[:\uff1a]|=>|=)\s*['"\u201c\[]?)[\w.~+/=-]{16,}`, 'gi');
/** The key in the address of a group robot. */
const KEY = /([?&]key=)[^&\s"'\\]+/gi;
/** The password in an address. The user, and the name of a variable, stay visible. */
const PASSWORD = /(\b[a-z][a-z\d+.-]*:\/\/[^\s:/@"']*:)(?!\$\{)[^\s@"']+@/gi;
/** Mainland mobiles, with or without +86, also with separators; never a part of a longer number. */
const MAINLAND = /(?<!\d|\d\.)((?:\+|%2B|00)?86[-. ]?|0)?(1[3-9]\d)[-. /_·,]?\d{4}[-. /_·,]?(\d{4})(?!\d)/gi;
/** The same with separators anywhere: `1 3 8-0 0 1 3-8 0 0 0`. Not in what has hexadecimal groups, such as a UUID. */
const SPACED = /(?<![\d*+]|%2B|[\d*][-. ]{1,3}|[a-f]-)((?:(?:\+|%2B|00)?86[-\t ()]{0,3})?)(1[-\t ()]{0,3}[3-9](?:[-\t ()]{0,3}\d){9})(?![-\t ()]{0,3}\d|\w|-[a-f])/gi;
/** The same with one separator, whichever, after each digit: `1.3.8.0.0.1.3.8.0.0.0`. */
const SEPARATED = /(?<!\d[^\w\s]?)()(1([^\da-z\n])[3-9](?:\3\d){9})(?!\3?\d)/gi;
/** The same with one or two separators after each digit, also different ones. */
const EACH = /(?<![\da-z*]|\d[^\p{L}\p{N}]{1,2})()(1([^\p{L}\p{N}*]{1,2})[3-9](?:[^\p{L}\p{N}*]{1,2}\d){9})(?!\3?\d|[a-z])/giu;
/** The usual groups, with any separators: `138|0013|8000`. */
const GROUPED = /(?<![\da-z]|\d\.)()(1[3-9]\d[^\p{L}\p{N}*]{1,3}\d{4}[^\p{L}\p{N}*]{1,3}\d{4})(?![\da-z])/giu;
/** One or two characters that stand in no time, address, version, size or list of figures. */
const ODD = String.raw`(?:[|~\n]|[^\p{L}\p{N}\p{Sm}\s.:,;/%&\\()*"-])`;
const GAP = String.raw`(?:${ODD}{1,2}|${ODD}[ \t]|[ \t\r]${ODD})`;
const LOOSE_NUMBER = String.raw`1${GAP}?[3-9](?:${GAP}?\d){9}`;
/** Any groups between such characters; one number, or several run together. */
const LOOSE = new RegExp(String.raw`(?<![\da-z*]|\d[.:]|\d${GAP})(?:${LOOSE_NUMBER})(?:${GAP}?${LOOSE_NUMBER})*(?!${GAP}?\d|[a-z])`, 'giu');
/** Numbers that are run together with their country code, or in the usual groups. */
const TOGETHER = /(?<!\d)(?:(?:86)?1[3-9]\d[-. ]?\d{4}[-. ]?\d{4}){2,}(?!\d)/g;
const OF_TOGETHER = /(1[3-9]\d)[-. ]?\d{4}[-. ]?(\d{4})/g;
/** What all of these have in common; it is tried first, because they are many. */
const POSSIBLE = /1[^\p{L}\d*]{0,3}[3-9](?:[^\p{L}\d*]{0,3}\d){9}/u;
/** Five groups or more between characters that also stand in times, addresses and versions, which have fewer. */
const FIVE_GROUPS = /(?<![\w.:/-])1\d{0,3}([.:/])\d{1,4}(?:\1\d{1,4}){3,9}(?!\w|\1\d)/g;
/** Any other number in E.164, or with `00` in place of the `+`. */
const ABROAD = /(\+|%2B|(?:(?<![\w.-]|\d[,:])00|(?<![\w.:,-])00[- ])(?=[1-9](?:(?! -)[ ().-]{0,2}\d){9}))([1-9](?:(?! -)[ ().-]{0,2}\d){1,2})((?:(?! -)[ ().-]{0,2}\d){3,9})((?! -)[ ().-]{0,2}\d(?:(?! -)[ ().-]{0,2}\d){2})(?!\d)/gi;

/** A string in a JSON text, with its name when it is a value. */
const JSON_STRING = /(?:("[^"\\]*(?:\\.[^"\\]*)*")(\s*:\s*))?("[^"\\]*(?:\\.[^"\\]*)*")/g;

/** Removes secrets and complete phone numbers from text before it leaves the process. */
export interface Redactor {
  /** From now on these texts are removed from scrubbed text: as they are, escaped for JSON, or encoded for a URL. */
  readonly add: (secrets: readonly string[]) => void;
  /** The text with `***` for secrets. Phone numbers stay: this is for answers to questions about them. */
  readonly conceal: (text: string) => string;
  /** The text with `***` for secrets and `138****8000` for numbers. For whole lines: messages and stack traces can contain secrets. */
  readonly scrub: (text: string) => string;
}

/** Creates a redactor that knows no secret yet. */
export function createRedactor(): Redactor {
  const [known, waiting] = [new Set<string>(), new Set<string>()];
  const texts = new Needles(SHORTEST, CUT);
  const words = new Needles(SHORTEST_WORD, CUT_WORD);
  // Only when there is text: many processes that start together print nothing, and ten thousand secrets take a second.
  const index = (secret: string): void => {
    known.add(secret);
    const forms = formsOf(secret);
    for (const form of forms) texts.add(lettersOf(form).codes);
    for (const form of forms) words.add(wordOf(form).codes);
    for (const encoding of encodingsOf(secret)) words.add(wordOf(encoding).codes, CUT_ENCODED);
  };
  const conceal = (text: string): string => {
    for (const secret of waiting) index(secret);
    waiting.clear();
    return mask(text);
  };
  const mask = (text: string): string =>
    maskSpans(text, [...texts.find(lettersOf(text)), ...words.find(wordOf(text))])
      .replace(NAMED, '$1***')
      .replace(NAMED_IN_TEXT, '$1***')
      .replace(KEY, '$1***')
      .replace(PASSWORD, '$1***@');
  return {
    add(secrets) {
      for (const secret of secrets) if (secret.length >= SHORTEST && !known.has(secret)) waiting.add(secret);
    },
    conceal,
    scrub: (text) => maskPhones(conceal(text)),
  };
}

/**
 * Scrubs each string of a JSON text, names included; the result is JSON, too. Text outside of strings is neither a secret
 * nor a phone number, even if it has eleven digits.
 */
export function scrubJson(json: string, scrub: (text: string) => string): string {
  const scrubbed = (literal: string): string => {
    const text = JSON.parse(literal) as string;
    const clean = scrub(text);
    return clean === text ? literal : JSON.stringify(clean);
  };
  return json.replace(JSON_STRING, (_whole, name: string | undefined, colon: string, value: string) => {
    if (name === undefined) return scrubbed(value);
    return `${scrubbed(name)}${colon}${SECRET_NAME.test(name.slice(1, -1)) ? '"***"' : scrubbed(value)}`;
  });
}

/** Masks every phone number in a text, in digits of any script; longer numbers (ids, times) stay. */
function maskPhones(written: string): string {
  // First by itself: a digit of another script beside a number does not make it a longer one.
  const original = maskPlain(written);
  const { text, starts } = foldText(original);
  if (starts === undefined) return maskDigits(original);
  if (!/\d/.test(text)) return original;
  // Only what is a number is written anew: all else stays as it was.
  let [masked, from] = ['', 0];
  for (const [start, end, shown] of phonesIn(text)) {
    masked += original.slice(from, starts[start]) + shown;
    from = starts[end] ?? original.length;
  }
  return masked + original.slice(from);
}

function maskPlain(text: string): string {
  return text.replace(MAINLAND, '$1$2****$3').replace(SPACED, maskSpaced).replace(SEPARATED, maskSpaced).replace(ABROAD, '$1$2****$4');
}

/** Not for a text with escapes: the digits of `138%2000` are not all of a number. */
function maskDigits(text: string): string {
  const plain = maskPlain(text);
  if (!POSSIBLE.test(plain)) return plain;
  return plain
    .replace(EACH, maskSpaced)
    .replace(GROUPED, maskSpaced)
    .replace(LOOSE, maskLoose)
    .replace(TOGETHER, (numbers) => numbers.replace(OF_TOGETHER, '$1****$2'))
    .replace(FIVE_GROUPS, (groups) => (/^1[3-9]\d{9}$/.test(groups.replace(/\D/g, '')) ? maskSpaced('', '', groups) : groups));
}

const PLAIN = [MAINLAND, SPACED, SEPARATED, ABROAD];
const WITH_SEPARATORS = [EACH, GROUPED, LOOSE, TOGETHER, FIVE_GROUPS];

/** Each number with its place, and how it is shown. */
function phonesIn(text: string): readonly (readonly [start: number, end: number, shown: string])[] {
  const found = (POSSIBLE.test(text) ? [...PLAIN, ...WITH_SEPARATORS] : PLAIN).flatMap((pattern) => [...text.matchAll(pattern)].map((match) => [match.index, match.index + match[0].length, maskDigits(match[0])] as const));
  let free = 0;
  return found
    .toSorted(([one], [other]) => one - other)
    .filter(([start, end, shown]) => {
      const isFree = start >= free && shown !== text.slice(start, end);
      if (isFree) free = end;
      return isFree;
    });
}

function maskSpaced(_whole: string, country: string, number: string): string {
  const digits = number.replace(/\D/g, '');
  return `${country}${digits.slice(0, 3)}****${digits.slice(-4)}`;
}

function maskLoose(numbers: string): string {
  return numbers.replace(/\D/g, '').replace(/(\d{3})\d{4}(\d{4})/g, '$1****$2');
}

/** The letters and digits of base64, at each place that the secret can have in a longer text, and of hexadecimal. */
function encodingsOf(secret: string): readonly string[] {
  const codes = [...new TextEncoder().encode(secret)];
  const bytes = String.fromCharCode(...codes);
  const inLonger = (before: number): string => btoa('\0'.repeat(before) + bytes).slice(before + 1, Math.floor(((before + bytes.length) * 8) / 6));
  const hex = codes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [btoa(bytes), inLonger(1), inLonger(2), hex];
}

function formsOf(secret: string): readonly string[] {
  const escaped = escapeForJson(secret);
  const encoded = encodeURIComponent(secret.toWellFormed());
  const inForm = new URLSearchParams([['', secret]]).toString().slice(1);
  return [...new Set([secret, escaped, escapeForJson(escaped), encoded, inForm, inForm.replaceAll('+', '%20')])];
}

function escapeForJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
