import { columnsOf, cut } from './width.ts';

/** The progress of one task. */
export interface Bar {
  readonly name: string;
  readonly done: number;
  readonly total: number;
  /** When `done` last grew, in milliseconds; -Infinity before that. */
  readonly movedAt: number;
}

/** The progress of all tasks together. */
export interface Overall {
  readonly total: number;
  readonly ended: number;
  /** The number of ended tasks that failed. */
  readonly failed: number;
}

/** The size of the terminal, and the time in milliseconds. */
export interface Viewport {
  readonly columns: number;
  readonly rows: number;
  readonly now: number;
}

/** A bar that has not moved for this long counts as resting. */
const REST_MS = 2_000;
const LONGEST_BAR = 24;

/**
 * Returns the lines of one frame: at most `rows - 1`, because the cursor is below them, and none wider than `columns`. Moving
 * bars come first, in the order of their start; then resting bars, those that moved last first; `overall` is the last line.
 * Bars that do not fit are counted: `and 31 more`.
 */
export function frameOf(bars: readonly Bar[], overall: Overall | undefined, { columns, rows, now }: Viewport): readonly string[] {
  const last = overall === undefined ? [] : [lineOf(overall.ended, overall.total, wordsOf(overall), columns)];
  const room = Math.max(0, rows - 1 - last.length);
  const fits = bars.length <= room || room < 2;
  const rank = ({ movedAt }: Bar): number => Math.max(0, now - movedAt - REST_MS);
  const shown = bars.toSorted((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b))).slice(0, fits ? room : room - 1);
  const more = fits ? [] : [cut(`and ${bars.length - shown.length} more`, columns)];
  return [...shown.map(({ name, done, total }) => lineOf(done, total, name, columns)), ...more, ...last];
}

function wordsOf({ total, ended, failed }: Overall): string {
  return `${ended} of ${total}${failed === 0 ? '' : ` (${failed} not well)`}`;
}

function lineOf(done: number, total: number, words: string, columns: number): string {
  const share = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
  const length = Math.min(LONGEST_BAR, Math.floor(columns / 3));
  const filled = Math.round(share * length);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(length - filled)} ${String(Math.floor(share * 100)).padStart(3)}% `;
  return bar + cut(words, columns - columnsOf(bar));
}
