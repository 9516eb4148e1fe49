import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** A package as package-lock.json knows it. */
interface Locked {
  readonly dev?: boolean;
  readonly link?: boolean;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
}

const { packages } = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as { packages: Readonly<Record<string, Locked>> };
const { files } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { files: readonly string[] };
const installed = Object.entries(packages).filter(([path]) => path !== '');
const ofRuntime = installed.filter(([, { dev = false }]) => !dev);

/** What npm runs when it installs a package; `binding.gyp` makes it compile. */
function installScripts(path: string): readonly string[] {
  const folder = new URL(`../../${path}/`, import.meta.url);
  if (!existsSync(folder)) return [];
  const { scripts = {} } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { scripts?: Readonly<Record<string, string>> };
  return [...['preinstall', 'install', 'postinstall'].filter((name) => name in scripts), ...(existsSync(new URL('binding.gyp', folder)) ? ['binding.gyp'] : [])];
}

test('nothing that orgsync runs with is allowed to run anything when it is installed', () => {
  expect(ofRuntime.length).toBeGreaterThan(20);
  expect(ofRuntime.filter(([, { hasInstallScript = false }]) => hasInstallScript).map(([path]) => path)).toEqual([]);
  expect(ofRuntime.flatMap(([path]) => installScripts(path).map((script) => `${path}: ${script}`))).toEqual([]);
});

test('nor is anything that it is built and tested with', () => {
  expect(installed.flatMap(([path]) => installScripts(path).map((script) => `${path}: ${script}`))).toEqual([]);
});

test('every package is pinned by its checksum', () => {
  expect(installed.filter(([, { integrity = '', link = false }]) => link || !integrity.startsWith('sha512-')).map(([path]) => path)).toEqual([]);
});

test('what is published is what is built and written for users, and no test', () => {
  expect(files).toContain('bin');
  expect(files.filter((entry) => /^(\.|\*|test|src|node_modules)/.test(entry))).toEqual([]);
});
