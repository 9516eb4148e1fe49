import { Console } from 'node:console';
import { setMaxListeners } from 'node:events';
import { homedir } from 'node:os';
import { Writable } from 'node:stream';
import { CommanderError } from 'commander';
import type { CommandContext, MisreadContext } from './app/context.ts';
import type { LoadedConfig } from './config/load.ts';
import { createRedactor, type Redactor } from './core/redact.ts';
import { asOrgsyncError, type ErrorCode, EXIT_CODES, exitCodeOf, Interrupted, OrgsyncError, type StopSignal } from './errors.ts';
import { adviseOn, buildProgram, type GlobalOptions, misreadAnswer } from './program.ts';
import { createTerminal, type Terminal } from './terminal/terminal.ts';
import { packageVersion } from './version.ts';

const STOP_SIGNALS: readonly StopSignal[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];
/** Signals that other programs use to ask for a new log. They would open a debugger, or end the process. */
const IGNORED_SIGNALS = ['SIGUSR1', 'SIGUSR2'] as const;

/** After a signal, a process that has not stopped by then is ended. */
const PATIENCE_MS = 4_500;
/** After its command, a process that is kept alive by an open resource is ended after this time. */
const LINGER_MS = 3_000;

/**
 * How long the C library waits for a name server, where the environment does not say. Its default is 5 s for each attempt.
 * A look-up cannot be interrupted, and no process of Node.js ends before its look-ups: not even by `process.exit`.
 */
const RESOLVER = 'timeout:2 attempts:2';

/** Runs one command. Only here is decided how the process ends. */
async function main(argv: readonly string[]): Promise<number> {
  silenceLibraries();
  process.env['RES_OPTIONS'] ??= RESOLVER;
  for (const name of IGNORED_SIGNALS) process.on(name, () => undefined);
  const redactor = createRedactor();
  const early = openTerminal({ json: argv.some((word) => /^--json(?:=|$)/.test(word)), verbose: 0, color: true }, redactor);
  guardAgainstDefects(early, argv);
  let terminal = early;
  let code = 0;
  const signal = stopSignal({
    onFirst: () => terminal.note('orgsync: stopping; once more to stop at once'),
    onLate: (interrupted) => printError(interrupted, terminal, argv),
  });
  const endWith = (wanted: number): void => void (code = wanted);
  let context: CommandContext | undefined;
  const getContext = (): CommandContext => {
    if (context !== undefined) return context;
    const globals = program.opts() as unknown as GlobalOptions;
    terminal = openTerminal(globals, redactor);
    return (context = createContext({ globals, terminal, signal, redactor, endWith }));
  };
  const program = await buildProgram(argv, getContext);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (thrown) {
    if (thrown instanceof CommanderError) await endUnread(thrown, { terminal, scrub: redactor.scrub, argv, endWith });
    else code = printError(isAbort(thrown) && signal.aborted ? signal.reason : thrown, terminal, argv);
  }
  return signal.reason instanceof Interrupted ? signal.reason.exitCode : code;
}

/**
 * Nothing of ours writes to the console, but cron mails whatever is printed, and the output may be a JSON document. mysql2
 * prints a line when MySQL ends a session that was silent for too long; the session is then opened anew.
 */
function silenceLibraries(): void {
  globalThis.console = new Console(new Writable({ write: (_chunk, _encoding, done) => done() }));
}

/** Whether Node.js threw this because a signal aborted one of its calls. */
function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'AbortError';
}

function openTerminal({ json = false, quiet = false, verbose, color }: GlobalOptions, { scrub, conceal }: Redactor): Terminal {
  const { stdout, stderr, env } = process;
  return createTerminal({ json, quiet, verbose, color }, { stdout, stderr, env, scrub, conceal });
}

interface ContextParts {
  readonly globals: GlobalOptions;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly redactor: Redactor;
  readonly endWith: (code: number) => void;
}

function createContext({ globals, terminal, signal, redactor, endWith }: ContextParts): CommandContext {
  let loaded: Promise<LoadedConfig> | undefined;
  const load = async (): Promise<LoadedConfig> => {
    const { loadConfig } = await import('./config/load.ts');
    const found = await loadConfig({ explicitPath: globals.config, env: process.env, get cwd() { return process.cwd(); }, get home() { return homedir(); } });
    redactor.add(found.secrets);
    for (const { message, fix } of found.warnings) terminal.note(`orgsync: ${message}: ${fix}`);
    return found;
  };
  return { terminal, env: process.env, signal, endWith, scrub: redactor.scrub, protect: redactor.add, loadConfig: () => (loaded ??= load()) };
}

