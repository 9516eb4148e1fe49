import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileExists, namedIn, testExists } from './named-tests.ts';

const PAGE = 'docs/security.md';
const [, section = ''] = readFileSync(join(import.meta.dirname, '../..', PAGE), 'utf8').split('## Who is trusted with what');
const table = section.slice(0, section.indexOf('\n## '));
/** The rows of the table, without its head. */
const rows = table.split('\n').filter((line) => line.startsWith('|')).slice(2);

describe(`the threat model of ${PAGE}`, () => {
  it('speaks of everybody who could turn bad', () => {
    for (const who of ['writes the configuration', 'working directory', 'environment', 'installation', 'another account of the host', 'runs Redis', 'runs the database', 'network', 'proxy', 'at WeCom', 'is told', 'package']) expect(table).toContain(who);
  });

  it('names a test in every line, which exists in the file where it is said to be', () => {
    expect(rows.length).toBeGreaterThan(20);
    const wrong = rows.filter((row) => {
      const { files, tests } = namedIn(row, '(no folder)');
      return tests.length === 0 || !files.every(fileExists) || !tests.every(testExists);
    });
    expect(wrong).toEqual([]);
  });
});
