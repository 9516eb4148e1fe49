import { Argument, Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { GetContext } from '../app/context.ts';

const EXAMPLES = `
Examples:
  orgsync completion bash > /etc/bash_completion.d/orgsync
  orgsync completion zsh > ~/.zfunc/_orgsync       (with ~/.zfunc in $fpath)
  orgsync completion fish > ~/.config/fish/completions/orgsync.fish`;

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** `orgsync completion`: prints a completion script, made from the commands and options. */
export function completionCommand(getContext: GetContext): CommandUnknownOpts {
  const command = new Command('completion')
    .description('Print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText('after', EXAMPLES);
  return command.action((shell, _, self) => {
    const { terminal } = getContext();
    const script = SCRIPTS[shell](describe(root(self)));
    if (terminal.json) terminal.document({ shell, script });
    else terminal.data(script);
  });
}

/** What can follow the words typed so far. */
interface Place {
  /** `config show`; empty for the program itself. */
  readonly words: string;
  readonly candidates: readonly { readonly word: string; readonly about: string }[];
}

function root(command: CommandUnknownOpts): CommandUnknownOpts {
  return command.parent === null ? command : root(command.parent);
}

function describe(program: CommandUnknownOpts, words: readonly string[] = []): readonly Place[] {
  const help = program.createHelp();
  const commands = help.visibleCommands(program).map((command) => ({ word: command.name(), about: command.description() }));
  const options = [...help.visibleOptions(program), ...(words.length > 0 ? globalOptions(program) : [])].map(({ long, short, description }) => ({
    word: long ?? short ?? '',
    about: description,
  }));
  const choices = program.registeredArguments.flatMap(({ argChoices = [], description }) => argChoices.map((word) => ({ word, about: description })));
  const inner = program.commands.flatMap((command) => describe(command, [...words, command.name()]));
  return [{ words: words.join(' '), candidates: [...commands, ...choices, ...options] }, ...inner];
}

function globalOptions(command: CommandUnknownOpts): CommandUnknownOpts['options'] {
  return root(command).options.filter(({ long }) => long !== '--version');
}

const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], (places: readonly Place[]) => string>> = { bash, zsh, fish };

/** Creates the cases of a shell's `case` statement, the longest words first. */
function cases(places: readonly Place[], line: (place: Place) => string): string {
  return [...places].sort((one, other) => other.words.length - one.words.length).map(line).join('\n');
}

function bash(places: readonly Place[]): string {
  return `# orgsync completion for bash
_orgsync() {
  local current="\${COMP_WORDS[COMP_CWORD]}" place="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) place="\${place:+$place }$word" ;; esac
  done
  case "$place" in
${cases(places, ({ words, candidates }) => `    ${words === '' ? '*' : `"${words}"*`}) COMPREPLY=($(compgen -W "${candidates.map(({ word }) => word).join(' ')}" -- "$current")) ;;`)}
  esac
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _orgsync orgsync`;
}

function zsh(places: readonly Place[]): string {
  const described = ({ candidates }: Place): string => candidates.map(({ word, about }) => `'${word}:${about.replaceAll("'", "'\\''").replaceAll(':', '\\:')}'`).join(' ');
  return `#compdef orgsync
_orgsync() {
  local place="" word
  local -a candidates
  for word in "\${words[@]:1:$((CURRENT-2))}"; do
    [[ "$word" == -* ]] || place="\${place:+$place }$word"
  done
  case "$place" in
${cases(places, (place) => `    ${place.words === '' ? '*' : `"${place.words}"*`}) candidates=(${described(place)}) ;;`)}
  esac
  _describe 'orgsync' candidates || _files
}
# From $fpath the file is itself the first call of the function.
if [ "\${funcstack[1]}" = _orgsync ]; then _orgsync "$@"; else compdef _orgsync orgsync; fi`;
}

function fish(places: readonly Place[]): string {
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  return places
    .flatMap(({ words, candidates }) => {
      const seen = words === '' ? '__fish_use_subcommand' : words.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
      return candidates.map(({ word, about }) => {
        const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
        return `complete -c orgsync -n ${quoted(seen)} ${what} -d ${quoted(about)}`;
      });
    })
    .join('\n');
}
