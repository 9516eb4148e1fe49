import picocolors from 'picocolors';
import { scrubJson } from '../core/redact.ts';
import type { OrgsyncError } from '../errors.ts';
import { type Bars, drawBars, type DrawnBars, NO_BARS } from './bars.ts';
import { alignedTable } from './table.ts';
import { errorDocument, errorText, plainLines } from './text.ts';
import { hanging } from './width.ts';

export { type Bars } from './bars.ts';
export { plain } from './text.ts';

/** How much is said. */
export interface TerminalOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  /** How often `--verbose` was given. */
  readonly verbose: number;
  /** False with `--no-color`; `NO_COLOR` and where there is no terminal say the same. */
  readonly color: boolean;
}

/** What a terminal writes to, and what it must not write. */
export interface TerminalPorts {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes secrets and phone numbers out of everything that goes to stderr. */
  readonly scrub: (text: string) => string;
  /** Takes secrets out of documents and their strings. */
  readonly conceal?: (text: string) => string;
}

/** Colours and weights; each returns its text unchanged where colours are off. */
export type Paint = Pick<typeof picocolors, 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'>;

/**
 * The only writer to stdout and stderr; its functions need no `this`. Text that is not ours (a name from WeCom) goes
 * through {@link plain} before it is given to it.
 */
export interface Terminal extends TerminalOptions {
  /** Whether a person is watching: stderr is a terminal, and neither `--json` nor `--quiet` was given. */
  readonly interactive: boolean;
  /** For text on stdout. */
  readonly paint: Paint;
  /** Columns of the terminal; 80 where there is none. */
  readonly width: number;
  /** Writes the answer, and a line end, to stdout; nothing with `--json`, whose answer is {@link Terminal.document}. */
  readonly data: (text: string) => void;
  /** Writes the one document of `--json` to stdout; a second one is not written. */
  readonly document: (value: unknown) => void;
  /** Writes one line of NDJSON, the form of `--json` for answers without end. */
  readonly line: (value: unknown) => void;
  /** Tells a watching person something, on stderr; silent under cron, with `--quiet` or `--json`. */
  readonly note: (text: string) => void;
  /** Tells whoever is there, cron's mail included, on stderr; also with `--quiet` or `--json`. */
  readonly warn: (text: string) => void;
  /** Shows what a command ended with: what and where, why, `fix:`. With `--json` also as the document, if there is none yet. */
  readonly error: (error: OrgsyncError, exitCode: number) => void;
  /** Shows why one corp failed. */
  readonly corpError: (corpName: string, error: OrgsyncError) => void;
  /**
   * Aligns rows in columns, also those of wide characters; columns of figures to the right. On a terminal too narrow for
   * that, cells are broken into lines, or each row becomes a block of lines. Returns text, writes nothing.
   */
  readonly table: (head: readonly string[], rows: readonly (readonly string[])[]) => string;
  /** A line for stdout, `prefix` before it; on a terminal too narrow for it, broken between words and continued below its beginning. Returns text, writes nothing. */
  readonly hang: (prefix: string, text: string) => string;
  /** Bars on stderr for a watching person. `total`: how many will end, for a bar over all. */
  readonly bars: (total?: number) => Bars;
}

/** Opens the terminal of this process. A closed stdout or stderr (`| head`) swallows what comes after; work goes on. */
export function createTerminal(options: TerminalOptions, { stdout, stderr, env, scrub, conceal = (text) => text }: TerminalPorts): Terminal {
  const interactive = stderr.isTTY && !options.json && !options.quiet;
  let documented = false;
  let drawn: DrawnBars | undefined;
  const err = writer(stderr, () => drawn);
  // Two terminals at once are rare: stdout is taken for the one that the bars are on.
  const out = writer(stdout, () => (stdout.isTTY ? drawn : undefined));
  const say = (text: string): void => err(scrub(plainLines(text)));
  const concealed = (json: string): string => (conceal(json) === json ? json : scrubJson(json, conceal));
  const document = (value: unknown): void => {
    if (!documented) out(concealed(JSON.stringify(value, null, 2)));
    documented = true;
  };
  const scrubbed = (words: ReturnType<typeof errorDocument>) => ({ ...words, message: scrub(words.message), hint: words.hint === null ? null : scrub(words.hint) });
  const color = options.color && coloursWanted(env, stdout);
  const { verbose, json } = options;
  const width = stdout.columns || 80;
  const room = stdout.isTTY ? width : Number.POSITIVE_INFINITY;
  return {
    ...options,
    color,
    interactive,
    paint: picocolors.createColors(color),
    width,
    data: (text) => (json ? undefined : out(text)),
    document,
    line(value) {
      documented = true;
      out(concealed(JSON.stringify(value)));
    },
    note: (text) => (interactive ? say(text) : undefined),
    warn: say,
    error(error, exitCode) {
      say(errorText(error, { verbose }));
      if (json) document({ error: scrubbed(errorDocument(error)), exit_code: exitCode });
    },
    corpError: (about, error) => say(errorText(error, { about, verbose })),
    table: (head, rows) => alignedTable(head, rows, { color, width: room }),
    hang: (prefix, text) => hanging(prefix, text, room),
    bars: (total) => (interactive && env['TERM'] !== 'dumb' ? (drawn = drawBars(stderr, total)) : NO_BARS),
  };
}

function coloursWanted(env: TerminalPorts['env'], stdout: NodeJS.WriteStream): boolean {
  if (env['NO_COLOR']) return false;
  return env['FORCE_COLOR'] ? env['FORCE_COLOR'] !== '0' : stdout.isTTY && env['TERM'] !== 'dumb';
}

/** Writes lines, above the bars where there are some. */
function writer(stream: NodeJS.WriteStream, bars: () => DrawnBars | undefined): (text: string) => void {
  let open = true;
  stream.on('error', () => {
    open = false;
  });
  return (text) => {
    if (!open) return;
    const write = (): void => void stream.write(`${text}\n`);
    const drawn = bars();
    if (drawn === undefined) write();
    else drawn.above(write);
  };
}
