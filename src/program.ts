import { Command, type CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { AnswerMisread, GetContext } from './app/context.ts';
import { packageVersion } from './version.ts';

/** Loads one command's file, and builds the command. */
type Loader = (getContext: GetContext) => Promise<CommandUnknownOpts>;

/** Every command by name, in the order and groups of `--help`. */
const COMMANDS: Readonly<Record<string, Readonly<Record<string, Loader>>>> = {
  'Every day:': {
    run: async (getContext) => (await import('./commands/run/run.ts')).runCommand(getContext),
    plan: async (getContext) => (await import('./commands/run/run.ts')).planCommand(getContext),
    lookup: async (getContext) => (await import('./commands/lookup/lookup.ts')).lookupCommand(getContext),
    status: async (getContext) => (await import('./commands/status/status.ts')).statusCommand(getContext),
    changes: async (getContext) => (await import('./commands/changes/changes.ts')).changesCommand(getContext),
    report: async (getContext) => (await import('./commands/report/report.ts')).reportCommand(getContext),
  },
  'When something is wrong:': {
    doctor: async (getContext) => (await import('./commands/doctor.ts')).doctorCommand(getContext),
    unlock: async (getContext) => (await import('./commands/unlock.ts')).unlockCommand(getContext),
    forget: async (getContext) => (await import('./commands/forget.ts')).forgetCommand(getContext),
  },
  'Setting up:': {
    migrate: async (getContext) => (await import('./commands/migrate.ts')).migrateCommand(getContext),
    config: async (getContext) => (await import('./commands/config.ts')).configCommand(getContext),
    completion: async (getContext) => (await import('./commands/completion/completion.ts')).completionCommand(getContext),
  },
  'Trying it out:': {
    demo: async (getContext) => (await import('./commands/demo/demo.ts')).demoCommand(getContext),
    sandbox: async (getContext) => (await import('./commands/sandbox.ts')).sandboxCommand(getContext),
  },
};

const COMMAND_NAMES: readonly string[] = Object.values(COMMANDS).flatMap((commands) => Object.keys(commands));

/** Commands that answer a wrong command line themselves, instead of ending with 64 and an error on stderr. */
const MISREAD_ANSWERS: Readonly<Record<string, () => Promise<AnswerMisread>>> = {
  status: async () => (await import('./commands/status/status.ts')).answerMisread,
};

/** Returns the answer to a wrong command line, if the first command in `argv` has its own. */
export async function misreadAnswer(argv: readonly string[]): Promise<AnswerMisread | undefined> {
  const named = argv.find((word) => COMMAND_NAMES.includes(word));
  return named === undefined ? undefined : await MISREAD_ANSWERS[named]?.();
}

/** What people type who know other tools, and what does it here. */
const OTHER_WORDS: Readonly<Record<string, readonly string[]>> = {
  run: ['sync', 'synchronise', 'synchronize', 'pull', 'import', 'fetch', 'update', 'refresh', 'start', 'go', 'all'],
  plan: ['diff', 'preview', 'dryrun', 'dry-run', 'compare'],
  lookup: ['find', 'search', 'query', 'who', 'whois', 'phone', 'get', 'show'],
  status: ['state', 'health', 'ps', 'list', 'ls', 'info', 'runs'],
  changes: ['log', 'logs', 'history', 'audit', 'events'],
  report: ['html', 'stats', 'dashboard', 'export'],
  doctor: ['check', 'test', 'verify', 'validate', 'diagnose', 'ping', 'selftest'],
  unlock: ['release', 'break-lock', 'force-unlock', 'lock', 'kill'],
  forget: ['delete', 'erase', 'remove', 'rm', 'purge'],
  migrate: ['install', 'upgrade', 'migration', 'migrations', 'schema', 'create'],
  'config show': ['configuration', 'settings', 'env'],
  completion: ['completions', 'autocomplete', 'complete'],
  demo: ['try', 'example', 'tutorial'],
  sandbox: ['serve', 'server', 'mock', 'simulate'],
  '--version': ['version'],
};

/** What to do about a wrong command line, where more can be said than where the help is; undefined elsewhere. */
export async function adviseOn({ code, message }: Pick<CommanderError, 'code' | 'message'>, argv: readonly string[]): Promise<string | undefined> {
  const [, typed = ''] = /'([^'=]+)[^']*'/.exec(message) ?? [];
  if (code === 'commander.unknownCommand') return adviseOnCommand(typed.toLowerCase());
  return code === 'commander.unknownOption' ? await adviseOnOption(typed, argv) : undefined;
}

