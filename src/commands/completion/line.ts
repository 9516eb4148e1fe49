/** One word of a command line. */
export interface Word {
  /** As it was typed, with quotes and backslashes. */
  readonly raw: string;
  /** As the program gets it. */
  readonly text: string;
  /** The quote that is still open at its end. */
  readonly quote: '' | '"' | "'";
}

/** Splits what was typed before the cursor as a shell does. The last word is the one at the cursor; it may be empty. */
export function splitLine(line: string): readonly Word[] {
  const words: Word[] = [];
  let word = NOTHING;
  for (const part of partsOf(line)) {
    if (word.quote !== '' || !/^\s$/.test(part)) {
      word = grow(word, part);
    } else if (word.raw !== '') {
      words.push(word);
      word = NOTHING;
    }
  }
  return [...words, word];
}

/** Reads one word, as a shell that has split the line itself gives it. */
export function readWord(raw: string): Word {
  return partsOf(raw).reduce(grow, NOTHING);
}

const NOTHING: Word = { raw: '', text: '', quote: '' };

/** Characters, each with the backslash before it. */
function partsOf(text: string): readonly string[] {
  return text.match(/\\[^]|[^]/gu) ?? [];
}

function grow({ raw, text, quote }: Word, part: string): Word {
  const grown = raw + part;
  const [first = '', second] = part;
  if (quote === "'" && second !== undefined) return [first, second].reduce(grow, { raw, text, quote });
  if (quote === '' && (part === '"' || part === "'")) return { raw: grown, text, quote: part };
  if (quote !== '' && part === quote) return { raw: grown, text, quote: '' };
  if (second === undefined) return { raw: grown, text: part === '\\' && quote !== "'" ? text : text + part, quote };
  // Between double quotes, a backslash means itself before most characters.
  return { raw: grown, text: text + (quote === '"' && !/["$`\\]/.test(second) ? part : second), quote };
}

/**
 * What bash is to put in the place of `replaced`, the end of the word at the cursor, so that the word becomes `wanted`. Bash
 * replaces only what follows a `:`, a `=` or an opening quote. Undefined when the beginning is not that of `wanted`.
 */
export function replacement(wanted: string, { raw, quote }: Word, replaced: string): string | undefined {
  const kept = readWord(raw.endsWith(replaced) ? raw.slice(0, raw.length - replaced.length) : '').text;
  if (!wanted.toLowerCase().startsWith(kept.toLowerCase())) return undefined;
  return escapeWithin(quote, wanted.slice(kept.length));
}

function escapeWithin(quote: Word['quote'], text: string): string | undefined {
  if (quote === "'") return text.includes("'") ? undefined : text;
  if (quote === '"') return text.replaceAll(/["$`\\]/g, '\\$&');
  return text.replaceAll(/[^\p{L}\p{N}_./:=@%+,-]/gu, '\\$&');
}
