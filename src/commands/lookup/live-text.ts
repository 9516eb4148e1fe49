import type { LookupAnswer } from '../../sync/lookup/lookup.ts';
import type { LiveStep } from '../../sync/lookup/live.ts';
import type { HolderNews, Sighting } from '../../sync/lookup/compare.ts';
import { complaints } from '../../terminal/complaints.ts';
import { plain, type Terminal } from '../../terminal/terminal.ts';
import { nameOf } from './card.ts';

/** Formats WeCom's answers, one line per corp; {@link complain} prints why other corps did not answer. */
export function liveText({ live }: LookupAnswer, readOnly: boolean): readonly string[] {
  return (live ?? []).flatMap((step) => {
    const corp = plain(step.corp.name);
    if (step.is === 'found') {
      const written = step.sighting.news === 'same' ? '' : writtenText(step, readOnly);
      return [`WeCom (${corp}): ${newsText(step.sighting)}${written}`];
    }
    if (step.is === 'nobody') return [`WeCom (${corp}): nobody whom the application can see has this number`, ...step.holders.map((holder) => holderText(holder, step, readOnly))];
    return [];
  });
}

function newsText({ match, news, from }: Sighting): string {
  const who = nameOf(match);
  switch (news) {
    case 'same':
      return `${who} has this number, as the store says`;
    case 'new':
      return `${who} has this number; the store did not have them`;
    case 'added':
      return `${who} has this number; the store did not know that it is theirs`;
    case 'moved':
      return `${who} has this number now; the store had it with ${from.map((member) => nameOf({ member })).join(', ')}`;
  }
}

function holderText({ userid, name, is }: HolderNews, step: Writing, readOnly: boolean): string {
  const who = `  ${plain(name ?? userid)} (${plain(userid)})`;
  if (is === 'cleared') return `${who} is still there, and the number is not theirs${writtenText(step, readOnly)}`;
  if (is === 'kept') return `${who} keeps it: WeCom shows this number for them`;
  return `${who}, who has it by the store's word, is shown no more; the next run says whether they left`;
}

interface Writing {
  readonly written: boolean;
}

function writtenText({ written }: Writing, readOnly: boolean): string {
  if (written) return '; written to the store';
  return readOnly ? '; not written, for the store is read-only' : '';
}

/** Prints on stderr which corps were not asked, or failed, and why. */
export function complain(steps: readonly LiveStep[], terminal: Pick<Terminal, 'warn' | 'corpError'>): void {
  for (const { about, error } of complaints(steps.filter((step) => step.is === 'failed'))) terminal.corpError(about, error);
  for (const step of steps) {
    const corp = plain(step.corp.name);
    if (step.is === 'failed') continue;
    if (step.is === 'known_wrong') terminal.warn(`orgsync: ${corp} was not asked: not long ago it had nobody with this number (lookup.forget_wrong_after)`);
    else if (step.is === 'ration_spent') terminal.warn(`orgsync: ${corp} was not asked: ${spentText(step.budget)}`);
    else if (step.writeError !== null) terminal.corpError(`${step.corp.name}: not written`, step.writeError);
  }
}

/** Says why WeCom is not asked when the ration is used up. */
export function spentText(budget: number): string {
  return `the ration of wrong numbers is used up for today (${budget}: lookup.max_wrong_share); with more, WeCom would refuse such questions for the rest of the day; a new ration begins at midnight in Shanghai`;
}
