import { foldCharacter } from './folding.ts';

/** A part of a text, from its first character to the one after its last. */
export type Span = readonly [start: number, end: number];

/** The characters of a text that are compared, and where each begins and ends in the text. */
interface Letters {
  readonly codes: readonly number[];
  /** Both undefined where the characters are all those of the text. */
  readonly starts?: readonly number[];
  readonly ends?: readonly number[];
}

/**
 * Texts that are looked for in others, however many: the first `grain` characters of each lead to it, so that each place
 * of a text is looked up once. A regular expression over ten thousand secrets took milliseconds a line.
 */
export class Needles {
  readonly #grain: number;
  readonly #byBeginning = new Map<number, (readonly number[])[]>();
  readonly #known = new Set<string>();

  constructor(grain: number) {
    this.#grain = grain;
  }

  /** Takes no notice of a needle that is shorter than the grain. */
  add(needle: readonly number[]): void {
    const name = String.fromCodePoint(...needle);
    if (needle.length < this.#grain || this.#known.has(name)) return;
    this.#known.add(name);
    const beginning = this.#hash(needle, 0);
    this.#byBeginning.set(beginning, [...(this.#byBeginning.get(beginning) ?? []), needle]);
  }

  /** Every place where a needle stands, by the order of their beginnings; they may overlap. */
  find({ codes, starts, ends }: Letters): readonly Span[] {
    const found: Span[] = [];
    if (this.#byBeginning.size === 0) return found;
    for (let at = 0; at + this.#grain <= codes.length; at += 1) {
      for (const needle of this.#byBeginning.get(this.#hash(codes, at)) ?? []) {
        const last = at + needle.length - 1;
        if (needle.every((code, offset) => codes[at + offset] === code)) found.push([starts?.[at] ?? at, ends?.[last] ?? last + 1]);
      }
    }
    return found;
  }

  #hash(codes: readonly number[], at: number): number {
    let hash = 0;
    for (let offset = 0; offset < this.#grain; offset += 1) hash = (Math.imul(hash, 31) + (codes[at + offset] ?? 0)) | 0;
    return hash;
  }
}

/** Every character, capitals as small letters. */
export function lettersOf(text: string): Letters {
  const codes: number[] = [];
  for (let at = 0; at < text.length; at += 1) codes.push(small(text.charCodeAt(at)));
  return { codes };
}

/** Letters and digits only, of any width and script, capitals as small letters: what a text says whatever separates it. */
export function wordOf(text: string): Letters {
  const [codes, starts, ends]: [number[], number[], number[]] = [[], [], []];
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const character = code < 0x80 ? '' : String.fromCodePoint(text.codePointAt(at) ?? 0);
    const length = Math.max(1, character.length);
    const folded = code < 0x80 ? code : (foldCharacter(character).codePointAt(0) ?? 0);
    if (isLetterOrDigit(folded)) {
      codes.push(small(folded));
      starts.push(at);
      ends.push(at + length);
    }
    at += length;
  }
  return { codes, starts, ends };
}

function isLetterOrDigit(code: number): boolean {
  if (code >= 0x80) return /^[\p{L}\p{N}]$/u.test(String.fromCodePoint(code));
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}

function small(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}

/** The text with `***` in place of every span; those that overlap become one. */
export function maskSpans(text: string, spans: readonly Span[]): string {
  if (spans.length === 0) return text;
  let masked = '';
  let from = 0;
  let open: Span | undefined;
  for (const [start, end] of spans.toSorted((one, other) => one[0] - other[0] || other[1] - one[1])) {
    if (open !== undefined && start < open[1]) {
      open = [open[0], Math.max(open[1], end)];
      continue;
    }
    if (open !== undefined) [masked, from] = [`${masked}${text.slice(from, open[0])}***`, open[1]];
    open = [start, end];
  }
  return open === undefined ? text : `${masked}${text.slice(from, open[0])}***${text.slice(open[1])}`;
}
