import stringWidth from 'string-width';

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

/** A text in lines of so many columns at most. */
export function wrapped(text: string, columns: number): readonly string[] {
  if (columnsOf(text) <= columns) return [text];
  const lines: string[] = [];
  let line = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (line !== '' && columnsOf(line + segment) > columns) {
      lines.push(line);
      line = '';
    }
    line += segment;
  }
  return [...lines, line];
}
