import { columnsOf, cut } from './width.ts';

/** Something that is being done. */
export interface Bar {
  readonly name: string;
  readonly done: number;
  readonly total: number;
  /** When `done` last grew, in milliseconds; -Infinity before that. */
  readonly movedAt: number;
}

/** How many of all have ended. */
export interface Overall {
  readonly total: number;
  readonly ended: number;
  /** Of those, how many did not end well. */
  readonly failed: number;
}

/** The part of a terminal that a frame may fill, and the time in milliseconds. */
export interface Viewport {
  readonly columns: number;
  readonly rows: number;
  readonly now: number;
}

/** A bar that has not moved for this long is at rest. */
const REST_MS = 2_000;
const LONGEST_BAR = 24;

/**
 * The lines of one frame: at most `rows - 1`, for the cursor stands below them, and none wider than `columns`. Bars that
 * move come first, in the order of their start; then those at rest, the latest first; `overall` is the last line. What
 * does not fit is counted: `and 31 more`.
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
