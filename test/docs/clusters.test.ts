import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileExists, namedIn, testExists } from './named-tests.ts';

const PAGE = 'docs/clusters.md';
const { files, tests } = namedIn(readFileSync(join(import.meta.dirname, '../..', PAGE), 'utf8'), '(no folder)');

describe(PAGE, () => {
  it('names files and tests that exist', () => {
    expect(tests.length).toBeGreaterThan(10);
    expect(files.filter((file) => !fileExists(file))).toEqual([]);
    expect(tests.filter((named) => !testExists(named))).toEqual([]);
  });

  it('names every test of test/clusters', () => {
    const named = tests.map(({ file, title }) => ({ file, pattern: new RegExp(title.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)).join('.*')) }));
    const unnamed = ['galera', 'group-replication', 'failover', 'sentinel', 'redis-cluster'].flatMap((name) => {
      const file = `test/clusters/${name}.test.ts`;
      const titles = [...readFileSync(join(import.meta.dirname, '../..', file), 'utf8').matchAll(/^ *test(?:\.each\([^\n]*\))?\('([^']+)'/gm)].map(([, title = '']) => title);
      return titles.filter((title) => !named.some((one) => one.file === file && one.pattern.test(title)));
    });
    expect(unnamed).toEqual([]);
  });
});
