import { createRequire } from 'node:module';
import type * as CliProgress from 'cli-progress';
import { plain } from './text.ts';

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
  /** Writes a line above the bars, which would overwrite it otherwise; false, and nothing written, when they are gone. */
  above(text: string): boolean;
}

/** Where nobody watches. */
export const NO_BARS: Bars = { update: () => undefined, end: () => undefined, stop: () => undefined };

const SHAPE = { barCompleteChar: '█', barIncompleteChar: '░', barsize: 24 };
const LINE = '{bar} {percentage}% {name} {word}';

/** Draws bars on `stream`. `total`, when given, is how many names will end: it gets a bar of its own, below the others. */
export function drawBars(stream: NodeJS.WritableStream, total?: number): DrawnBars {
  // Loaded here: a run that finds the lock taken, and every run under cron, never draws.
  const { MultiBar } = createRequire(import.meta.url)('cli-progress') as typeof CliProgress;
  const screen = new MultiBar({ ...SHAPE, stream, format: LINE, hideCursor: true, clearOnComplete: true, linewrap: false });
  const bars = new Map<string, CliProgress.SingleBar>();
  const all = total === undefined ? undefined : screen.create(total, 0, { name: 'all', word: '' }, { format: '{bar} {percentage}% {value} of {total} {word}' });
  let failed = 0;
  let stopped = false;
  return {
    update(name, done, of) {
      const bar = bars.get(name);
      if (bar === undefined) bars.set(name, screen.create(Math.max(of, 1), done, { name: plain(name), word: '' }));
      else {
        bar.setTotal(Math.max(of, 1));
        bar.update(done);
      }
    },
    end(name, word) {
      const bar = bars.get(name);
      if (bar !== undefined) screen.remove(bar);
      bars.delete(name);
      if (word !== 'ok' && word !== 'skipped') failed += 1;
      all?.increment(1, { word: failed === 0 ? '' : `(${failed} not well)` });
    },
    above(text) {
      if (stopped || bars.size === 0) return false;
      screen.log(`${text}\n`);
      screen.update();
      return true;
    },
    stop() {
      if (!stopped) screen.stop();
      stopped = true;
    },
  };
}
