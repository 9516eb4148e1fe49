import picocolors from 'picocolors';
import { plain, plainButPainted } from './text.ts';
import { BREAKS, columnsOf, pad, wrap } from './width.ts';

/** How a table is shown. */
export interface TableSheet {
  readonly color: boolean;
  /** The columns of the terminal; Infinity when stdout is not a terminal, because programs read line by line. */
  readonly width: number;
}

type Row = readonly string[];

/** The spaces between two columns. */
const GAP = 2;
/** The same on a terminal that is too narrow for {@link GAP}. */
const NARROW_GAP = 1;
/** Text is wrapped into lines of at least this width. */
const NARROWEST = 10;
/** Words longer than this are broken. */
const LONGEST_WORD = 20;

/** Formats a table: see `Terminal.table`. */
export function alignedTable(head: Row, rows: readonly Row[], { color, width }: TableSheet): string {
  const safe = rows.map((row) => row.map(color ? plainButPainted : plain));
  const columns = head.map((title, index) => ({ title, index, ...measure(title, safe.map((row) => row[index] ?? '')) }));
  if (totalOf(columns.map(({ natural }) => natural)) <= width) return draw(columns, safe, color);
  const filled = columns.filter(({ empty }) => !empty);
  for (const gap of [GAP, NARROW_GAP]) {
    const widths = fit(filled, width, gap);
    if (widths !== undefined) return draw(filled, safe, color, { widths, gap });
  }
  return stack(head, safe, { color, width });
}

interface Measured {
  /** Whether all cells are figures. */
  readonly figures: boolean;
  readonly empty: boolean;
  readonly natural: number;
  /** The width when its head is wrapped between words. */
  readonly belowHead: number;
  /** The smallest width. */
  readonly least: number;
}

interface Column extends Measured {
  readonly title: string;
  readonly index: number;
}

function measure(title: string, cells: Row): Measured {
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

/** Finds widths that fit: wraps heads that are wider than their cells, then makes the widest column narrower until all fit; undefined when they cannot. */
function fit(columns: readonly Measured[], width: number, gap: number): readonly number[] | undefined {
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
  /** The width of each column; the natural widths by default. */
  readonly widths?: readonly number[];
  readonly gap: number;
}

function draw(columns: readonly Column[], rows: readonly Row[], color: boolean, { widths = columns.map(({ natural }) => natural), gap }: Fit = { gap: GAP }): string {
  const { bold } = picocolors.createColors(color);
  const linesOf = (cells: Row, paint = (text: string): string => text): Row => {
    const broken = cells.map((cell, at) => wrap(cell, widths[at] ?? 0));
    const height = Math.max(...broken.map(({ length }) => length));
    return Array.from({ length: height }, (_, line) => columns.map(({ figures }, at) => align(paint(broken[at]?.[line] ?? ''), widths[at] ?? 0, figures)).join(' '.repeat(gap)));
  };
  return joinLines([...linesOf(columns.map(({ title }) => title), bold), ...rows.flatMap((row) => linesOf(columns.map(({ index }) => row[index] ?? '')))]);
}

function align(text: string, columns: number, right: boolean): string {
  const room = ' '.repeat(Math.max(0, columns - columnsOf(text)));
  return right ? room + text : text + room;
}

/** Formats each row as a block: its first cell, and below it the other cells with their titles. */
function stack([, ...head]: Row, rows: readonly Row[], { color, width }: TableSheet): string {
  const { bold } = picocolors.createColors(color);
  const label = Math.max(...head.map(columnsOf)) + GAP;
  const room = Math.max(NARROWEST, width - label - GAP);
  const blocks = rows.flatMap(([first = '', ...cells]) => [
    ...wrap(first, width).map((line) => bold(line)),
    ...cells.flatMap((cell, at) => (cell === '' ? [] : wrap(cell, room).map((line, index) => `  ${pad(index === 0 ? (head[at] ?? '') : '', label)}${line}`))),
  ]);
  return joinLines(blocks);
}

/** Joins lines without the spaces at their ends. */
function joinLines(lines: Row): string {
  return lines.map((line) => line.trimEnd()).join('\n');
}
