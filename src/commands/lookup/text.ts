import type { LookupAnswer } from '../../sync/lookup/lookup.ts';
import { cards } from './card.ts';
import type { Sheet } from './card.ts';
import { liveText } from './live-text.ts';
import { unknownLines } from './unknown-text.ts';

/** Formats an answer for people: who has the number, who had it, and WeCom's answers. */
export function answerText(answer: LookupAnswer, sheet: Sheet, readOnly: boolean): string {
  const { phone, matches, unknown } = answer;
  const present = matches.filter(({ departedAt }) => departedAt === null);
  const verb = unknown.length > 0 ? 'is known to have' : 'has';
  const former = matches.length > 0 && present.length === 0 ? '; formerly:' : '';
  const nobody = present.some(({ configured }) => configured) ? [] : [`no current member ${verb} ${phone}${former}`];
  return [...nobody, ...(matches.length > 0 ? [cards(matches, sheet)] : []), ...liveText(answer, readOnly), ...unknownLines(unknown)].join('\n');
}
