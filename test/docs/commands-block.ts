import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { wholeProgram } from '../support/program.ts';

/** The part of README.md that is written from the commands. */
export const README_BLOCK = /(<!-- commands: npm run docs -->)\n[\s\S]*?(<!-- \/commands -->)/;

/** A table of all commands. */
export async function commandsBlock(): Promise<string> {
  const rows = everyCommand(await wholeProgram()).map((command) => `| \`${cell(usage(command))}\` | ${cell(command.description())} |`);
  return ['| command | does |', '|---|---|', ...rows, '', '`orgsync COMMAND --help` and [docs/commands.md](docs/commands.md) have the options and examples of each.'].join('\n');
}

/** The help of the program and of every command. */
export async function commandsPage(): Promise<string> {
  const program = await wholeProgram();
  const parts = [program, ...everyCommand(program)].map((command) => `## ${path(command)}\n\n\`\`\`text\n${help(command)}\n\`\`\``);
  return `# Commands\n\n<!-- Written by npm run docs from src/commands: change those, not this. -->\n\n${parts.join('\n\n')}\n`;
}

function everyCommand(command: CommandUnknownOpts): readonly CommandUnknownOpts[] {
  return command.commands.flatMap((child) => (child.commands.length > 0 ? everyCommand(child) : [child]));
}

function path(command: CommandUnknownOpts): string {
  return command.parent === null ? command.name() : `${path(command.parent)} ${command.name()}`;
}

function usage(command: CommandUnknownOpts): string {
  return [path(command), ...command.registeredArguments.map((argument) => command.createHelp().argumentTerm(argument).toUpperCase())].join(' ');
}

function help(command: CommandUnknownOpts): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 100, getOutHasColors: () => false });
  command.outputHelp();
  return text.trim();
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
