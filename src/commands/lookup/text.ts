import type { LookupAnswer } from '../../sync/lookup/lookup.ts';
import { cards } from './card.ts';
import type { Sheet } from './card.ts';
import { liveText } from './live-text.ts';
import type { ReplicaState } from '../../core/ports/replica.ts';
import { replicaText } from '../../terminal/replica.ts';
import { plain } from '../../terminal/terminal.ts';
import { unknownLines } from './unknown-text.ts';

/** Formats an answer for people: who has the number, who had it, WeCom's answers, and how old the answer may be. */
export function answerText(answer: LookupAnswer, replica: ReplicaState | null, sheet: Sheet, readOnly: boolean): string {
  const { phone, matches, unknown } = answer;
  const present = matches.filter(({ departedAt }) => departedAt === null);
  const ofReplica = replicaText(replica);
  const verb = unknown.length > 0 ? 'is known to have' : 'has';
  const former = matches.length > 0 && present.length === 0 ? '; formerly:' : '';
  const nobody = present.some(({ configured }) => configured) ? [] : [`no current member ${verb} ${phone}${former}`];
  return [...nobody, ...(matches.length > 0 ? [cards(matches, sheet)] : []), ...liveText(answer, readOnly), ...unknownLines(unknown), ...(ofReplica === null ? [] : [plain(ofReplica)])].join('\n');
}
