/**
 * What kind of trouble an error is; it decides the exit code.
 *
 * - `usage`: the command line is wrong
 * - `config`: the configuration, or the tables, are not what is needed
 * - `refused`: somebody said no: WeCom's credential or address check, database privileges, another environment's or a newer version's store
 * - `unavailable`: a service cannot be reached, or stays too busy
 * - `temporary`: the same run may work later
 * - `held_back`: a safety limit stopped a change
 * - `failed`: this corp's data could not be had or written
 * - `defect`: orgsync itself is wrong
 */
export type ErrorKind = 'usage' | 'config' | 'refused' | 'unavailable' | 'temporary' | 'held_back' | 'failed' | 'defect';

/** The exit code each kind of error ends a process with, when it is what the whole process ended with. */
export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = {
  failed: 1,
  held_back: 3,
  usage: 64,
  unavailable: 69,
  defect: 70,
  temporary: 75,
  refused: 77,
  config: 78,
};

/** Facts an error is made of. `hint` says the next thing to do or type, and is missing only where orgsync is at fault. */
export interface ErrorFacts {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An expected failure: what happened, and what to do about it. Everything else that is thrown is a defect. */
export class OrgsyncError extends Error {
  override readonly name: string = 'OrgsyncError';
  readonly kind: ErrorKind;
  /** Stable, lower-case, for programs: `lease_lost`, `store_unreachable`, … */
  readonly code: string;
  readonly hint: string | undefined;

  constructor(kind: 'defect', facts: ErrorFacts);
  constructor(kind: ErrorKind, facts: ErrorFacts & { readonly hint: string });
  constructor(kind: ErrorKind, { code, message, hint, cause }: ErrorFacts) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.code = code;
    this.hint = hint;
  }
}

/** WeCom answered, and said no. */
export class WecomError extends OrgsyncError {
  override readonly name = 'WecomError';
  /** WeCom's own number, such as 60020. */
  readonly errcode: number;
  /** The endpoint asked, such as `user/list`; never the URL, which carries the token. */
  readonly request: string;

  constructor(kind: ErrorKind, facts: ErrorFacts & { readonly hint: string; readonly errcode: number; readonly request: string }) {
    super(kind, facts);
    this.errcode = facts.errcode;
    this.request = facts.request;
  }
}

/** Exit codes of a process that a signal stopped: 128 and the signal's number. */
const SIGNAL_EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** A signal that stops orgsync cleanly. */
export type StopSignal = keyof typeof SIGNAL_EXIT_CODES;

/** Somebody told the process to stop: what its abort signal aborts with. */
export class Interrupted extends OrgsyncError {
  override readonly name = 'Interrupted';
  readonly exitCode: number;

  constructor(signal: StopSignal) {
    super('temporary', { code: 'stopped_by_signal', message: `stopped by ${signal}`, hint: 'run it again when it may finish' });
    this.exitCode = SIGNAL_EXIT_CODES[signal];
  }
}

/** The exit code of a process that ends with this error. */
export function exitCodeOf(error: OrgsyncError): number {
  return error instanceof Interrupted ? error.exitCode : EXIT_CODES[error.kind];
}

/** Turns whatever was thrown into an {@link OrgsyncError}; what is not one is a defect in orgsync. */
export function asOrgsyncError(thrown: unknown): OrgsyncError {
  if (thrown instanceof OrgsyncError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new OrgsyncError('defect', { code: 'defect', message, cause: thrown });
}
