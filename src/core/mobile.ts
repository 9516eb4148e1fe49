/**
 * Mainland mobiles. Nearly all lookups are for these. They are recognised here without the numbering plans of the whole
 * world, because loading the plans takes longer than the rest of a lookup (see phone.ts).
 */

/** Invisible characters that are pasted together with a number: bidi marks, zero-width characters, joiners, byte order marks. */
const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

const DASHES = /[\u2010-\u2015\u2212\u30fc]/gu;

/** Separators inside numbers: `138 0013-8000`, `(138)0013.8000`, `138/0013/8000`. */
const SEPARATORS = /[\s().\-/]/gu;

const MAINLAND = /^(?<prefix>\+86|0086)?(?<bare>86|0)?(?<mobile>1[3-9]\d{9})$/u;

/** A typed number in plain characters: full-width digits, plus signs and brackets become ASCII; `tel:` and invisible characters are removed. */
export function tidyPhone(typed: string): string {
  return typed
    .normalize('NFKC')
    .replace(INVISIBLE, '')
    .replace(DASHES, '-')
    .trim()
    .replace(/^tel:/iu, '')
    .replace(/;.*$/u, '')
    .replace(/^\(\s*\+\s*(\d+)\s*\)/u, '+$1 ')
    .replace(/^\+\s*00/u, '+')
    .trim();
}

/**
 * The E.164 form of a mainland mobile in any usual spelling, or undefined for anything else. A number without +86 or 0086
 * is a mainland mobile only if `region`, the region of numbers without a country code, is `CN`.
 */
export function parseMainlandMobile(typed: string, region: string): string | undefined {
  const groups = MAINLAND.exec(tidyPhone(typed).replace(SEPARATORS, ''))?.groups;
  if (groups?.['mobile'] === undefined) return undefined;
  const international = groups['prefix'] !== undefined;
  if (international ? groups['bare'] !== undefined : region !== 'CN') return undefined;
  return `+86${groups['mobile']}`;
}

/** The number as WeCom sends and accepts it: mainland mobiles without country code, others as `+CC…` (P90195, P95402). */
export function asWecomMobile(e164: string): string {
  return /^\+861[3-9]\d{9}$/u.test(e164) ? e164.slice(3) : e164;
}

/** The number with its middle hidden: `138****8000`, `+852****4567`. For places that must not show the number. */
export function maskPhone(e164: string): string {
  const number = asWecomMobile(e164);
  const head = number.startsWith('+') ? 4 : 3;
  const tail = number.length - head >= 8 ? 4 : 2;
  return `${number.slice(0, head)}****${number.slice(-tail)}`;
}
