import type { createLogUpdate } from 'log-update';
import { type Bar, frameOf, type Overall } from './frame.ts';
import { plain } from './text.ts';
import { columnsOf } from './width.ts';

/** Progress bars for several tasks, and one for all of them. Nothing is drawn when stderr is not a terminal. */
export interface Bars {
  /** Adds or moves the bar `name`. `total` may grow. */
  update(name: string, done: number, total: number): void;
  /** Removes the bar `name`; `word` is its outcome (`ok`, `failed`). */
  end(name: string, word: string): void;
  /** Removes all bars from the screen, and shows the cursor again. Idempotent. */
  stop(): void;
}

/** Bars that are on the screen. */
export interface DrawnBars extends Bars {
  /** Removes the bars, calls `write`, which writes whole lines to the same screen, and draws the bars again. */
  above(write: () => void): void;
}

/** Bars that draw nothing. */
export const NO_BARS: Bars = { update: () => undefined, end: () => undefined, stop: () => undefined };

/** The time between two frames. */
const FRAME_MS = 100;
const ERASE_LINE_ABOVE = '\u001b[1A\u001b[2K';

/** Draws bars on `stream`. `total`, when given, is the number of tasks: a bar for all of them is drawn below the others. */
export function drawBars(stream: NodeJS.WriteStream, total?: number): DrawnBars {
  return new Screen(stream, total);
}

type Render = ReturnType<typeof createLogUpdate>;

class Screen implements DrawnBars {
  readonly #stream: NodeJS.WriteStream;
  readonly #bars = new Map<string, Bar>();
  #overall: Overall | undefined;
  #render: Render | undefined;
  /** The lines of the last frame, as they are on the screen. */
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

  /** Loads log-update only when bars are drawn: runs under cron, and runs that find the lease taken, do not need it. */
  async #open(): Promise<void> {
    const library = await import('log-update');
    if (this.#stopped) return;
    // A terminal without a known size reports 0, and log-update would then draw nothing.
    const sized = new Proxy(this.#stream, {
      get: (stream, name): unknown => (name === 'columns' ? this.#columns : name === 'rows' ? this.#rows : Reflect.get(stream, name)),
    });
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

  /** Draws now, or when FRAME_MS have passed since the last frame. */
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

  /** When the terminal becomes narrower, it wraps the lines of the last frame, so there are more rows to erase than log-update knows. */
  readonly #resized = (): void => {
    const broken = this.#frame.reduce((rows, line) => rows + Math.max(0, Math.ceil(columnsOf(line) / this.#columns) - 1), 0);
    this.#render?.clear();
    if (broken > 0) this.#stream.write(ERASE_LINE_ABOVE.repeat(broken));
    this.#draw();
  };
}
