/** Shorter texts are not scrubbed: they would blot out ordinary words, and are no secrets. */
const SHORTEST = 4;

/** What a name ends with whose value is secret. */
const NAMES = 'access_token|corpsecret|suite_secret|provider_secret|permanent_code|suite_ticket|contacts_secret|hmac_key|passwd|password|secret';
const SECRET_NAME = new RegExp(`(?:${NAMES})$`, 'i');
/** Values that are secret by their name, in addresses, headers and JSON, however often it was escaped. */
const NAMED = new RegExp(String.raw`((?:${NAMES})(?:=|\\*"\s*:\s*\\*"))[^&\s"\\]+`, 'gi');
/** A key in an address: that of a group robot. */
const KEY = /([?&]key=)[^&\s"'\\]+/gi;
/** The password of an address; its user stays, and so does the name of a variable. */
const PASSWORD = /(\b[a-z][a-z\d+.-]*:\/\/[^\s:/@"']*:)(?!\$\{)[^\s@"']+@/gi;
/** Mainland mobiles, with or without +86, and with the gaps people type; never a part of a longer number. */
const MAINLAND = /(?<!\d|\d\.)((?:\+|%2B)?86[- ]?)?(1[3-9]\d)[- ]?\d{4}[- ]?(\d{4})(?!\d)/gi;
/** Any other number in E.164. */
const ABROAD = /(\+|%2B)([1-9](?:[ -]?\d){1,2})((?:[ -]?\d){3,9})([ -]?\d(?:[ -]?\d){2})(?!\d)/gi;

/** A string of a JSON text; with the name before it where it is the value of one. */
const JSON_STRING = /(?:("[^"\\]*(?:\\.[^"\\]*)*")(\s*:\s*))?("[^"\\]*(?:\\.[^"\\]*)*")/g;

/** Takes secrets and whole phone numbers out of text that is about to leave the process. */
export interface Redactor {
  /** From now on, none of these appears in scrubbed text: as they are, escaped for JSON, or encoded for a URL. */
  readonly add: (secrets: readonly string[]) => void;
  /** The text with `***` for secrets; phone numbers stay: for answers, which are about them. */
  readonly conceal: (text: string) => string;
  /** The text with `***` for secrets and `138****8000` for numbers. Made for whole lines: secrets hide in messages and stacks. */
  readonly scrub: (text: string) => string;
}

/** Makes a redactor that knows no secret yet. */
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
 * Scrubs each string of a JSON text, names included, and leaves it JSON: what stands outside of strings is neither a
 * secret nor a phone number, however much eleven digits look like one.
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

/** Masks every phone number in a text, and leaves longer numbers (ids, times) alone. */
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
