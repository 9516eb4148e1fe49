import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileExists, namedIn, testExists } from './named-tests.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = 'test/faults/README.md';
const text = readFileSync(join(ROOT, PAGE), 'utf8');

/** The numbers in the first cells of all tables, one by one: `F1, F3` is two. */
function numbersUnder(letter: string): ReadonlySet<string> {
  const cells = text.split('\n').map((line) => new RegExp(`^\\| (${letter}\\d[^|]*) \\|`).exec(line)?.[1] ?? '');
  return new Set(cells.flatMap((cell) => cell.split(', ')));
}

const upTo = (letter: string, last: number): readonly string[] => Array.from({ length: last }, (_, index) => `${letter}${index + 1}`);

describe(PAGE, () => {
  const { files, tests } = namedIn(text, 'test/faults');

  it('names files that exist', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter((file) => !fileExists(file))).toEqual([]);
  });

  it('names tests that exist, in the file where they are', () => {
    expect(tests.length).toBeGreaterThan(100);
    expect(tests.filter((named) => !testExists(named))).toEqual([]);
  });

  it('has a row for every fault and every invariant', () => {
    expect(upTo('F', 32).filter((number) => !numbersUnder('F').has(number))).toEqual([]);
    expect(upTo('I', 25).filter((number) => !numbersUnder('I').has(number))).toEqual([]);
  });

  it('would be found out if it named what is not there', () => {
    const { tests: [whole, part, gone, homeless] } = namedIn('| `history.test.ts` “notices %s”, “the checker…faults” and “notices %d” |\n| “notices %s” |', 'test/faults');
    expect([whole, part, gone, homeless].map((named) => named !== undefined && testExists(named))).toEqual([true, true, false, false]);
  });
});
