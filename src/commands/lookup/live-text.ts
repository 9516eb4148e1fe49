import type { LookupAnswer } from '../../sync/lookup/lookup.ts';
import type { LiveStep } from '../../sync/lookup/live.ts';
import type { HolderNews, Sighting } from '../../sync/lookup/compare.ts';
import { formatNames } from '../../core/finding.ts';
import { complaints } from '../../terminal/complaints.ts';
import { plain, type Terminal } from '../../terminal/terminal.ts';
import { nameOf } from './card.ts';

/** Formats WeCom's answers: a line for each corp, and one for all that know nobody. {@link complain} prints why other corps did not answer. */
export function liveText({ live }: LookupAnswer, readOnly: boolean): readonly string[] {
  const steps = live ?? [];
  const without = steps.flatMap((step) => (step.is === 'nobody' && step.holders.length === 0 ? [step.corp.name] : []));
  const lines = steps.flatMap((step) => {
    const corp = plain(step.corp.name);
    if (step.is === 'found') {
      const written = step.sighting.news === 'same' ? '' : writtenText(step, readOnly);
      return [`WeCom (${corp}): ${newsText(step.sighting)}${written}`];
    }
    if (step.is === 'unreadable') return [`WeCom (${corp}): the userid ${plain(step.userid)} has this number, and no such member is shown or can be read`];
    if (step.is === 'nobody' && step.holders.length > 0) return [`WeCom (${corp}): ${NOBODY}`, ...step.holders.map((holder) => holderText(holder, step, readOnly))];
    return [];
  });
  if (without.length === 0) return lines;
  const names = plain(formatNames(without));
  return [...lines, without.length === 1 ? `WeCom (${names}): ${NOBODY}` : `WeCom: ${NOBODY} in ${names}`];
}

const NOBODY = 'nobody whom the application can see has this number';

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

/** Prints on stderr which corps were not asked, or failed, and why: one line for all that are alike. */
export function complain(steps: readonly LiveStep[], terminal: Pick<Terminal, 'warn' | 'corpError'>): void {
  for (const { about, error } of complaints(steps.filter((step) => step.is === 'failed'))) terminal.corpError(about, error);
  const known = steps.filter(({ is }) => is === 'known_wrong').map(({ corp }) => corp.name);
  if (known.length > 0) terminal.warn(`orgsync: ${notAsked(known)}: not long ago ${known.length === 1 ? 'it' : 'they'} had nobody with this number (lookup.forget_wrong_after)`);
  const spent = steps.filter((step) => step.is === 'ration_spent');
  if (spent.length > 0) terminal.warn(`orgsync: ${notAsked(spent.map(({ corp }) => corp.name))}: ${spentText(...spent.map(({ budget }) => budget))}`);
  const unwritten = steps.flatMap((step) => ('writeError' in step ? [{ corp: step.corp, error: step.writeError }] : []));
  for (const { about, error } of complaints(unwritten)) terminal.corpError(`${about}: not written`, error);
}

function notAsked(names: readonly string[]): string {
  return `${plain(formatNames(names))} ${names.length === 1 ? 'was' : 'were'} not asked`;
}

/** Says why WeCom is not asked when the rations of these sizes are used up. */
export function spentText(...budgets: readonly number[]): string {
  const [least, most] = [Math.min(...budgets), Math.max(...budgets)];
  const size = least === most ? `${least}` : `${least} to ${most}`;
  return `the ration of wrong numbers is used up for today (${size}: lookup.max_wrong_share); with more, WeCom would refuse such questions for the rest of the day; a new ration begins at midnight in Shanghai`;
}
