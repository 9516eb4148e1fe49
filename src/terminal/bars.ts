import type { createLogUpdate } from 'log-update';
import { type Bar, frameOf, type Overall } from './frame.ts';
import { plain } from './text.ts';
import { columnsOf } from './width.ts';

/** Bars for things done at the same time, and one for all of them; without a watching person nothing is drawn. */
export interface Bars {
  /** Starts the bar of this name, or moves it. `total` may grow. */
  update(name: string, done: number, total: number): void;
  /** Ends the bar of this name with a word (`ok`, `failed`). */
  end(name: string, word: string): void;
  /** Takes all bars off the screen, and gives the cursor back. Idempotent. */
  stop(): void;
}

/** Bars that are on the screen. */
export interface DrawnBars extends Bars {
  /** Calls `write`, which writes whole lines to the same screen, with the bars out of their way. */
  above(write: () => void): void;
}

/** Where nobody watches. */
export const NO_BARS: Bars = { update: () => undefined, end: () => undefined, stop: () => undefined };

/** Between two frames. */
const FRAME_MS = 100;
const ERASE_LINE_ABOVE = '\u001b[1A\u001b[2K';

/** Draws bars on `stream`. `total`, when given, is how many names will end: it gets a bar of its own, below the others. */
export function drawBars(stream: NodeJS.WriteStream, total?: number): DrawnBars {
  return new Screen(stream, total);
}

type Render = ReturnType<typeof createLogUpdate>;

class Screen implements DrawnBars {
  readonly #stream: NodeJS.WriteStream;
  readonly #bars = new Map<string, Bar>();
  #overall: Overall | undefined;
  #render: Render | undefined;
  /** The last frame, as it stands on the screen. */
  #frame: readonly string[] = [];
  #drawnAt = -Infinity;
  #next: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(stream: NodeJS.WriteStream, total: number | undefined) {
    this.#stream = stream;
    this.#overall = total === undefined ? undefined : { total, ended: 0, failed: 0 };
    void this.#open();
  }

  update(name: string, done: number, total: number): void {
    const before = this.#bars.get(name);
    const moved = before !== undefined && done > before.done;
    this.#bars.set(name, { name: plain(name), done, total, movedAt: moved ? performance.now() : (before?.movedAt ?? -Infinity) });
    this.#changed();
  }

  end(name: string, word: string): void {
    this.#bars.delete(name);
    if (this.#overall !== undefined) {
      const well = word === 'ok' || word === 'skipped';
      this.#overall = { ...this.#overall, ended: this.#overall.ended + 1, failed: this.#overall.failed + (well ? 0 : 1) };
    }
    this.#changed();
  }

  above(write: () => void): void {
    this.#render?.clear();
    this.#frame = [];
    write();
    this.#draw();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearTimeout(this.#next);
    this.#stream.off('resize', this.#resized);
    this.#render?.clear();
    this.#render?.done();
    this.#render = undefined;
  }

  /** Loads what draws only here: a run that finds the lock taken, and every run under cron, never draws. */
  async #open(): Promise<void> {
    const library = await import('log-update');
    if (this.#stopped) return;
    // A terminal that does not know its size says 0, where log-update would draw nothing.
    const sized = Object.create(this.#stream, { columns: { get: () => this.#columns }, rows: { get: () => this.#rows } }) as NodeJS.WriteStream;
    this.#render = library.createLogUpdate(sized);
    this.#stream.on('resize', this.#resized);
    this.#draw();
  }

  get #columns(): number {
    return this.#stream.columns || 80;
  }

  get #rows(): number {
    return this.#stream.rows || 24;
  }

  /** Draws now, or when the frame before has been seen long enough. */
  #changed(): void {
    const wait = this.#drawnAt + FRAME_MS - performance.now();
    if (wait <= 0) this.#draw();
    else this.#next ??= setTimeout(() => this.#draw(), wait).unref();
  }

  #draw(): void {
    clearTimeout(this.#next);
    this.#next = undefined;
    if (this.#render === undefined) return;
    const now = performance.now();
    this.#frame = frameOf([...this.#bars.values()], this.#overall, { columns: this.#columns, rows: this.#rows, now });
    this.#drawnAt = now;
    if (this.#frame.length > 0) this.#render(this.#frame.join('\n'));
    else this.#render.clear();
  }

  /** A terminal that became narrower has broken the lines of the last frame: it takes more rows than log-update knows of. */
  readonly #resized = (): void => {
    const broken = this.#frame.reduce((rows, line) => rows + Math.max(0, Math.ceil(columnsOf(line) / this.#columns) - 1), 0);
    this.#render?.clear();
    if (broken > 0) this.#stream.write(ERASE_LINE_ABOVE.repeat(broken));
    this.#draw();
  };
}
