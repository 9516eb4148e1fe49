import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { LoadedConfig } from '../config/load.ts';
import { OrgsyncError } from '../errors.ts';
import type { Terminal } from '../terminal/terminal.ts';

/** What every command is given beside its own options: `const context = contextOf(command)` at the start of its action. */
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

const contexts = new WeakMap<object, CommandContext>();

/** Gives a program, and every command under it, its context. */
export function provideContext(program: object, context: CommandContext): void {
  contexts.set(program, context);
}

/** The context of the program that `command` (the last argument of its action) belongs to. */
export function contextOf(command: CommandUnknownOpts): CommandContext {
  let root = command;
  while (root.parent !== null) root = root.parent;
  const context = contexts.get(root);
  if (context === undefined) throw new OrgsyncError('defect', { code: 'no_context', message: 'a command ran outside of its program' });
  return context;
}
