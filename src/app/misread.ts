import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { OrgsyncError } from '../errors.ts';
import type { CommandContext } from './context.ts';

/** What there is to answer with when a command line could not be read, and the action never began. */
export interface MisreadContext extends Pick<CommandContext, 'terminal' | 'scrub' | 'endWith'> {
  readonly argv: readonly string[];
}

/** Answers for a command whose command line could not be read. */
export type MisreadAnswer = (error: OrgsyncError, context: MisreadContext) => void;

const answers = new WeakMap<object, MisreadAnswer>();

/** For a command that does not end with 64, and a complaint on stderr, when it is called wrongly. */
export function answerMisread(command: object, answer: MisreadAnswer): void {
  answers.set(command, answer);
}

/** The answer of the first command that `argv` names, if it has one of its own; an option before that name may be what is wrong. */
export function misreadAnswerOf(program: CommandUnknownOpts, argv: readonly string[]): MisreadAnswer | undefined {
  const commands = new Map(program.commands.map((command) => [command.name(), command]));
  const named = argv.map((word) => commands.get(word)).find((command) => command !== undefined);
  return named === undefined ? undefined : answers.get(named);
}
