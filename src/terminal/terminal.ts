import picocolors from 'picocolors';
import { scrubJson } from '../core/redact.ts';
import type { OrgsyncError } from '../errors.ts';
import { type Bars, drawBars, type DrawnBars, NO_BARS } from './bars.ts';
import { alignedTable } from './table.ts';
import { errorDocument, errorText, plainLines } from './text.ts';
import { hang } from './width.ts';

export { type Bars } from './bars.ts';
export { plain } from './text.ts';

/** The options of the command line that decide what is printed. */
export interface TerminalOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  /** How often `--verbose` was given. */
  readonly verbose: number;
  /** False with `--no-color`. `NO_COLOR`, and a missing terminal, have the same effect. */
  readonly color: boolean;
}

/** The streams of a terminal, and the functions that remove secrets. */
export interface TerminalPorts {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Removes secrets and phone numbers from everything that goes to stderr. */
  readonly scrub: (text: string) => string;
  /** Removes secrets from documents. */
  readonly conceal?: (text: string) => string;
}

/** Colours and weights; each returns its text unchanged when colours are off. */
export type Paint = Pick<typeof picocolors, 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'>;

/**
 * The only writer to stdout and stderr. Its functions do not need `this`. Pass text from outside (a name from WeCom) through
 * {@link plain} first.
 */
export interface Terminal extends TerminalOptions {
  /** Whether a person reads stderr: it is a terminal, and neither `--json` nor `--quiet` was given. */
  readonly interactive: boolean;
  /** Whether {@link Terminal.note} writes: a person reads stderr, or `--verbose` was given without `--quiet`. */
  readonly takesNotes: boolean;
  /** For text on stdout. */
  readonly paint: Paint;
  /** The columns of the terminal; 80 when there is none. */
  readonly width: number;
  /** Writes the answer and a line end to stdout. Writes nothing with `--json`: then the answer is {@link Terminal.document}. */
  readonly data: (text: string) => void;
  /** Writes the document of `--json` to stdout. Only the first call writes. */
  readonly document: (value: unknown) => void;
  /** Writes one line of NDJSON: the form of `--json` for answers of any length. */
  readonly line: (value: unknown) => void;
  /** Writes a line to stderr, only when {@link Terminal.takesNotes}. */
  readonly note: (text: string) => void;
  /** Writes a line to stderr, also under cron and with `--quiet` or `--json`. */
  readonly warn: (text: string) => void;
  /** Writes the error that ended a command to stderr: what failed and where, why, and `fix:`. With `--json` also as the document, if none was written. */
  readonly error: (error: OrgsyncError, exitCode: number) => void;
  /** Writes the error of one corp to stderr. */
  readonly corpError: (corpName: string, error: OrgsyncError) => void;
  /**
   * Formats a table, also with wide characters; figures are aligned to the right. On a narrow terminal, cells are wrapped, or
   * each row becomes a block of lines. Only returns the text.
   */
  readonly table: (head: readonly string[], rows: readonly (readonly string[])[]) => string;
  /** Formats a line with a prefix for stdout; on a narrow terminal it is wrapped between words and indented by the prefix. Only returns the text. */
  readonly hang: (prefix: string, text: string) => string;
  /** Draws bars on stderr, only when {@link Terminal.interactive}. `total` is the number of tasks, for a bar of all. */
  readonly bars: (total?: number) => Bars;
}

/** Opens the terminal of this process. When stdout or stderr is closed (`| head`), further output is dropped and the command goes on. */
export function createTerminal(options: TerminalOptions, { stdout, stderr, env, scrub, conceal = (text) => text }: TerminalPorts): Terminal {
  const interactive = stderr.isTTY && !options.json && !options.quiet;
  const takesNotes = interactive || (options.verbose > 0 && !options.quiet);
  let documented = false;
  let bars: DrawnBars | undefined;
  const err = createWriter(stderr, () => bars);
  // If stdout is a terminal, it is assumed to be the same one as stderr's, with the bars on it.
  const out = createWriter(stdout, () => (stdout.isTTY ? bars : undefined));
  const say = (text: string): void => err(scrub(plainLines(text)));
  const concealJson = (json: string): string => (conceal(json) === json ? json : scrubJson(json, conceal));
  const document = (value: unknown): void => {
    if (!documented) out(concealJson(JSON.stringify(value, null, 2)));
    documented = true;
  };
  const scrubError = (words: ReturnType<typeof errorDocument>) => ({ ...words, message: scrub(words.message), hint: words.hint === null ? null : scrub(words.hint) });
  const color = options.color && wantsColours(env, stdout);
  const { verbose, json } = options;
  const width = stdout.columns || 80;
  const room = stdout.isTTY ? width : Number.POSITIVE_INFINITY;
  return {
    ...options,
    color,
    interactive,
    takesNotes,
    paint: picocolors.createColors(color),
    width,
    data: (text) => (json ? undefined : out(text)),
    document,
    line(value) {
      documented = true;
      out(concealJson(JSON.stringify(value)));
    },
    note: (text) => (takesNotes ? say(text) : undefined),
    warn: say,
    error(error, exitCode) {
      say(errorText(error, { verbose }));
      if (json) document({ error: scrubError(errorDocument(error)), exit_code: exitCode });
    },
    corpError: (about, error) => say(errorText(error, { about, verbose })),
    table: (head, rows) => alignedTable(head, rows, { color, width: room }),
    hang: (prefix, text) => hang(prefix, text, room),
    bars: (total) => (interactive && env['TERM'] !== 'dumb' ? (bars = drawBars(stderr, total)) : NO_BARS),
  };
}

function wantsColours(env: TerminalPorts['env'], stdout: NodeJS.WriteStream): boolean {
  if (env['NO_COLOR']) return false;
  return env['FORCE_COLOR'] ? env['FORCE_COLOR'] !== '0' : stdout.isTTY && env['TERM'] !== 'dumb';
}

/** Creates a function that writes lines, above the bars when there are any. */
function createWriter(stream: NodeJS.WriteStream, barsOn: () => DrawnBars | undefined): (text: string) => void {
  let open = true;
  stream.on('error', () => {
    open = false;
  });
  return (text) => {
    if (!open) return;
    const write = (): void => void stream.write(`${text}\n`);
    const bars = barsOn();
    if (bars === undefined) write();
    else bars.above(write);
  };
}
