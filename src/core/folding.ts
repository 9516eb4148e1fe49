import { escapeAt } from './escapes.ts';

/** Texts as they are meant: a number stays the number in digits of any script, and a word the word in capitals or full width. */

const NINE_OF_TEN = 10;
/** Numerals that people write one by one for the digits of a number. */
const CHINESE: Readonly<Record<string, string>> = { 〇: '0', 零: '0', '○': '0', 一: '1', 幺: '1', 二: '2', 三: '3', 四: '4', 五: '5', 六: '6', 七: '7', 八: '8', 九: '9', 壹: '1', 贰: '2', 貳: '2', 叁: '3', 參: '3', 叄: '3', 肆: '4', 伍: '5', 陆: '6', 陸: '6', 柒: '7', 捌: '8', 玖: '9' };
const known = new Map<string, string>();

/** A character outside of ASCII as the ASCII character that it stands for: digits, letters, dashes, blanks; itself where it stands for none. */
export function foldCharacter(character: string): string {
  const folded = known.get(character) ?? fold(character);
  known.set(character, folded);
  return folded;
}

function fold(character: string): string {
  if (/^\p{Nd}$/u.test(character)) return String(digitValue(character.codePointAt(0) ?? 0));
  if (/^[\p{Z}\p{Cf}\p{M}\p{DI}]$/u.test(character)) return ' ';
  if (/^[\p{Pd}−]$/u.test(character)) return '-';
  const compatible = character.normalize('NFKC');
  if (/^[\x21-\x7e]$/.test(compatible)) return compatible;
  // `⑴` and `⒈` are written with what is around the digit.
  return /^\(?(\d)[).,]?$/.exec(compatible)?.[1] ?? CHINESE[character] ?? drawnDigit(character.codePointAt(0) ?? 0) ?? character;
}

/** The first code points of rows of nine digits, from one to nine, that Unicode relates to no other digit: `❶`, `➀`, `➊`, `⓵`, and Suzhou numerals. */
const DRAWN = [0x2776, 0x2780, 0x278a, 0x24f5, 0x3021];
/** Their zeros. */
const DRAWN_ZEROS: ReadonlySet<number> = new Set([0x24ff, 0x1f10b, 0x1f10c]);

function drawnDigit(codePoint: number): string | undefined {
  if (DRAWN_ZEROS.has(codePoint)) return '0';
  const first = DRAWN.find((start) => codePoint >= start && codePoint < start + 9);
  return first === undefined ? undefined : String(codePoint - first + 1);
}

/** The digits of a script follow one another, from zero to nine; so do several scripts of ten. */
function digitValue(codePoint: number): number {
  let first = codePoint;
  while (/^\p{Nd}$/u.test(String.fromCodePoint(first - 1))) first -= 1;
  return (codePoint - first) % NINE_OF_TEN;
}

/** A text whose characters were folded one by one, and where each begins in the original. */
export interface FoldedText {
  readonly text: string;
  /** One longer than the text; undefined where the text is the original. */
  readonly starts: readonly number[] | undefined;
}

/** Folds every character that is not ASCII, and every escape such as `%20`. */
export function foldText(original: string): FoldedText {
  if (/^[^\x80-\uffff%&\\]*$/.test(original)) return { text: original, starts: undefined };
  let text = '';
  const starts: number[] = [];
  let at = 0;
  while (at < original.length) {
    const escape = escapeAt(original, at);
    const character = String.fromCodePoint(escape?.code ?? original.codePointAt(at) ?? 0);
    const length = escape?.length ?? character.length;
    const folded = character < '\u0080' ? character : foldCharacter(character);
    for (let unit = 0; unit < folded.length; unit += 1) starts.push(at + Math.min(unit, length - 1));
    text += folded;
    at += length;
  }
  return { text, starts: [...starts, at] };
}
