import type { CommandUnknownOpts } from '@commander-js/extra-typings';

type Option = CommandUnknownOpts['options'][number];

/** A word that may follow, with its meaning for people. */
export interface Candidate {
  readonly word: string;
  readonly about: string;
}

/** Values that only the file system, the configuration or the store knows. */
export type Source = 'files' | 'corps' | 'departments' | 'leases';

/** What may stand at the cursor. */
export interface Expected {
  /** What the word at the cursor keeps before the value: `--corp=`. */
  readonly prefix: string;
  readonly candidates: readonly Candidate[];
  readonly source: Source | undefined;
  /** The values of options that were typed before, by the option's long name. */
  readonly given: ReadonlyMap<string, readonly string[]>;
}

/** Values by the option's long name; for files, by the word for the value in its help. */
const SOURCES: Readonly<Record<string, Source>> = { '--corp': 'corps', '--department': 'departments' };
/** Values of a command's argument. */
const ARGUMENT_SOURCES: Readonly<Record<string, Source>> = { unlock: 'leases' };
const FILE = /[<[](?:file|path|dir)[\].>]/;

/** Finds what may follow the words `before` at the place of `current`. */
export function findExpected(program: CommandUnknownOpts, before: readonly string[], current: string): Expected {
  const walk = new Walk(program);
  for (const word of before) walk.pass(word);
  return walk.expect(current);
}

/** Goes through the words of a command line as commander will. */
class Walk {
  readonly #program: CommandUnknownOpts;
  #command: CommandUnknownOpts;
  /** The option whose value comes next. */
  #awaiting: Option | undefined;
  #arguments = 0;
  #optionsEnded = false;
  #isHelp = false;
  readonly #given = new Map<string, string[]>();

  constructor(program: CommandUnknownOpts) {
    this.#program = program;
    this.#command = program;
  }

  pass(word: string): void {
    if (this.#awaiting !== undefined) {
      this.#note(this.#awaiting, word);
      this.#awaiting = undefined;
    } else if (word === '--') {
      this.#optionsEnded = true;
    } else if (this.#isOption(word) && word !== '-') {
      const { option, value } = this.#parse(word);
      if (option === undefined || !takesValue(option)) return;
      if (value === undefined) this.#awaiting = option;
      else this.#note(option, value);
    } else {
      const inner = this.#arguments === 0 ? this.#command.commands.find((command) => command.name() === word) : undefined;
      if (inner !== undefined) this.#command = inner;
      else this.#arguments += 1;
      if (word === 'help' && this.#command === this.#program && this.#arguments === 1) this.#isHelp = true;
    }
  }

  expect(current: string): Expected {
    if (this.#awaiting !== undefined) return this.#valueOf(this.#awaiting, '');
    if (this.#isOption(current)) {
      const [, prefix = ''] = /^(--[^=]+=)/.exec(current) ?? [];
      const { option } = this.#parse(current);
      if (prefix !== '') return option === undefined ? this.#answer() : this.#valueOf(option, prefix);
      return this.#answer({ candidates: this.#options() });
    }
    if (this.#isHelp && this.#arguments === 1) return this.#answer({ candidates: this.#commands(this.#program) });
    const known = this.#arguments > 0 ? {} : this.#firstArgument();
    return this.#answer({ candidates: current === '' ? this.#options() : [], ...known });
  }

  #firstArgument(): Partial<Pick<Expected, 'candidates' | 'source'>> {
    if (this.#command.commands.length > 0) return { candidates: this.#commands(this.#command) };
    const source = ARGUMENT_SOURCES[this.#command.name()];
    if (source !== undefined) return { candidates: [], source };
    const [argument] = this.#command.registeredArguments;
    return argument?.argChoices === undefined ? {} : { candidates: argument.argChoices.map((word) => ({ word, about: argument.description })) };
  }

  #answer(known: Partial<Pick<Expected, 'prefix' | 'candidates' | 'source'>> = {}): Expected {
    return { prefix: '', candidates: [], source: undefined, given: this.#given, ...known };
  }

  #valueOf({ flags, long, argChoices, description }: Option, prefix: string): Expected {
    const candidates = (argChoices ?? []).map((word) => ({ word, about: description }));
    return this.#answer({ prefix, candidates, source: FILE.test(flags) ? 'files' : SOURCES[long ?? ''] });
  }

  #isOption(word: string): boolean {
    return !this.#optionsEnded && word.startsWith('-');
  }

  /** Finds the option, and its value where that is in the same word: `--corp=HQ`, `-cFILE`. */
  #parse(word: string): { readonly option: Option | undefined; readonly value: string | undefined } {
    const [, long = word, value] = word.startsWith('--') ? (/^(--[^=]+)(?:=(.*))?$/s.exec(word) ?? []) : [word, word.slice(0, 2), word.slice(2) || undefined];
    return { option: this.#known().find((option) => option.long === long || option.short === long), value };
  }

  #known(): readonly Option[] {
    return [...this.#command.options, ...this.#program.options];
  }

  #options(): readonly Candidate[] {
    const help = this.#program.createHelp();
    const global = this.#command === this.#program ? [] : this.#program.options.filter(({ long }) => long !== '--version');
    return [...help.visibleOptions(this.#command), ...global].map(({ long, short, description }) => ({ word: long ?? short ?? '', about: description }));
  }

  #commands(of: CommandUnknownOpts): readonly Candidate[] {
    return of.createHelp().visibleCommands(of).map((command) => ({ word: command.name(), about: command.description() }));
  }

  #note({ long }: Option, value: string): void {
    if (long === undefined) return;
    this.#given.set(long, [...(this.#given.get(long) ?? []), value]);
  }
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}
