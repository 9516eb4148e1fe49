import type { PhoneMatch } from '../../core/ports/store.ts';
import { EXIT_CODES } from '../../errors.ts';
import type { OrgsyncError } from '../../errors.ts';
import type { LookupAnswer } from './lookup.ts';
import type { LiveStep } from './live.ts';

/** Codes that a lookup can end with, gravest first. */
const GRAVITY: readonly number[] = [
  EXIT_CODES.defect,
  EXIT_CODES.config,
  EXIT_CODES.refused,
  EXIT_CODES.unavailable,
  EXIT_CODES.temporary,
  EXIT_CODES.usage,
  EXIT_CODES.failed,
  0,
];

/** The gravest of several exit codes; 0 of none. */
export function gravest(codes: Iterable<number>): number {
  const met = new Set(codes);
  return GRAVITY.find((code) => met.has(code)) ?? 0;
}

/** Who has the number, so far as is known: the store's word, but for corps where WeCom says that nobody has it. */
export function currentHolders({ matches, live }: LookupAnswer): readonly PhoneMatch[] {
  const denied = new Set(live?.flatMap(({ corp, is }) => (is === 'nobody' ? corp.id.toLowerCase() : [])));
  return matches.filter(({ departedAt, corp }) => departedAt === null && !denied.has(corp.id.toLowerCase()));
}

/**
 * What a lookup ends with: 0 when a current member has the number, also by the store's word where WeCom was not asked;
 * else the code of what failed, for then nothing is known; else 1. Where every corp failed, and where an answer could
 * not be written, it ends with the code of that.
 */
export function lookupExitCode(answer: LookupAnswer): number {
  const steps = answer.live ?? [];
  const isHeld = currentHolders(answer).length > 0;
  const found = steps.filter(({ is }) => is === 'found');
  const isUnasked = steps.every(({ is }) => is === 'failed');
  const grave = isHeld && !isUnasked ? errorsOf(found) : errorsOf(steps);
  return gravest([isHeld ? 0 : EXIT_CODES.failed, ...grave.map(({ kind }) => EXIT_CODES[kind])]);
}

/** What went wrong on the way to an answer. */
export function errorsOf(steps: readonly LiveStep[]): readonly OrgsyncError[] {
  return steps.flatMap((step) => (step.is === 'failed' ? step.error : 'writeError' in step ? (step.writeError ?? []) : []));
}
