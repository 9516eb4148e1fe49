import picocolors from 'picocolors';
import { plain, plainButPainted } from './text.ts';
import { BREAKS, columnsOf, padded, wrapped } from './width.ts';

/** What a table is made for. */
export interface TableSheet {
  readonly color: boolean;
  /** How many columns there are; infinitely many where nobody looks and programs read line by line. */
  readonly width: number;
}

type Row = readonly string[];

/** What stands between two columns. */
const GAP = 2;
/** What still tells them apart, rather than no table at all. */
const NARROW_GAP = 1;
/** Text is broken into lines no shorter than this. */
const NARROWEST = 10;
/** Words longer than this are broken. */
const LONGEST_WORD = 20;

/** Aligns rows under their head: see `Terminal.table`. */
export function alignedTable(head: Row, rows: readonly Row[], { color, width }: TableSheet): string {
  const safe = rows.map((row) => row.map(color ? plainButPainted : plain));
  const columns = head.map((title, index) => ({ title, index, ...measured(title, safe.map((row) => row[index] ?? '')) }));
  if (totalOf(columns.map(({ natural }) => natural)) <= width) return drawn(columns, safe, color);
  const filled = columns.filter(({ empty }) => !empty);
  for (const gap of [GAP, NARROW_GAP]) {
    const widths = fitted(filled, width, gap);
    if (widths !== undefined) return drawn(filled, safe, color, { widths, gap });
  }
  return stacked(head, safe, { color, width });
}

interface Measured {
  /** Whether it is all figures. */
  readonly figures: boolean;
  readonly empty: boolean;
  readonly natural: number;
  /** How wide it is when its head is broken between words. */
  readonly belowHead: number;
  /** How narrow it can be made. */
  readonly least: number;
}

interface Column extends Measured {
  readonly title: string;
  readonly index: number;
}

function measured(title: string, cells: Row): Measured {
  const figures = cells.some(isFigure) && cells.every((cell) => isFigure(cell) || cell === '');
  const widest = Math.max(0, ...cells.map(columnsOf));
  const natural = Math.max(columnsOf(title), widest);
  const longestWord = (text: string): number => Math.max(0, ...(text.split(BREAKS)).map(columnsOf));
  const word = figures ? widest : Math.min(LONGEST_WORD, Math.max(0, ...cells.map(longestWord)));
  const belowHead = Math.max(longestWord(title), widest);
  return { figures, empty: widest === 0, natural, belowHead, least: Math.max(longestWord(title), word, Math.min(widest, NARROWEST)) };
}

function isFigure(cell: string): boolean {
  return /^[+~-]?\d[\d.,]*(?: ?(?:%|s|ms|h|d|m))?$|^·$/.test(cell);
}

function totalOf(widths: readonly number[], gap = GAP): number {
  return widths.reduce((sum, one) => sum + one, gap * (widths.length - 1));
}

/** Breaks heads that are wider than what is below them, then takes from the widest until all fit; undefined where they cannot. */
function fitted(columns: readonly Measured[], width: number, gap: number): readonly number[] | undefined {
  const widths = columns.map(({ natural, belowHead }) => Math.min(natural, belowHead));
  while (totalOf(widths, gap) > width) {
    const spare = widths.map((one, index) => (one > (columns[index]?.least ?? 0) ? one : 0));
    const widest = Math.max(...spare);
    if (widest === 0) return undefined;
    widths[spare.indexOf(widest)] = widest - 1;
  }
  return widths;
}

interface Fit {
  /** Of each column; as wide as it is where none is given. */
  readonly widths?: readonly number[];
  readonly gap: number;
}

function drawn(columns: readonly Column[], rows: readonly Row[], color: boolean, { widths = columns.map(({ natural }) => natural), gap }: Fit = { gap: GAP }): string {
  const { bold } = picocolors.createColors(color);
  const linesOf = (cells: Row, paint = (text: string): string => text): Row => {
    const broken = cells.map((cell, at) => wrapped(cell, widths[at] ?? 0));
    const height = Math.max(...broken.map(({ length }) => length));
    return Array.from({ length: height }, (_, line) => columns.map(({ figures }, at) => aligned(paint(broken[at]?.[line] ?? ''), widths[at] ?? 0, figures)).join(' '.repeat(gap)));
  };
  return trimmed([...linesOf(columns.map(({ title }) => title), bold), ...rows.flatMap((row) => linesOf(columns.map(({ index }) => row[index] ?? '')))]);
}

function aligned(text: string, columns: number, right: boolean): string {
  const room = ' '.repeat(Math.max(0, columns - columnsOf(text)));
  return right ? room + text : text + room;
}

/** A block for each row: its first cell, and below it what else there is. */
function stacked([, ...head]: Row, rows: readonly Row[], { color, width }: TableSheet): string {
  const { bold } = picocolors.createColors(color);
  const label = Math.max(...head.map(columnsOf)) + GAP;
  const room = Math.max(NARROWEST, width - label - GAP);
  const blocks = rows.flatMap(([first = '', ...cells]) => [
    ...wrapped(first, width).map((line) => bold(line)),
    ...cells.flatMap((cell, at) => (cell === '' ? [] : wrapped(cell, room).map((line, index) => `  ${padded(index === 0 ? (head[at] ?? '') : '', label)}${line}`))),
  ]);
  return trimmed(blocks);
}

function trimmed(lines: Row): string {
  return lines.map((line) => line.trimEnd()).join('\n');
}
