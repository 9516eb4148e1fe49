import { Argument, Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CommandContext, GetContext } from '../../app/context.ts';
import { findExpected } from './expected.ts';
import type { Candidate } from './expected.ts';
import { readWord, replacement, splitLine } from './line.ts';
import type { Word } from './line.ts';
import { FILES, REPLACED, SCRIPTS, TYPED } from './scripts.ts';

const EXAMPLES = `
Examples:
  orgsync completion bash > /etc/bash_completion.d/orgsync
  orgsync completion zsh > ~/.zfunc/_orgsync       (with ~/.zfunc in $fpath)
  orgsync completion fish > ~/.config/fish/completions/orgsync.fish

Completes commands, options, files, and what the configuration and the store know: corps, departments, leases.`;

type Shell = keyof typeof SCRIPTS;
const SHELLS = ['bash', 'zsh', 'fish'] as const satisfies readonly Shell[];

/** `orgsync completion`: prints a completion script. The script calls it again, with what was typed in the environment, for the words that may follow. */
export function completionCommand(getContext: GetContext): CommandUnknownOpts {
  const command = new Command('completion')
    .description('Print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText('after', EXAMPLES);
  return command.action(async (shell, _, self) => {
    const context = getContext();
    const { terminal, env } = context;
    const typed = env[TYPED];
    const script = SCRIPTS[shell];
    if (typed !== undefined) await answer({ shell, typed, program: root(self) }, context);
    else if (terminal.json) terminal.document({ shell, script });
    else terminal.data(script);
  });
}

function root(command: CommandUnknownOpts): CommandUnknownOpts {
  return command.parent === null ? command : root(command.parent);
}

interface Question {
  readonly shell: Shell;
  /** See {@link TYPED}. */
  readonly typed: string;
  readonly program: CommandUnknownOpts;
}

/** More are not read by anybody. */
const MOST = 500;
/** What would break the line of an answer, or move the cursor of a terminal. */
const UNSAFE = /\p{C}|[\u2028\u2029]/u;

/** Prints the words that may follow, one a line, with their meaning after a tab; {@link FILES} where names of files may. */
async function answer({ shell, typed, program }: Question, context: CommandContext): Promise<void> {
  const words = shell === 'bash' ? splitLine(typed) : typed.split('\n').map(readWord);
  const current = words.at(-1) ?? readWord('');
  const expected = findExpected(program, words.slice(1, -1).map(({ text }) => text), current.text);
  const { prefix, source } = expected;
  if (source === 'files') {
    context.terminal.data(FILES);
    return;
  }
  const begun = current.text.slice(prefix.length).toLowerCase();
  const values = source === undefined ? [] : await (await import('./values.ts')).findValues(source, expected, begun, context);
  const fitting = [...expected.candidates, ...values].filter(({ word }) => word !== '' && !UNSAFE.test(word) && word.toLowerCase().startsWith(begun));
  const lines = fitting.slice(0, MOST).flatMap((candidate) => formatCandidate({ ...candidate, word: prefix + candidate.word }, current, { shell, env: context.env }));
  if (lines.length > 0) context.terminal.data(lines.join('\n'));
}

function formatCandidate({ word, about }: Candidate, current: Word, { shell, env }: { readonly shell: Shell; readonly env: CommandContext['env'] }): readonly string[] {
  if (shell !== 'bash') return [`${word}\t${about.replaceAll(new RegExp(UNSAFE, 'gu'), ' ')}`];
  const replaced = replacement(word, current, env[REPLACED] ?? '');
  return replaced === undefined ? [] : [replaced];
}
