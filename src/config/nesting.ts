import { Lexer } from 'yaml';

/** No configuration is nested deeper; the parser would take minutes, or all memory, over what is. */
export const DEEPEST = 64;

const FLOW: Readonly<Record<string, number>> = { '[': 1, '{': 1, ']': -1, '}': -1 };
/** A list in a list, a key in a key, in one line: `- - - x`. */
const INDICATORS: ReadonlySet<string> = new Set(['-', '?', ':']);

/** Where a text is nested deeper than any configuration, before it is parsed; undefined where it is not. */
export function findDeepNesting(text: string): number | undefined {
  let [offset, flow, inLine, isLineStart] = [0, 0, 0, true];
  const indents: number[] = [];
  for (const token of new Lexer().lex(text)) {
    flow += FLOW[token] ?? 0;
    if (token === ',' || token.endsWith('\n')) inLine = 0;
    if (INDICATORS.has(token)) inLine += 1;
    if (isLineStart && /^ +$/.test(token)) deepen(indents, token.length);
    if (Math.max(flow, inLine, indents.length) > DEEPEST) return offset;
    isLineStart = token.endsWith('\n');
    offset += isMark(token) ? 0 : token.length;
  }
  return undefined;
}

function deepen(indents: number[], width: number): void {
  while ((indents.at(-1) ?? -1) >= width) indents.pop();
  indents.push(width);
}

/** What the lexer adds of its own: the begin of a document or a scalar, the end of a flow. */
function isMark(token: string): boolean {
  return token === '\u0002' || token === '\u001f' || token === '\u0018';
}
