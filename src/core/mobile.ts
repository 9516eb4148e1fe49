/**
 * Mainland mobiles, which are nearly all that is ever asked for: recognised here without the numbering plans of the
 * whole world, whose loading takes longer than the rest of a lookup (see phone.ts).
 */

/** What people paste around a number without seeing it: bidi marks, zero-width characters, joiners, byte order marks. */
const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

const DASHES = /[\u2010-\u2015\u2212\u30fc]/gu;

/** Separators that stand inside numbers: `138 0013-8000`, `(138)0013.8000`, `138/0013/8000`. */
const SEPARATORS = /[\s().\-/]/gu;

const MAINLAND = /^(?<prefix>\+86|0086)?(?<bare>86|0)?(?<mobile>1[3-9]\d{9})$/u;

/** A number as typed, in plain characters: full-width digits, plus signs and brackets made ordinary, `tel:` and invisible characters taken off. */
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
 * The E.164 form of a mainland mobile in any usual spelling, or undefined when it is something else.
 * Without +86 or 0086 it is one only where `region`, the region that numbers are dialled from, is `CN`.
 */
export function parseMainlandMobile(typed: string, region: string): string | undefined {
  const groups = MAINLAND.exec(tidyPhone(typed).replace(SEPARATORS, ''))?.groups;
  if (groups?.['mobile'] === undefined) return undefined;
  const international = groups['prefix'] !== undefined;
  if (international ? groups['bare'] !== undefined : region !== 'CN') return undefined;
  return `+86${groups['mobile']}`;
}

/** The number as WeCom writes and wants it: mainland mobiles bare, others as `+CC…` (P90195, P95402). */
export function asWecomMobile(e164: string): string {
  return /^\+861[3-9]\d{9}$/u.test(e164) ? e164.slice(3) : e164;
}

/** The number with its middle hidden: `138****8000`, `+852****4567`. What may be shown where a number may not. */
export function maskPhone(e164: string): string {
  const number = asWecomMobile(e164);
  const head = number.startsWith('+') ? 4 : 3;
  const tail = number.length - head >= 8 ? 4 : 2;
  return `${number.slice(0, head)}****${number.slice(-tail)}`;
}
