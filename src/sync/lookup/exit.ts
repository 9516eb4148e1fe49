import type { PhoneMatch } from '../../core/ports/looking-up.ts';
import type { ErrorKind, OrgsyncError } from '../../errors.ts';
import type { LookupAnswer } from './lookup.ts';
import type { LiveStep } from './live.ts';

/** Returns the current members with the number: those in the store, except in corps where WeCom says that no member has it. */
export function currentHolders({ matches, live }: LookupAnswer): readonly PhoneMatch[] {
  const denied = new Set(live?.flatMap(({ corp, is }) => (is === 'nobody' ? corp.id.toLowerCase() : [])));
  return matches.filter(({ departedAt, corp }) => departedAt === null && !denied.has(corp.id.toLowerCase()));
}

/**
 * Returns the kinds of error of a lookup. Without a current member who has the number: `failed`, and the errors of all corps.
 * With one, in WeCom or only in the store: the errors of answers that could not be written, and, if every corp that was
 * asked failed, their errors.
 */
export function lookupErrors(answer: LookupAnswer): readonly ErrorKind[] {
  const steps = answer.live ?? [];
  const isHeld = currentHolders(answer).length > 0;
  const isUnasked = steps.every(({ is }) => is === 'failed');
  const counted = isHeld && !isUnasked ? steps.filter(({ is }) => is === 'found') : steps;
  return [...(isHeld ? [] : ['failed' as const]), ...errorsOf(counted).map(({ kind }) => kind)];
}

/** Returns the errors of these steps. */
export function errorsOf(steps: readonly LiveStep[]): readonly OrgsyncError[] {
  return steps.flatMap((step) => (step.is === 'failed' ? step.error : 'writeError' in step ? (step.writeError ?? []) : []));
}
