import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = 'test/faults/README.md';
const text = readFileSync(join(ROOT, PAGE), 'utf8');

/** A test as the page names it: its title belongs to the file named last before it in the same line. */
interface Named {
  readonly file: string;
  readonly title: string;
}

const MENTION = /`([^`\s]+\.(?:ts|js))`|“([^”]+)”/g;

/** A file without a folder stands beside the page. */
function pathOf(file: string): string {
  return file.includes('/') ? file : `test/faults/${file}`;
}

function namedIn(page: string): { readonly files: readonly string[]; readonly tests: readonly Named[] } {
  const files: string[] = [];
  const tests: Named[] = [];
  for (const line of page.split('\n')) {
    let last = '(no file)';
    for (const [, file, title] of line.matchAll(MENTION)) {
      if (file !== undefined) files.push((last = pathOf(file)));
      else if (title !== undefined) tests.push({ file: last, title });
    }
  }
  return { files, tests };
}

/** Whether one line of the file, a comment apart, holds the title; `…` stands for what was left out. */
function isThere({ file, title }: Named): boolean {
  if (!existsSync(join(ROOT, file))) return false;
  const pieces = title.split('…').map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  const wanted = new RegExp(`['\`].*${pieces.join('.*')}`);
  return readFileSync(join(ROOT, file), 'utf8').split('\n').some((line) => wanted.test(line) && !/^\s*(?:\/\/|\/?\*)/.test(line));
}

/** The numbers in the first cells of all tables, one by one: `F1, F3` is two. */
function numbersUnder(letter: string): ReadonlySet<string> {
  const cells = text.split('\n').map((line) => new RegExp(`^\\| (${letter}\\d[^|]*) \\|`).exec(line)?.[1] ?? '');
  return new Set(cells.flatMap((cell) => cell.split(', ')));
}

const upTo = (letter: string, last: number): readonly string[] => Array.from({ length: last }, (_, index) => `${letter}${index + 1}`);

describe(PAGE, () => {
  const { files, tests } = namedIn(text);

  it('names files that exist', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  it('names tests that exist, in the file where they are', () => {
    expect(tests.length).toBeGreaterThan(100);
    expect(tests.filter((named) => !isThere(named))).toEqual([]);
  });

  it('has a row for every fault and every invariant', () => {
    expect(upTo('F', 32).filter((number) => !numbersUnder('F').has(number))).toEqual([]);
    expect(upTo('I', 25).filter((number) => !numbersUnder('I').has(number))).toEqual([]);
  });

  it('would be found out if it named what is not there', () => {
    const { tests: [whole, part, gone, homeless] } = namedIn('| `history.test.ts` “notices %s”, “the checker…faults” and “notices %d” |\n| “notices %s” |');
    expect([whole, part, gone, homeless].map((named) => named !== undefined && isThere(named))).toEqual([true, true, false, false]);
  });
});
