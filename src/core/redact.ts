/** Shorter texts are not replaced: they are no secrets, and ordinary words would disappear. */
const SHORTEST = 4;

/** Endings of names whose values are secret. */
const NAMES = 'access_token|corpsecret|suite_secret|provider_secret|permanent_code|suite_ticket|contacts_secret|hmac_key|passwd|password|secret';
const SECRET_NAME = new RegExp(`(?:${NAMES})$`, 'i');
/** Values that are secret because of their name, in addresses, headers and JSON, also when escaped several times. */
const NAMED = new RegExp(String.raw`((?:${NAMES})(?:=|\\*"\s*:\s*\\*"))[^&\s"\\]+`, 'gi');
/** The key in the address of a group robot. */
const KEY = /([?&]key=)[^&\s"'\\]+/gi;
/** The password in an address. The user, and the name of a variable, stay visible. */
const PASSWORD = /(\b[a-z][a-z\d+.-]*:\/\/[^\s:/@"']*:)(?!\$\{)[^\s@"']+@/gi;
/** Mainland mobiles, with or without +86, also with separators; never a part of a longer number. */
const MAINLAND = /(?<!\d|\d\.)((?:\+|%2B)?86[- ]?)?(1[3-9]\d)[- ]?\d{4}[- ]?(\d{4})(?!\d)/gi;
/** Any other number in E.164. */
const ABROAD = /(\+|%2B)([1-9](?:[ -]?\d){1,2})((?:[ -]?\d){3,9})([ -]?\d(?:[ -]?\d){2})(?!\d)/gi;

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
  const forms = new Set<string>();
  let registered: RegExp | undefined;
  const conceal = (text: string): string => {
    const unnamed = registered === undefined ? text : text.replace(registered, '***');
    return unnamed.replace(NAMED, '$1***').replace(KEY, '$1***').replace(PASSWORD, '$1***@');
  };
  return {
    add(secrets) {
      for (const secret of secrets) if (secret.length >= SHORTEST) for (const form of formsOf(secret)) forms.add(form);
      const longestFirst = [...forms].sort((one, other) => other.length - one.length);
      registered = forms.size === 0 ? undefined : new RegExp(longestFirst.map(literally).join('|'), 'g');
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

/** Masks every phone number in a text; longer numbers (ids, times) stay. */
function maskPhones(text: string): string {
  return text.replace(MAINLAND, '$1$2****$3').replace(ABROAD, '$1$2****$4');
}

function formsOf(secret: string): readonly string[] {
  const escaped = escapeForJson(secret);
  const encoded = encodeURIComponent(secret.toWellFormed());
  const inForm = new URLSearchParams([['', secret]]).toString().slice(1);
  return [secret, escaped, escapeForJson(escaped), encoded, inForm, inForm.replaceAll('+', '%20')];
}

function escapeForJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