function adviseOnCommand(typed: string): string | undefined {
  if (typed === 'init' || typed === 'setup' || typed === 'configure') return 'orgsync config example > config.yml writes one to be edited; orgsync demo needs none';
  const meant = COMMAND_NAMES.find((name) => name === typed) ?? Object.entries(OTHER_WORDS).find(([, words]) => words.includes(typed))?.[0];
  return meant === undefined ? undefined : `did you mean orgsync ${meant}? orgsync --help lists the commands`;
}

/** Says whose option it is. It gives a command to type only if that is the command which was typed: another one may write. */
async function adviseOnOption(typed: string, argv: readonly string[]): Promise<string | undefined> {
  const unused: GetContext = () => {
    throw new TypeError('no action is called');
  };
  const { commands } = await buildProgram([], unused);
  const owners = commands.filter(({ options }) => options.some(({ long, short }) => long === typed || short === typed)).map((command) => command.name());
  const [first] = owners;
  if (first === undefined) return undefined;
  const meant = owners.find((name) => argv.includes(name));
  return `${typed} is an option of ${owners.join(', ')}${meant === undefined ? `: see orgsync ${first} --help` : `, after the command: orgsync ${meant} ${typed}`}`;
}

/** The options of every command, before or after its name. */
export interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly verbose: number;
  readonly quiet?: boolean;
  readonly color: boolean;
}

const INTRODUCTION = 'Keeps the departments and members of many WeCom (企业微信) enterprises true in MySQL or SQLite, and answers who has a phone number.';

const EXAMPLES = `
Examples:
  orgsync demo                         see it work; nothing to install or configure
  orgsync plan                         what a run would change
  orgsync run                          what a crontab holds
  orgsync lookup 13800138000           who is this?

Exit codes:
  0 done · 1 failed in part, or nobody found · 3 held back · 64 usage · 69 unreachable · 70 defect
  75 try again · 77 refused · 78 configuration · 130, 143 stopped by a signal
  orgsync status has its own: 0 fresh · 1 warning · 2 stale or failing · 3 unknown`;

/**
 * Builds the program with the commands that `argv` names, or with all of them when it names none (help, completion, a
 * misspelt name). Most of many processes that start together end after one question to Redis, so they should not load the
 * files of other commands.
 */
export async function buildProgram(argv: readonly string[], getContext: GetContext): Promise<CommandUnknownOpts> {
  const program = new Command('orgsync')
    .description(INTRODUCTION)
    .addHelpCommand(helpCommand())
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('-c, --config <file>', 'the configuration, instead of searching for it')
    .option('--json', 'print one JSON document on stdout, and nothing else there')
    .option('-v, --verbose', 'say more; may be repeated', (_: string, count: number) => count + 1, 0)
    .option('-q, --quiet', 'say only what went wrong')
    .option('--no-color', 'print without colours; NO_COLOR does the same')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => undefined })
    .addHelpText('after', EXAMPLES)
    .exitOverride();
  program.addHelpText('beforeAll', ({ error }) => (error ? refuseHelp(program) : ''));
  for (const [group, command] of await loadCommands(argv, getContext)) {
    inherit(command, program);
    program.addCommand(command.helpGroup(group));
  }
  return program;
}

/** Where the help is no answer, ends with an error: for programs, and for a command that does not exist. */
function refuseHelp(program: CommandUnknownOpts): string {
  const [first, typed] = program.args;
  // Read as a command, it is answered with the nearest one.
  if (first === 'help' && typed !== undefined) program.parse([typed], { from: 'user' });
  if (program.opts()['json'] === true) program.error('error: the command is missing', { code: 'commander.missingArgument' });
  return '';
}

function helpCommand(): Command {
  const command = new Command('help').description('Show the help of a command').helpGroup('Setting up:');
  command.argument('[command]');
  return command;
}

async function loadCommands(argv: readonly string[], getContext: GetContext): Promise<readonly (readonly [string, CommandUnknownOpts])[]> {
  const all = Object.entries(COMMANDS).flatMap(([group, commands]) => Object.entries(commands).map(([name, load]) => ({ group, name, load })));
  const needsAll = argv.includes('completion') || argv.includes('help');
  const named = needsAll ? [] : all.filter(({ name }) => argv.includes(name));
  return Promise.all((named.length > 0 ? named : all).map(async ({ group, load }) => [group, await load(getContext)] as const));
}

/** Copies the program's settings for errors and help to a command that was built separately. */
function inherit(command: CommandUnknownOpts, parent: CommandUnknownOpts): void {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child, command);
}
