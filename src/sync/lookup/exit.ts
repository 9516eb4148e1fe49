import type { ErrorKind, OrgsyncError } from '../../errors.ts';
import type { LookupAnswer, LookupMatch } from './lookup.ts';
import type { LiveStep } from './live.ts';

/**
 * Returns the current members with the number: those in the store, except in corps that are no longer configured, and in
 * corps where WeCom says that no member has it, or names another one; there, only those that WeCom shows or names with it.
 */
export function currentHolders({ matches, live }: LookupAnswer): readonly LookupMatch[] {
  const denials = new Map(live?.flatMap((step) => (step.is === 'nobody' || step.is === 'unreadable' ? [[step.corp.id.toLowerCase(), keepersOf(step)] as const] : [])));
  return matches.filter(({ departedAt, configured, corp, member }) => {
    const isKept = denials.get(corp.id.toLowerCase())?.includes(member.userid.toLowerCase()) ?? true;
    return departedAt === null && configured && isKept;
  });
}

/** The userids, in lower case, that WeCom leaves with the number although it shows nobody who has it. */
function keepersOf(step: Extract<LiveStep, { is: 'nobody' | 'unreadable' }>): readonly string[] {
  const kept = step.is === 'nobody' ? step.holders.flatMap(({ is, userid }) => (is === 'kept' ? userid : [])) : [step.userid];
  return kept.map((userid) => userid.toLowerCase());
}

/**
 * Returns the kinds of error of a lookup. Without a current member who has the number: `unknown` when not
 * every corp could have known, else `failed`, and the errors of all corps.
 * With one, in WeCom or only in the store: the errors of answers that could not be written, and, if every corp that was
 * asked failed, their errors.
 */
export function lookupErrors(answer: LookupAnswer): readonly ErrorKind[] {
  const steps = answer.live ?? [];
  const isHeld = currentHolders(answer).length > 0;
  const isUnasked = steps.every(({ is }) => is === 'failed');
  const counted = isHeld && !isUnasked ? steps.filter(({ is }) => is === 'found') : steps;
  const nobody = answer.unknown.length > 0 ? 'unknown' : 'failed';
  // The answer is complete, although it was not stored.
  const errors = errorsOf(counted).filter(({ code }) => code !== 'run_was_newer');
  return [...(isHeld ? [] : [nobody] as const), ...errors.map(({ kind }) => kind)];
}

/** Returns the errors of these steps. */
export function errorsOf(steps: readonly LiveStep[]): readonly OrgsyncError[] {
  return steps.flatMap((step) => (step.is === 'failed' ? step.error : 'writeError' in step ? (step.writeError ?? []) : []));
}
