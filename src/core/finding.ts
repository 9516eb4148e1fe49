import type { ErrorKind, OrgsyncError } from '../errors.ts';

/** One thing that `orgsync doctor` finds out, such as about a corp's access: its title, what was found, and what to do. */
export type Finding =
  | { readonly title: string; readonly result: 'ok'; readonly detail: string }
  /** Nothing that stops a run, but worth a look. */
  | { readonly title: string; readonly result: 'warning'; readonly detail: string; readonly fix: string }
  /** A run fails by it; `kind` decides the exit code. */
  | { readonly title: string; readonly result: 'failed'; readonly kind: ErrorKind; readonly detail: string; readonly fix: string };

/** A finding that all is well. */
export function foundOk(title: string, detail: string): Finding {
  return { title, result: 'ok', detail };
}

/** A finding that an error is. */
export function foundFailed(title: string, { kind, message, hint = '' }: Pick<OrgsyncError, 'kind' | 'message' | 'hint'>): Finding {
  return { title, result: 'failed', kind, detail: message, fix: hint };
}
