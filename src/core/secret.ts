/** A secret that prints as `***` wherever it is printed, serialised or inspected. Only {@link Secret.reveal} opens it. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The text itself. Call it where the text leaves the process, and nowhere else. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '***';
  }
}

/** Whether a text has the shape of a secret of WeCom: 43 letters, digits, `-` and `_`. No id and no name looks like it. */
export function looksLikeSecret(text: string): boolean {
  return /(?<![\w-])[\w-]{43}(?![\w-])/.test(text);
}

/** Whether a text has the shape of a corp's id; a secret that has it was exchanged with the id. */
export function looksLikeCorpId(text: string): boolean {
  return /^w[wxp][\da-f]{16}$/i.test(text);
}

/** What files, editors and `echo` put around a text: line ends, blanks, a byte order mark, and other marks without width. */
const AROUND = /^[\s\u0000\u200b-\u200f\u2060\ufeff]+|[\s\u0000\u200b-\u200f\u2060\ufeff]+$/g;

/** A secret without what a file, a mounted secret or a variable adds to it. */
export function trimSecret(text: string): string {
  return text.replace(AROUND, '');
}

const IMPOSSIBLE: readonly (readonly [RegExp, string])[] = [
  [/^(["'`]).*\1$/s, 'quotes around it'],
  [/^(?:\$\(.*\)|\{\{.*\}\}|<.*>)$/s, 'a name that was to be replaced'],
  [/[\r\n\u2028\u2029]/, 'a line break'],
  [/[\p{Cc}\p{Cf}\ufffd]/u, 'a character that is not printed'],
  [/\s/, 'a blank'],
  [/[^\x20-\x7e]/, 'a character that is not ASCII'],
];

/** What a trimmed secret holds that no secret of WeCom does, in words that do not show it; undefined where it may be one. */
export function impossibleInSecret(text: string): string | undefined {
  return IMPOSSIBLE.find(([pattern]) => pattern.test(text))?.[1];
}
