import { escapeAt } from './escapes.ts';
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

/** A place in a needle from which a part of it is recognised. */
interface Anchor {
  readonly needle: readonly number[];
  readonly offset: number;
  /** So many of its characters are enough. */
  readonly cut: number;
}

/**
 * Texts that are looked for in others, however many: characters at several places of each lead to it, so that each place of
 * a text is looked up once. A regular expression over ten thousand secrets took milliseconds a line.
 */
export class Needles {
  readonly #grain: number;
  readonly #cut: number;
  /** What the first character of a grain adds to its hash. */
  readonly #weight: number;
  readonly #anchors = new Map<number, Anchor[]>();

  /**
   * @param grain needles with fewer characters are ignored
   * @param cut a part of a needle with so many characters is found, too; above the grain
   */
  constructor(grain: number, cut: number) {
    this.#grain = grain;
    this.#cut = cut;
    this.#weight = Array.from({ length: grain - 1 }).reduce<number>((weight) => Math.imul(weight, 31), 1);
  }

  /** Takes no notice of a needle that is shorter than the grain. A greater `cut` makes it cheaper. */
  add(needle: readonly number[], cut = this.#cut): void {
    // Every part of the length of a cut holds the whole grain of one anchor.
    const stride = needle.length < cut ? needle.length : cut - this.#grain + 1;
    for (let offset = 0; offset + this.#grain <= needle.length; offset += stride) {
      const hash = keyOf(this.#hash(needle, offset));
      const others = this.#anchors.get(hash);
      if (others === undefined) this.#anchors.set(hash, [{ needle, offset, cut }]);
      else others.push({ needle, offset, cut });
    }
  }

  /** Every place where a needle, or a part of it that is long enough, stands; they may overlap. */
  find({ codes, starts, ends }: Letters): readonly Span[] {
    const found: Span[] = [];
    if (this.#anchors.size === 0 || codes.length < this.#grain) return found;
    let hash = this.#hash(codes, 0);
    for (let at = 0; ; at += 1) {
      for (const anchor of this.#anchors.get(keyOf(hash)) ?? []) {
        const [first, end] = matchAround(codes, at, anchor);
        if (end - first < Math.min(anchor.cut, anchor.needle.length)) continue;
        found.push([starts?.[first] ?? first, ends?.[end - 1] ?? end]);
      }
      const next = codes[at + this.#grain];
      if (next === undefined) return found;
      hash = (Math.imul(hash - Math.imul(codes[at] ?? 0, this.#weight), 31) + next) | 0;
    }
  }

  #hash(codes: readonly number[], at: number): number {
    let hash = 0;
    for (let offset = 0; offset < this.#grain; offset += 1) hash = (Math.imul(hash, 31) + (codes[at + offset] ?? 0)) | 0;
    return hash;
  }
}

/** A hash as a small integer: maps are slow with others. */
function keyOf(hash: number): number {
  return hash & 0x3fffffff;
}

/** How far the codes on both sides of a place are those of the needle. */
function matchAround(codes: readonly number[], at: number, { needle, offset }: Anchor): Span {
  let [first, end] = [at, at];
  while (end - at + offset < needle.length && codes[end] === needle[end - at + offset]) end += 1;
  while (first > 0 && at - first < offset && codes[first - 1] === needle[offset - (at - first) - 1]) first -= 1;
  return [first, end];
}

/** Every character, capitals as small letters. */
export function lettersOf(text: string): Letters {
  const codes: number[] = [];
  for (let at = 0; at < text.length; at += 1) codes.push(small(text.charCodeAt(at)));
  return { codes };
}

/** Letters and digits only, of any width and script, also escaped, capitals as small letters: what a text says whatever separates it. */
export function wordOf(text: string): Required<Letters> {
  const [codes, starts, ends]: [number[], number[], number[]] = [[], [], []];
  let at = 0;
  while (at < text.length) {
    const escape = escapeAt(text, at);
    const code = escape?.code ?? text.codePointAt(at) ?? 0;
    const length = escape?.length ?? (code > 0xffff ? 2 : 1);
    const letter = code < 0x80 ? code : foldedCode(code);
    if (isLetterOrDigit(letter)) {
      codes.push(small(letter));
      starts.push(at);
      ends.push(at + length);
    }
    at += length;
  }
  return { codes, starts, ends };
}

const foldedCodes = new Map<number, number>();

/** The code of a character as it is compared; 0 when it is no letter and no digit. */
function foldedCode(code: number): number {
  const known = foldedCodes.get(code);
  if (known !== undefined) return known;
  const character = foldCharacter(String.fromCodePoint(code));
  const folded = /^[\p{L}\p{N}]/u.test(character) ? (character.codePointAt(0) ?? 0) : 0;
  foldedCodes.set(code, folded);
  return folded;
}

function isLetterOrDigit(code: number): boolean {
  return code >= 0x80 || (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
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
