import { foldText } from './folding.ts';
import { lettersOf, maskSpans, Needles, wordOf } from './needles.ts';

/** Shorter texts are not replaced: they are no secrets, and ordinary words would disappear. */
const SHORTEST = 4;
/** Secrets with so many letters and digits are recognised also in capitals, in full width, or with other separators. */
const SHORTEST_WORD = 8;

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
/** Any other number in E.164. */
const ABROAD = /(\+|%2B)([1-9](?:[ ().-]{0,2}\d){1,2})((?:[ ().-]{0,2}\d){3,9})([ ().-]{0,2}\d(?:[ ().-]{0,2}\d){2})(?!\d)/gi;

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
  const texts = new Needles(SHORTEST);
  const words = new Needles(SHORTEST_WORD);
  const conceal = (text: string): string =>
    maskSpans(text, [...texts.find(lettersOf(text)), ...words.find(wordOf(text))])
      .replace(NAMED, '$1***')
      .replace(NAMED_IN_TEXT, '$1***')
      .replace(KEY, '$1***')
      .replace(PASSWORD, '$1***@');
  return {
    add(secrets) {
      for (const form of secrets.filter(({ length }) => length >= SHORTEST).flatMap(formsOf)) {
        texts.add(lettersOf(form).codes);
        words.add(wordOf(form).codes);
      }
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
  const original = maskDigits(written);
  const { text, starts } = foldText(original);
  if (starts === undefined || !/\d/.test(text)) return original;
  // Only what is a number is written anew: all else stays as it was.
  let [masked, from] = ['', 0];
  for (const [start, end, shown] of phonesIn(text)) {
    masked += original.slice(from, starts[start]) + shown;
    from = starts[end] ?? original.length;
  }
  return masked + original.slice(from);
}

function maskDigits(text: string): string {
  return text.replace(MAINLAND, '$1$2****$3').replace(SPACED, maskSpaced).replace(SEPARATED, maskSpaced).replace(ABROAD, '$1$2****$4');
}

/** Each number with its place, and how it is shown. */
function phonesIn(text: string): readonly (readonly [start: number, end: number, shown: string])[] {
  const found = [MAINLAND, SPACED, SEPARATED, ABROAD].flatMap((pattern) => [...text.matchAll(pattern)].map((match) => [match.index, match.index + match[0].length, maskDigits(match[0])] as const));
  let free = 0;
  return found
    .toSorted(([one], [other]) => one - other)
    .filter(([start, end]) => {
      const isFree = start >= free;
      if (isFree) free = end;
      return isFree;
    });
}

function maskSpaced(_whole: string, country: string, number: string): string {
  const digits = number.replace(/\D/g, '');
  return `${country}${digits.slice(0, 3)}****${digits.slice(-4)}`;
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
