import type { PhoneMatch } from '../../core/ports/looking-up.ts';
import type { LiveStep } from './live.ts';

/**
 * Merges WeCom's answer into the store's matches when it was not written to the store: the member found comes first, and
 * replaces its own record and the corp's current holders.
 */
export function withSighting(matches: readonly PhoneMatch[], steps: readonly LiveStep[]): readonly PhoneMatch[] {
  const found = steps.find((step) => step.is === 'found');
  if (found === undefined || found.written) return matches;
  const { match } = found.sighting;
  const others = matches.filter(({ corp, member, departedAt }) => {
    const isReplaced = departedAt === null || member.userid.toLowerCase() === match.member.userid.toLowerCase();
    return corp.id.toLowerCase() !== found.corp.id.toLowerCase() || !isReplaced;
  });
  return [match, ...others];
}
