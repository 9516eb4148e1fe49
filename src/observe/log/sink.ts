import fs, { createWriteStream } from 'node:fs';
import { finished, type Writable } from 'node:stream';
import { openToAppend, type Opened } from './append.ts';

/** When more than this waits to be written, further lines are dropped and counted. */
const WAITING_AT_MOST = 4 * 1024 * 1024;
/** How long closing waits for lines that are not yet written. */
const CLOSING_MS = 1000;

/** The target of the lines; opened with the first line. */
interface Target {
  readonly name: string;
  readonly open: () => Writable;
  /** Whether this sink closes the target and reports its errors. */
  readonly owned: boolean;
}

/**
 * Writes log lines to a file or a stream. It may be slow, full or closed; the process never waits for it. The first error
 * is reported once; lines that cannot be written are lost.
 */
export class LogSink {
  readonly #target: Target;
  readonly #warn: (text: string) => void;
  #stream: Writable | undefined;
  #broken = false;
  #dropped = 0;

  constructor(target: Target, warn: (text: string) => void) {
    this.#target = target;
    this.#warn = warn;
  }

  /** Adds a line, which ends with a line break; never waits, never throws. */
  write(line: string): void {
    if (this.#broken) return;
    this.#stream ??= this.#opened();
    if (this.#stream.writableLength > WAITING_AT_MOST) this.#dropped += 1;
    else this.#stream.write(line);
  }

  /** Waits until everything is written, but not longer than a second. */
  async close(): Promise<void> {
    if (this.#stream !== undefined && !this.#broken) await this.#drained(this.#stream);
    if (this.#dropped > 0 && !this.#broken) this.#warn(`orgsync: ${this.#dropped} log lines were dropped: ${this.#target.name} is too slow`);
  }

  #opened(): Writable {
    const { name, open, owned } = this.#target;
    const stream = open();
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!this.#broken && owned) this.#warn(`orgsync: the log ${name} cannot be written (${error.code ?? error.message}); the work goes on without it`);
      this.#broken = true;
    });
    return stream;
  }

  async #drained(stream: Writable): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSING_MS);
      const settle = (): void => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#target.owned) finished(stream.end(), settle);
      else stream.write('', settle);
    });
  }
}

/** Appends to a file; a new file is not readable by other accounts. */
export function fileTarget(path: string): Target {
  const open = (at: string, _flags: unknown, mode: number, opened: Opened): void => openToAppend(at, mode, opened);
  return { name: path, open: () => createWriteStream(path, { flags: 'a', mode: 0o640, fs: { ...fs, open } }), owned: true };
}

/** Writes to a stream of the process, which stays open. */
export function streamTarget(stream: Writable): Target {
  return { name: 'the stream', open: () => stream, owned: false };
}
