import type { LookupAnswer } from '../../sync/lookup/lookup.ts';
import { cards } from './card.ts';
import type { Sheet } from './card.ts';
import { liveText } from './live-text.ts';

/** What a person reads: who has the number, who had it, and what WeCom said. */
export function answerText(answer: LookupAnswer, sheet: Sheet, readOnly: boolean): string {
  const { phone, matches } = answer;
  const isHeld = matches.some(({ departedAt }) => departedAt === null);
  const nobody = isHeld ? [] : [`no current member has ${phone}${matches.length > 0 ? '; formerly:' : ''}`];
  return [...nobody, ...(matches.length > 0 ? [cards(matches, sheet)] : []), ...liveText(answer, readOnly)].join('\n');
}
