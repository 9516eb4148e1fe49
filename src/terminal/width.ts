import stringWidth from 'string-width';
import { OWN_COLOUR } from './text.ts';

/** ASCII, and the Chinese characters and punctuation of names and titles. */
const PLAIN = /^[\u0020-\u007e\u3001-\u3003\u3008-\u3011\u4e00-\u9fff\uff01-\uff5e]*$/u;

/**
 * Returns the width of a text in columns of a terminal; a wide character has two. string-width knows every script and emoji,
 * but its first call takes longer than a whole lookup, so plain text is counted here.
 */
export function columnsOf(text: string): number {
  if (!PLAIN.test(text)) return stringWidth(text);
  let columns = 0;
  for (let i = 0; i < text.length; i += 1) columns += text.charCodeAt(i) < 0x7f ? 1 : 2;
  return columns;
}

/** Returns the text, filled up with spaces to this width. */
export function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)));
}

/** Returns the text; when it is wider than this, its end is replaced by `…`. */
export function cut(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (columnsOf(kept + segment) > columns - 1) break;
    kept += segment;
  }
  return columns < 1 ? '' : `${kept}…`;
}

/** {@link hang} text is wrapped into lines of at least this width, even when they are too long for the terminal. */
const NARROWEST = 16;

const END_WEIGHT = '\u001b[22m';
const END_COLOUR = '\u001b[39m';

/** Where a line may be wrapped: after a space, and between Chinese characters; elsewhere only when a word is longer than a line. */
export const BREAKS = /(?<=[\s\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u{20000}-\u{3ffff}])/u;

/** Wraps a text, with our own colours in it or not, into lines of at most this width. Each line ends the colours that it begins. */
export function wrap(text: string, columns: number): readonly string[] {
  if (columnsOf(text) <= columns) return [text];
  const lines: string[] = [];
  let line = '';
  for (const piece of piecesOf(text)) {
    if (line !== '' && columnsOf(line + piece) > columns) {
      const end = piece === ' ' ? line.length : breakOf(line);
      lines.push(line.slice(0, end).trimEnd());
      line = line.slice(end);
    }
    line = (line + piece).trimStart();
  }
  return repaint(line === '' ? lines : [...lines, line]);
}

/** Ends each colour at the end of a line and begins it again on the next one. Otherwise it would also colour the next cell of a table. */
function repaint(lines: readonly string[]): readonly string[] {
  let weight = '';
  let colour = '';
  return lines.map((line) => {
    const before = weight + colour;
    for (const [escape = ''] of line.matchAll(new RegExp(OWN_COLOUR, 'g'))) {
      if (/\[(?:1|2)m/.test(escape)) weight = escape;
      else if (/\[3[1-6]m/.test(escape)) colour = escape;
      if (/\[(?:0|22)m/.test(escape)) weight = '';
      if (/\[(?:0|39)m/.test(escape)) colour = '';
    }
    return `${before}${line}${weight && END_WEIGHT}${colour && END_COLOUR}`;
  });
}

/** Returns a text after a prefix, wrapped to this width; further lines are indented by the prefix. */
export function hang(prefix: string, text: string, columns: number): string {
  const indent = columnsOf(prefix);
  return prefix + wrap(text, Math.max(columns - indent, NARROWEST)).join(`\n${' '.repeat(indent)}`);
}

/** Splits a text into the parts that must not be broken: grapheme clusters and colours. */
function piecesOf(text: string): readonly string[] {
  return text.split(OWN_COLOUR).flatMap((part, index) => (index % 2 === 1 ? [part] : Array.from(new Intl.Segmenter().segment(part), ({ segment }) => segment)));
}

/** Returns where to wrap: before the word that is not complete at the end of the line. */
function breakOf(line: string): number {
  const unfinished = (`${line}x`.split(BREAKS).at(-1) ?? '').length - 1;
  return unfinished < line.length ? line.length - unfinished : line.length;
}
