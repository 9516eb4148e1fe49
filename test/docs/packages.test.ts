import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { IN_PLACE_OF, LATE, loadedLate } from '../../build/patches.js';

const ROOT = new URL('../../', import.meta.url);
const text = (path: string): Promise<string> => readFile(new URL(path, ROOT), 'utf8');

describe('a patch of the bundle', () => {
  it.each(Object.entries(LATE))('of %s still finds %s to load late', async (file, name) => {
    const code = await text(`node_modules/${file}`);
    const patched = loadedLate(code, name);
    expect(patched).toContain(`const ${name} = () => require(`);
    expect(patched.split('\n')).toHaveLength(code.split('\n').length);
    expect(patched.match(new RegExp(`\\b${name}\\b(?!\\(\\)| = \\(\\) =>)`, 'g')) ?? []).toEqual([]);
  });

  it('that finds nothing to change is an error', () => {
    expect(() => loadedLate("import Errors from './errors.js';", 'Errors')).toThrow('nothing to change');
    expect(() => loadedLate("const Errors = require('./errors.js');", 'Errors')).toThrow('nothing to change');
  });

  it('stands in the table, with its version and where it is reported', async () => {
    const decision = await text('docs/decisions/009-a-bundle-compiled-once.md');
    const packages = new Set([...Object.keys(IN_PLACE_OF), ...Object.keys(LATE).map((file) => file.split('/')[0] ?? '')]);
    const rows = [...decision.matchAll(/^\| (\S+) (\d+) \| .* \| .* ms.* \| .+ \|$/gm)].map(([, name = '', major = '']) => [name, major]);
    expect(new Set(rows.map(([name]) => name))).toEqual(packages);
    for (const [name = '', major] of rows) expect([name, (JSON.parse(await text(`node_modules/${name}/package.json`)) as { version: string }).version.split('.')[0]]).toEqual([name, major]);
  });
});

it('every dependency stands in the README, with its major version', async () => {
  const { dependencies } = JSON.parse(await text('package.json')) as { dependencies: Readonly<Record<string, string>> };
  const rows = [...(await text('README.md')).matchAll(/^\| (\S+) (\d+(?:\.\d+)?)(?: \(.*?\))? \| [^|]+ \| [^|]*20\d\d, [^|]+ \| [^|]+ \|$/gm)].map(([, name = '', version = '']) => [name, version]);
  expect(rows).toEqual(expect.arrayContaining(Object.entries(dependencies).map(([name, range]) => [name, /^\^(0\.\d+|\d+)/.exec(range)?.[1]])));
  expect(rows.map(([name]) => name).filter((name = '') => !(name in dependencies))).toEqual(['echarts']);
});
