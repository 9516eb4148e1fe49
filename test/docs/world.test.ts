import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileExists, type NamedTest, namedIn, testExists } from './named-tests.ts';

const FOLDER = 'test/world';
const root = join(import.meta.dirname, '../..');
const text = readFileSync(join(root, FOLDER, 'README.md'), 'utf8');

/** The title of a test, or the first text of a case, where a line begins with it. */
const CASE = /^\s*(?:\[|(?:test|it)(?:\.(?:runIf|skipIf)\(.*?\))?\()'([^']+)'/;

/** Every test of the folder, and every case of its tables. */
function casesOf(file: string): readonly NamedTest[] {
  const lines = readFileSync(join(root, file), 'utf8').split('\n');
  return lines.flatMap((line) => {
    const title = CASE.exec(line)?.[1];
    return title === undefined ? [] : [{ file, title }];
  });
}

describe(`${FOLDER}/README.md`, () => {
  const { files, tests } = namedIn(text, FOLDER);

  it('has a row for eighty kinds of trouble and more', () => {
    const rows = text.split('\n').filter((line) => /^\| (?!trouble |---)/.test(line));
    expect(rows.length).toBeGreaterThanOrEqual(80);
    expect(rows.filter((row) => namedIn(row, FOLDER).tests.length === 0)).toEqual([]);
  });

  it('names files that exist', () => {
    expect(files.filter((file) => !fileExists(file))).toEqual([]);
  });

  it('names tests that exist, in the file where they are', () => {
    expect(tests.filter((named) => !testExists(named))).toEqual([]);
  });

  it('names every test in its folder, and every case of one', () => {
    const named = new Set(tests.map(({ file, title }) => `${file} ${title}`));
    const cases = readdirSync(join(root, FOLDER)).filter((file) => file.endsWith('.test.ts')).flatMap((file) => casesOf(`${FOLDER}/${file}`));
    expect(cases.length).toBeGreaterThan(200);
    expect(cases.filter(({ file, title }) => !named.has(`${file} ${title}`))).toEqual([]);
  });
});
