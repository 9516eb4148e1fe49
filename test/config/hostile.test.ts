import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, lchownSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { CORP, failure, folder, load } from './support.ts';

const isRoot = process.getuid?.() === 0;
const S = { S: 'correct-horse' };
const FOREIGN = 65_531;

describe('a configuration that is made to hurt ends at once, as an error in it', () => {
  const many = 100_000;
  it.each([
    ['brackets', `a: ${'['.repeat(many)}`],
    ['braces', '{'.repeat(many)],
    ['keys in braces', '{a: '.repeat(many)],
    ['brackets that are closed', `${'['.repeat(many)}${']'.repeat(many)}`],
    ['lists in lists', '- '.repeat(many)],
    ['keys of keys', '? '.repeat(many)],
    ['JSON', `${'{"a":'.repeat(many)}1${'}'.repeat(many)}`],
    ['ever deeper lines', Array.from({ length: 2_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['ever deeper lists', Array.from({ length: 2_000 }, (_, depth) => `${' '.repeat(depth)}-`).join('\n')],
    ['an alias bomb', `a0: &a0 [x, x, x, x, x, x, x, x, x]\n${Array.from({ length: 20 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array.from({ length: 9 }, () => `*a${n}`).join(', ')}]`).join('\n')}`],
    ['an alias within itself', 'a: &a [*a]'],
  ])('%s', async (_, text) => {
    for (const name of ['config.yml', 'config.json', 'config']) {
      const root = folder({ [name]: text });
      const startedAt = performance.now();
      const { kind, message } = await failure(loadConfig({ explicitPath: join(root, name), env: {}, cwd: root, home: root }));
      expect(performance.now() - startedAt).toBeLessThan(1_000);
      expect(kind).toBe('config');
      expect(message.length).toBeLessThan(10_000);
    }
  });

  it.each([
    ['keys', 'k'],
    ['the same key', 'a'],
    ['@', '@'],
  ])('a hundred thousand lines of %s are told in a few', async (_, key) => {
    const text = Array.from({ length: many }, (_nothing, n) => `${key}${key === 'k' ? n : ''}: ${n}`).join('\n');
    const { message } = await failure(load(text));
    expect(message.length).toBeLessThan(20_000);
  });

  it('what never ends, or is larger than any configuration', async () => {
    expect((await failure(loadConfig({ explicitPath: '/dev/zero', env: {}, cwd: '/', home: '/' }))).message).toContain('is larger than 4 MB');
    expect((await failure(load(`${CORP}${'#\n'.repeat(2_500_000)}`))).message).toContain('is larger than 4 MB');
  });

  it('a pipe that nobody writes', async () => {
    const pipe = join(folder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect((await failure(loadConfig({ explicitPath: pipe, env: {}, cwd: '/', home: '/' }))).message).toContain('the file is empty');
  });

  it.each([
    ['never comes to an end', 'export default await new Promise(() => undefined);', 'within 10 s'],
    ['contains itself', 'const a = { corps: [] }; a.corps.push(a); export default a;', 'nested too deep'],
    ['contains very much', 'let a = ["x"]; for (let n = 0; n < 60; n += 1) a = [a, a]; export default a;', 'nested too deep'],
    ['throws', 'throw new Error("on purpose");', 'on purpose'],
  ])('JavaScript that %s', async (_, text, words) => {
    const root = folder({ 'config.mjs': text });
    const { kind, message } = await failure(loadConfig({ explicitPath: join(root, 'config.mjs'), env: {}, cwd: root, home: root }));
    expect([kind, message]).toEqual(['config', expect.stringContaining(words)]);
  });

  it('but ten thousand corps are read', async () => {
    const { config } = await load(`corps:\n${Array.from({ length: 10_000 }, (_, n) => `  - { id: ww${n}, name: "corp [{ ${n}", secret: secret-${n} }`).join('\n')}\n`);
    expect('query' in config.corps ? 0 : config.corps.length).toBe(10_000);
  });
});

/** Searches in `cwd`, as from a shell there. */
const search = (cwd: string) => loadConfig({ env: S, cwd, home: join(cwd, 'home') });

describe.runIf(isRoot)('a configuration that was searched for', () => {
  const NAMES = ['config.yml', 'orgsync.config.yml', 'orgsync.config.yaml', 'orgsync.config.json', 'orgsync.config.js', '.orgsyncrc', '.orgsyncrc.yml', '.orgsyncrc.json', '.orgsyncrc.js'];
  const textOf = (name: string): string => (name.endsWith('.js') ? 'globalThis.wasRun = true; module.exports = { corps: [{ id: "ww1", secret: "x1234567" }] };' : '{"corps": [{"id": "ww1", "secret": "x1234567"}]}');

  it.each(NAMES)('and belongs to another account is refused, and never run: %s', async (name) => {
    const root = folder({ [name]: textOf(name) });
    chownSync(join(root, name), FOREIGN, FOREIGN);
    const error = await failure(search(root));
    expect([error.kind, error.code, 'wasRun' in globalThis]).toEqual(['config', 'config_untrusted', false]);
    expect(error.message).toContain('belongs to another account');
    expect(error.hint).toContain(`--config ${join(root, name)}`);
  });

  it.each<[string, (root: string) => void, string]>([
    ['that every account may write', (root) => chmodSync(join(root, 'config.yml'), 0o666), 'may be written by every account'],
    ['that a foreign group may write', (root) => (chownSync(join(root, 'config.yml'), 0, FOREIGN), chmodSync(join(root, 'config.yml'), 0o664)), 'may be written by a group'],
    ['in a folder that every account may write', (root) => chmodSync(root, 0o777), 'which every account may write'],
    ['in a folder that a foreign group may write', (root) => (chownSync(root, 0, FOREIGN), chmodSync(root, 0o775)), 'which a group of other accounts may write'],
    ['in a folder of another account', (root) => chownSync(root, FOREIGN, FOREIGN), 'belongs to another account'],
    ['behind a link of another account', (root) => { renameSync(join(root, 'config.yml'), join(root, 'real')); symlinkSync('real', join(root, 'config.yml')); lchownSync(join(root, 'config.yml'), FOREIGN, FOREIGN); }, 'by the link'],
    ['behind a link, in a folder that every account may write', (root) => { mkdirSync(join(root, 'open')); renameSync(join(root, 'config.yml'), join(root, 'open/real')); symlinkSync('open/real', join(root, 'config.yml')); chmodSync(join(root, 'open'), 0o777); }, 'which every account may write'],
    ['behind a link to a file of another account', (root) => { renameSync(join(root, 'config.yml'), join(root, 'real')); symlinkSync(join(root, 'real'), join(root, 'config.yml')); chownSync(join(root, 'real'), FOREIGN, FOREIGN); }, 'belongs to another account'],
  ])('is refused %s', async (_, spoil, words) => {
    const root = folder({ 'config.yml': CORP });
    spoil(root);
    const error = await failure(search(root));
    expect([error.code, error.message]).toEqual(['config_untrusted', expect.stringContaining(words)]);
  });

  it('below a folder that every account may write is refused', async () => {
    const root = folder({ 'below/config.yml': CORP });
    chmodSync(root, 0o777);
    expect((await failure(search(join(root, 'below')))).code).toBe('config_untrusted');
    chmodSync(root, 0o1777);
    expect((await search(join(root, 'below'))).warnings).toEqual([]);
  });

  it('is refused in a folder above and in the home folder as well', async () => {
    const root = folder({ '.orgsyncrc.js': textOf('.orgsyncrc.js'), 'a/b/.keep': '', 'else/home/.config/orgsync/config.yml': CORP });
    chownSync(join(root, '.orgsyncrc.js'), FOREIGN, FOREIGN);
    expect((await failure(search(join(root, 'a/b')))).code).toBe('config_untrusted');
    rmSync(join(root, '.orgsyncrc.js'));
    chownSync(join(root, 'else/home/.config/orgsync/config.yml'), FOREIGN, FOREIGN);
    expect((await failure(search(join(root, 'else')))).code).toBe('config_untrusted');
  });

  it.each<[string, (root: string) => void]>([
    ['of this account', () => undefined],
    ['that root’s own group may write', (root) => chmodSync(join(root, 'config.yml'), 0o664)],
    ['behind a link of this account', (root) => { renameSync(join(root, 'config.yml'), join(root, 'real')); symlinkSync('real', join(root, 'config.yml')); }],
    ['in a folder where each account removes its own files only', (root) => chmodSync(root, 0o1777)],
  ])('%s is read without a word', async (_, prepare) => {
    const root = folder({ 'config.yml': CORP });
    prepare(root);
    expect((await search(root)).warnings).toEqual([]);
  });

  it('is believed when it is named, with a warning where others may write', async () => {
    const root = folder({ 'config.yml': CORP });
    chmodSync(join(root, 'config.yml'), 0o662);
    for (const named of [{ explicitPath: join(root, 'config.yml'), env: S }, { env: { ...S, ORGSYNC_CONFIG: join(root, 'config.yml') } }]) {
      const { warnings } = await loadConfig({ ...named, cwd: '/', home: '/' });
      expect(warnings).toEqual([{ message: `${join(root, 'config.yml')} may be written by every account`, fix: `chmod o-w ${join(root, 'config.yml')}` }]);
    }
  });
});

it('runs nothing of the working directory but the configuration itself: .config/config.js is not ours', async () => {
  const root = folder({ 'orgsync.config.json': '{"corps": [{"id": "ww1", "secret": "x1234567"}]}', '.config/config.js': 'globalThis.wasRunAsWell = true; module.exports = {};'});
  const before = process.cwd();
  process.chdir(root);
  try {
    await search(root);
  } finally {
    process.chdir(before);
  }
  expect('wasRunAsWell' in globalThis).toBe(false);
});

describe('what the operating system does not know is not asked for', () => {
  const nowhere = (env: Readonly<Record<string, string>>, explicitPath?: string) => ({
    env,
    explicitPath,
    get cwd(): string {
      throw Object.assign(new Error('uv_cwd'), { code: 'ENOENT' });
    },
    get home(): string {
      throw Object.assign(new Error('uv_os_homedir'), { code: 'ENOENT' });
    },
  });

  it('neither the working directory nor a home, for a configuration that is named by its absolute path', async () => {
    const root = folder({ 'config.yml': CORP });
    expect((await loadConfig(nowhere(S, join(root, 'config.yml')))).path).toBe(join(root, 'config.yml'));
  });

  it('and what needs them says so', async () => {
    expect((await failure(loadConfig(nowhere(S, 'config.yml')))).message).toContain('the working directory no longer exists');
    expect((await failure(loadConfig(nowhere(S)))).code).toBe('config_missing');
  });

  it('and a home that is no absolute path is none', async () => {
    const root = folder({ '.config/orgsync/config.yml': CORP });
    const before = process.cwd();
    process.chdir(root);
    try {
      expect((await failure(loadConfig({ env: S, cwd: join(root, 'elsewhere'), home: '' }))).code).toBe('config_missing');
    } finally {
      process.chdir(before);
    }
  });
});

it('writes of a file what cannot be read, and never guesses', async () => {
  const root = folder();
  writeFileSync(join(root, 'x'), '');
  expect((await failure(loadConfig({ explicitPath: join(root, 'x/y'), env: {}, cwd: root, home: root }))).code).toBe('config_missing');
  symlinkSync('loop', join(root, 'loop'));
  expect((await failure(loadConfig({ explicitPath: join(root, 'loop'), env: {}, cwd: root, home: root }))).message).toContain('ELOOP');
});
