import { readFile } from 'node:fs/promises';

/** A secret planted somewhere, with an unmistakable word in it that no escaping changes. */
export interface Canary {
  /** What it is, for whoever reads of a leak. */
  readonly name: string;
  /** The secret itself, made of the characters that escaping gets wrong. */
  readonly secret: string;
  /** What is looked for, in every encoding. */
  readonly words: readonly string[];
}

/** Every character that JSON, URLs, YAML, shells or regular expressions treat in their own way. */
const AWKWARD = `"\\'%41$&+/=?#@: é`;

/** Makes a canary. `awkward` puts special characters around its word; with `ascii` only those that a secret of WeCom may hold. */
export function canary(name: string, { awkward = true, ascii = false }: { readonly awkward?: boolean; readonly ascii?: boolean } = {}): Canary {
  const word = `CANARY${name.replace(/\W/g, '').toUpperCase()}CANARY`;
  const around = ascii ? AWKWARD.replace(' é', '') : AWKWARD;
  return { name, words: [word], secret: awkward ? `${around.slice(0, 9)}${word}${around.slice(9)}` : word };
}

/** A secret that somebody else made, such as a token: all of it is looked for, and its beginning and end, too. */
export function found(name: string, secret: string): Canary {
  return { name, secret, words: [secret.slice(0, 16), secret.slice(-16)] };
}

/** Where canaries sing: `place: name … text around it`, nothing where all is well. Base64 and hexadecimal do not hide them. */
export function leaks(text: string, place: string, canaries: readonly Canary[]): readonly string[] {
  const folded = text.toLowerCase();
  return canaries.flatMap(({ name, words }) => {
    const forms = words.flatMap((word) => [word, Buffer.from(word).toString('hex'), ...base64Of(word)]);
    const at = forms.map((form) => folded.indexOf(form.toLowerCase())).find((index) => index >= 0);
    return at === undefined ? [] : [`${place}: ${name} … ${text.slice(Math.max(0, at - 120), at + 60)}`];
  });
}

/** Whole phone numbers in a text, but for those that may be there. */
export function phonesIn(text: string, place: string, phones: readonly string[]): readonly string[] {
  return phones.flatMap((phone) => {
    const at = text.indexOf(phone);
    return at < 0 ? [] : [`${place}: the number ${phone} … ${text.slice(Math.max(0, at - 120), at + 30)}`];
  });
}

/** A file's text; empty where there is none. */
export async function textOf(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '');
}

/** What a word looks like inside of something in base64, at each of three offsets, without its uncertain ends. */
function base64Of(word: string): readonly string[] {
  return [0, 1, 2].map((offset) => Buffer.from(`${'x'.repeat(offset)}${word}`).toString('base64').replace(/=+$/, '').slice(offset === 0 ? 0 : 4, -4));
}
