import type { ErrorKind } from '../errors.ts';

/** One thing that `orgsync doctor` finds out, such as about a corp's access. */
export interface Finding {
  readonly title: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What to do; empty when `ok` and not `doubtful`. */
  readonly fix: string;
  /** Nothing that stops a run, but worth a look. */
  readonly doubtful?: true;
  /** When not `ok`: the kind of trouble, for the exit code; `refused` when missing. */
  readonly kind?: ErrorKind;
}
