import type { LoadedConfig } from '../config/load.ts';
import type { OrgsyncError } from '../errors.ts';
import type { Terminal } from '../terminal/terminal.ts';

/** What every command is given beside its own options. */
export interface CommandContext {
  /** Everything that is printed goes through it; it already knows `--json`, `--quiet`, `--verbose` and `--no-color`. */
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts with {@link Interrupted} on SIGTERM, SIGINT or SIGHUP. */
  readonly signal: AbortSignal;
  /** Finds, reads and checks the configuration, once however often it is called, and prints its warnings. Throws ConfigError. */
  readonly loadConfig: () => Promise<LoadedConfig>;
  /** Takes secrets and whole phone numbers out of a text: for logs, alerts, and whatever else leaves the process. */
  readonly scrub: (text: string) => string;
  /** Makes secrets known that were not in the configuration: from now on {@link scrub}, and all that is printed, hides them. */
  readonly protect: (secrets: readonly string[]) => void;
  /** Ends the process with `code` once the action has returned; for ends that are no errors, such as a lookup without a match. */
  readonly endWith: (code: number) => void;
}

/** Gives an action its context, which exists only once the command line has been read. */
export type GetContext = () => CommandContext;

/** What there is to answer with when a command line could not be read, and the action never began. */
export interface MisreadContext extends Pick<CommandContext, 'terminal' | 'scrub' | 'endWith'> {
  readonly argv: readonly string[];
}

/** Answers for a command whose command line could not be read. */
export type AnswerMisread = (error: OrgsyncError, context: MisreadContext) => void;
