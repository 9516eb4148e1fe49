/** A blank, or a character, as addresses (`%20`), JSON (`\u0020`, `\n`) and HTML (`&nbsp;`) write it, also when they are encoded several times. */
const ESCAPE = /%(?:25){0,3}([\da-f]{2})|\\{1,15}(?:u([\da-f]{4})|x([\da-f]{2})|u\{([\da-f]{1,5})\}|[nrt])|&(?:amp;){0,3}(?:nbsp;|#x([\da-f]{1,5});|#(\d{1,6});)/iy;

/** The character that an escape at this place stands for, and the length of the escape; undefined where there is none. Every blank is a space. */
export function escapeAt(text: string, at: number): { readonly code: number; readonly length: number } | undefined {
  const first = text.charCodeAt(at);
  if (first !== 0x25 && first !== 0x26 && first !== 0x5c) return undefined;
  ESCAPE.lastIndex = at;
  const match = ESCAPE.exec(text);
  if (match === null) return undefined;
  const [{ length }, percent, unit, byte, point, hex, decimal] = match;
  const digits = percent ?? unit ?? byte ?? point ?? hex;
  const code = digits === undefined ? Number(decimal ?? 0x20) : Number.parseInt(digits, 16);
  return { code: code < 0x20 || code === 0xa0 ? 0x20 : code, length };
}