/** Handles the end of commander: it has shown help or the version, or the command line is wrong. */
async function endUnread(ended: CommanderError, context: MisreadContext): Promise<void> {
  if (ended.exitCode === 0) return;
  context.endWith(EXIT_CODES.usage);
  // Without a command, commander has already shown the help.
  if (ended.code === 'commander.help') return;
  const error = usageError(ended, await adviseOn(ended, context.argv));
  const answer = await misreadAnswer(context.argv);
  if (answer === undefined) context.terminal.error(error, EXIT_CODES.usage);
  else answer(error, context);
}

/** Prints the error, and returns its exit code. */
function printError(thrown: unknown, terminal: Terminal, argv: readonly string[]): number {
  const error = asOrgsyncError(thrown);
  const code = exitCodeOf(error);
  terminal.error(error, code);
  if (error.kind === 'defect') terminal.warn(reportRequest(terminal, argv));
  return code;
}

/** Our codes for commander's error codes. */
const USAGE_CODES: Readonly<Record<string, ErrorCode>> = {
  'commander.conflictingOption': 'conflicting_option',
  'commander.excessArguments': 'excess_arguments',
  'commander.invalidArgument': 'invalid_argument',
  'commander.missingArgument': 'missing_argument',
  'commander.missingMandatoryOptionValue': 'missing_mandatory_option_value',
  'commander.optionMissingArgument': 'option_missing_argument',
  'commander.unknownCommand': 'unknown_command',
  'commander.unknownOption': 'unknown_option',
};

function usageError({ message, code }: CommanderError, advice: string | undefined): OrgsyncError {
  const sentence = message.replace(/^error: /, '').replace(/\n\s*/g, ' ').trim();
  // Commander only compares letters, so where we know more, its suggestion is often another one.
  const said = advice === undefined ? sentence : sentence.replace(/ \(Did you mean [^)]*\)$/, '');
  return new OrgsyncError('usage', { code: USAGE_CODES[code] ?? 'error', message: said, hint: advice ?? 'orgsync --help, or orgsync COMMAND --help, shows what is accepted' });
}

function reportRequest({ verbose }: Terminal, argv: readonly string[]): string {
  const facts = `orgsync ${packageVersion()}, Node.js ${process.version}, ${process.platform}, called as: orgsync ${argv.join(' ')}`;
  return `  this is a defect in orgsync; please report it, with this line${verbose > 0 ? '' : ' and what it prints with --verbose'}:\n  ${facts}`;
}

interface StopListeners {
  readonly onFirst: () => void;
  /** The process ends although something has not stopped. */
  readonly onLate: (interrupted: Interrupted) => void;
}

/** Aborts on the first signal. The second one, or PATIENCE_MS, ends the process at once. (As process 1 of a container, the default handlers would not do it.) */
function stopSignal({ onFirst, onLate }: StopListeners): AbortSignal {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const endLate = (interrupted: Interrupted): void => {
    onLate(interrupted);
    exitNow(interrupted.exitCode);
  };
  for (const name of STOP_SIGNALS) {
    process.on(name, () => {
      const interrupted = new Interrupted(name);
      if (controller.signal.aborted) exitNow(interrupted.exitCode);
      controller.abort(interrupted);
      onFirst();
      setTimeout(endLate, PATIENCE_MS, interrupted).unref();
    });
  }
  return controller.signal;
}

/** Ends the process at once. Shows the cursor again, because progress bars hide it. */
function exitNow(code: number): never {
  if (process.stderr.isTTY) process.stderr.write('\u001b[?25h');
  process.exit(code);
}

function guardAgainstDefects(terminal: Terminal, argv: readonly string[]): void {
  const end = (thrown: unknown): void => {
    const error = asOrgsyncError(thrown);
    exitNow(printError(error.code === 'system_error' ? error : asDefect(thrown), terminal, argv));
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}

/** An expected error that was thrown outside of the command's promise is a defect as well. */
function asDefect(thrown: unknown): OrgsyncError {
  const { message, code } = asOrgsyncError(thrown);
  return new OrgsyncError('defect', { code: 'defect', message: code === 'defect' ? message : `unhandled: ${message}`, cause: thrown });
}

// The bundle is CommonJS, which has no top-level await. A rejection ends as a defect.
void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
  setTimeout(exitNow, LINGER_MS, code).unref();
});
