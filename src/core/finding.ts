import type { ErrorKind, OrgsyncError } from '../errors.ts';

/** The result of one check of `orgsync doctor`: its title, what was found, and what to do. */
export type Finding =
  | { readonly title: string; readonly result: 'ok'; readonly detail: string }
  /** A run works, but this should be checked. */
  | { readonly title: string; readonly result: 'warning'; readonly detail: string; readonly fix: string }
  /** A run fails because of this; `kind` decides the exit code. */
  | { readonly title: string; readonly result: 'failed'; readonly kind: ErrorKind; readonly detail: string; readonly fix: string };

/** The most corps that a finding or an error names. */
const NAMED = 5;

/** The name of one corp; of several, their number and the first names. */
export function formatNames(names: readonly string[]): string {
  if (names.length === 1) return names.join('');
  const more = names.length - NAMED;
  return `${names.length} corps (${names.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''})`;
}

/** A finding without a problem. */
export function reportOk(title: string, detail: string): Finding {
  return { title, result: 'ok', detail };
}

/** A finding made from an error. */
export function reportFailure(title: string, { kind, message, hint = '' }: Pick<OrgsyncError, 'kind' | 'message' | 'hint'>): Finding {
  return { title, result: 'failed', kind, detail: message, fix: hint };
}
