import type { LoadedConfig } from '../config/load.ts';
import type { OrgsyncError } from '../errors.ts';
import type { Terminal } from '../terminal/terminal.ts';

/** What every command gets in addition to its own options. */
export interface CommandContext {
  /** Prints everything, according to `--json`, `--quiet`, `--verbose` and `--no-color`. */
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts with {@link Interrupted} on SIGTERM, SIGINT or SIGHUP. */
  readonly signal: AbortSignal;
  /** Finds, reads and checks the configuration at the first call, and prints its warnings. Throws ConfigError. */
  readonly loadConfig: () => Promise<LoadedConfig>;
  /** Removes secrets and whole phone numbers from a text that leaves the process, such as logs and alerts. */
  readonly scrub: (text: string) => string;
  /** Adds secrets that were not in the configuration: from now on, {@link scrub} and all output hide them. */
  readonly protect: (secrets: readonly string[]) => void;
  /** Ends the process with `code` after the action has returned; for results that are not errors, such as a lookup without a match. */
  readonly endWith: (code: number) => void;
}

/** Returns the context of an action; it exists only after the command line has been read. */
export type GetContext = () => CommandContext;

/** The context when the command line is wrong, so that no action begins. */
export interface MisreadContext extends Pick<CommandContext, 'terminal' | 'scrub' | 'endWith'> {
  readonly argv: readonly string[];
}

/** Prints the answer of a command whose command line is wrong. */
export type AnswerMisread = (error: OrgsyncError, context: MisreadContext) => void;
