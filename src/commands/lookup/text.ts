import type { LookupAnswer } from '../../sync/lookup/lookup.ts';
import { cards } from './card.ts';
import type { Sheet } from './card.ts';
import { liveText } from './live-text.ts';

/** Formats an answer for people: who has the number, who had it, and WeCom's answers. */
export function answerText(answer: LookupAnswer, sheet: Sheet, readOnly: boolean): string {
  const { phone, matches } = answer;
  const isHeld = matches.some(({ departedAt }) => departedAt === null);
  const nobody = isHeld ? [] : [`no current member has ${phone}${matches.length > 0 ? '; formerly:' : ''}`];
  return [...nobody, ...(matches.length > 0 ? [cards(matches, sheet)] : []), ...liveText(answer, readOnly)].join('\n');
}
