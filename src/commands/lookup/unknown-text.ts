import type { UnknownCorp, WhyUnknown } from '../../sync/lookup/unknown.ts';
import { plain } from '../../terminal/terminal.ts';
import { localTime } from '../../terminal/text.ts';

/** How many corps are named in a line. */
const NAMED = 5;

const REASONS: Readonly<Record<WhyUnknown, string>> = {
  never_synced: 'never synced (orgsync run)',
  stale: 'the last success is too old (orgsync status)',
  no_mobiles: 'the application is not shown mobiles (--live asks WeCom)',
  members_unreadable: 'its last run could not read some members (orgsync status; --live asks WeCom)',
  holder_unreadable: 'WeCom says who has it, and shows no such member (see 可见范围, the visible range)',
  quarantined: 'in quarantine (orgsync status)',
  held: 'on hold (orgsync status)',
  not_configured: 'no longer configured, so that runs do not read it',
};

/** Which corps could not know the number, a line for each reason. */
export function unknownLines(unknown: readonly UnknownCorp[]): readonly string[] {
  const groups = new Map<WhyUnknown, UnknownCorp[]>();
  for (const one of unknown) groups.set(one.why, [...(groups.get(one.why) ?? []), one]);
  return [...groups].map(([why, corps]) => {
    const names = corps.slice(0, NAMED).map(nameOf).join(', ');
    const more = corps.length > NAMED ? ` and ${corps.length - NAMED} more` : '';
    return `not known in ${names}${more}: ${REASONS[why]}`;
  });
}

function nameOf({ corp, why, lastSuccessAt }: UnknownCorp): string {
  return why === 'stale' && lastSuccessAt !== null ? `${plain(corp.name)} (${localTime(lastSuccessAt)})` : plain(corp.name);
}
