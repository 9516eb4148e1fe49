import stringWidth from 'string-width';
import { OWN_COLOUR } from './text.ts';

/** ASCII, and Chinese as people's names and titles are made of it. */
const PLAIN = /^[\u0020-\u007e\u3001-\u3003\u3008-\u3011\u4e00-\u9fff\uff01-\uff5e]*$/u;

/**
 * How many columns of a terminal a text takes, a wide character being two. The library knows every script and emoji,
 * and compiles patterns for that when it is first asked, which takes longer than a whole lookup: plain text is counted here.
 */
export function columnsOf(text: string): number {
  if (!PLAIN.test(text)) return stringWidth(text);
  let columns = 0;
  for (let i = 0; i < text.length; i += 1) columns += text.charCodeAt(i) < 0x7f ? 1 : 2;
  return columns;
}

/** The text with spaces after it, up to so many columns. */
export function padded(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - columnsOf(text)));
}

/** The text, its end replaced by `…` where it is wider than so many columns. */
export function cut(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (columnsOf(kept + segment) > columns - 1) break;
    kept += segment;
  }
  return columns < 1 ? '' : `${kept}…`;
}

/** Text that hangs is broken into lines no shorter than this, though they be too long for the terminal. */
const NARROWEST = 16;

const END_WEIGHT = '\u001b[22m';
const END_COLOUR = '\u001b[39m';

/** Where a line may end: after a space, and within Chinese; elsewhere only when a word is longer than a line. */
export const BREAKS = /(?<=[\s\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u{20000}-\u{3ffff}])/u;

/** A text, colours of ours in it or not, in lines of so many columns at most; each line ends the colours that it begins. */
export function wrapped(text: string, columns: number): readonly string[] {
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
  return repainted(line === '' ? lines : [...lines, line]);
}

/** A colour that reaches over the end of a line would also colour what a table has beside it. */
function repainted(lines: readonly string[]): readonly string[] {
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

/** A text after a prefix, its further lines below its beginning, in so many columns. */
export function hanging(prefix: string, text: string, columns: number): string {
  const indent = columnsOf(prefix);
  return prefix + wrapped(text, Math.max(columns - indent, NARROWEST)).join(`\n${' '.repeat(indent)}`);
}

/** What must not be broken: what people take for one character, and a colour. */
function piecesOf(text: string): readonly string[] {
  return text.split(OWN_COLOUR).flatMap((part, index) => (index % 2 === 1 ? [part] : Array.from(new Intl.Segmenter().segment(part), ({ segment }) => segment)));
}

/** Before the word that the line ends within. */
function breakOf(line: string): number {
  const unfinished = (`${line}x`.split(BREAKS).at(-1) ?? '').length - 1;
  return unfinished < line.length ? line.length - unfinished : line.length;
}
