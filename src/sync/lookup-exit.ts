import { EXIT_CODES } from '../errors.ts';
import type { OrgsyncError } from '../errors.ts';
import type { LookupAnswer } from './lookup.ts';
import type { LiveStep } from './lookup-live.ts';

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

/**
 * What a lookup ends with: 0 when a current member has the number. With a live question WeCom's word decides: found,
 * 0; else the code of what failed, for then nothing is known; else 1, also where the ration forbade to ask. An answer
 * that could not be written ends with the code of that.
 */
export function lookupExitCode({ matches, live }: LookupAnswer): number {
  if (live === null) return matches.some(({ departedAt }) => departedAt === null) ? 0 : EXIT_CODES.failed;
  const found = live.find(({ is }) => is === 'found');
  if (found !== undefined) return errorsOf([found]).reduce((code, { kind }) => gravest([code, EXIT_CODES[kind]]), 0);
  return gravest([EXIT_CODES.failed, ...errorsOf(live).map(({ kind }) => EXIT_CODES[kind])]);
}

/** What went wrong on the way to an answer. */
export function errorsOf(steps: readonly LiveStep[]): readonly OrgsyncError[] {
  return steps.flatMap((step) => (step.is === 'failed' ? step.error : 'writeError' in step ? (step.writeError ?? []) : []));
}
