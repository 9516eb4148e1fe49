import type { PhoneMatch } from '../../core/ports/looking-up.ts';
import type { ErrorKind, OrgsyncError } from '../../errors.ts';
import type { LookupAnswer } from './lookup.ts';
import type { LiveStep } from './live.ts';

/** Who has the number, so far as is known: the store's word, but for corps where WeCom says that nobody has it. */
export function currentHolders({ matches, live }: LookupAnswer): readonly PhoneMatch[] {
  const denied = new Set(live?.flatMap(({ corp, is }) => (is === 'nobody' ? corp.id.toLowerCase() : [])));
  return matches.filter(({ departedAt, corp }) => departedAt === null && !denied.has(corp.id.toLowerCase()));
}

/**
 * The kinds of error that a lookup ends with. None when a current member has the number, also by the store's word where
 * WeCom was not asked; else those of what failed, for then nothing is known; else `failed`. Where every corp failed, and
 * where an answer could not be written, those count too.
 */
export function lookupErrors(answer: LookupAnswer): readonly ErrorKind[] {
  const steps = answer.live ?? [];
  const isHeld = currentHolders(answer).length > 0;
  const isUnasked = steps.every(({ is }) => is === 'failed');
  const counted = isHeld && !isUnasked ? steps.filter(({ is }) => is === 'found') : steps;
  return [...(isHeld ? [] : ['failed' as const]), ...errorsOf(counted).map(({ kind }) => kind)];
}

/** What went wrong on the way to an answer. */
export function errorsOf(steps: readonly LiveStep[]): readonly OrgsyncError[] {
  return steps.flatMap((step) => (step.is === 'failed' ? step.error : 'writeError' in step ? (step.writeError ?? []) : []));
}
