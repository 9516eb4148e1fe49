import { createWriteStream } from 'node:fs';
import { finished, type Writable } from 'node:stream';

/** More than this waiting to be written is more than a log is worth: what comes then is dropped, and counted. */
const WAITING_AT_MOST = 4 * 1024 * 1024;
/** How long closing waits for what is still to be written. */
const CLOSING_MS = 1000;

/** What lines are written to, opened when the first one comes. */
interface Target {
  readonly name: string;
  readonly open: () => Writable;
  /** Whether it is ours to close, and its failures ours to tell. */
  readonly owned: boolean;
}

/**
 * Where log lines go: a file or a stream that may be slow, full or gone without anybody waiting for it. What cannot be
 * written is said once, and lost.
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

/** Adds to a file, which is created where there is none, not readable by others. */
export function fileTarget(path: string): Target {
  return { name: path, open: () => createWriteStream(path, { flags: 'a', mode: 0o640 }), owned: true };
}

/** Writes to a stream of the process, which stays open. */
export function streamTarget(stream: Writable): Target {
  return { name: 'the stream', open: () => stream, owned: false };
}
