import type { ErrorKind, OrgsyncError } from '../../errors.ts';
import type { LookupAnswer, LookupMatch } from './lookup.ts';
import type { LiveStep } from './live.ts';

/**
 * Returns the current members with the number: those in the store, except in corps that are no longer configured, and in
 * corps where WeCom says that no member has it; there, only those that WeCom shows with it all the same.
 */
export function currentHolders({ matches, live }: LookupAnswer): readonly LookupMatch[] {
  const denials = new Map(live?.flatMap((step) => (step.is === 'nobody' ? [[step.corp.id.toLowerCase(), step.holders] as const] : [])));
  return matches.filter(({ departedAt, configured, corp, member }) => {
    const holders = denials.get(corp.id.toLowerCase());
    const isKept = holders?.some(({ is, userid }) => is === 'kept' && userid.toLowerCase() === member.userid.toLowerCase()) ?? true;
    return departedAt === null && configured && isKept;
  });
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
