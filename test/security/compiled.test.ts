import { execFile, spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, chown, cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;
const isRoot = process.getuid?.() === 0;
const FOREIGN = 65_531;
const PLANTED = 'planted code has run';

/** An installation of its own, in which nothing was compiled yet. */
let installation: string;
let compiled: string;
beforeEach(async () => {
  installation = await mkdtemp(join(tmpdir(), 'orgsync-installation-'));
  onTestFinished(() => rm(installation, { recursive: true, force: true }));
  for (const part of ['bin', 'dist', 'package.json']) await cp(join(ROOT, part), join(installation, part), { recursive: true, filter: (path) => !path.includes('.compiled') });
  await symlink(join(ROOT, 'node_modules'), join(installation, 'node_modules'));
  compiled = join(installation, 'dist/.compiled');
});

/** Starts the program under a umask, as an account; returns what it printed. */
async function start(umask: string, { uid }: { readonly uid?: number } = {}): Promise<string> {
  const child = spawn('sh', ['-c', `umask ${umask}; exec "$0" "$1" --version`, process.execPath, join(installation, 'bin/orgsync.js')], { env: { PATH: '/usr/bin:/bin' }, stdio: ['ignore', 'pipe', 'inherit'], ...(uid === undefined ? {} : { uid, gid: uid }) });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (printed += chunk));
  await once(child, 'close');
  return printed;
}

/** Every file and folder that was kept, with its mode and owner. */
async function modes(): Promise<readonly string[]> {
  const names = await readdir(compiled, { recursive: true });
  const all = await Promise.all([compiled, ...names.map((name) => join(compiled, name))].map((path) => lstat(path)));
  return [...new Set(all.map((found) => `${found.isDirectory() ? 'folder' : 'file'} ${(found.mode & 0o777).toString(8)} ${found.uid}`))].sort();
}

/** Where the program keeps what it compiled of its first chunk. */
async function keptFile(): Promise<string> {
  const names = await readdir(compiled, { recursive: true });
  const name = names.find((one) => one.includes('cli.cjs-'));
  if (name === undefined) throw new Error('nothing was kept');
  return join(compiled, name);
}

/** Puts other code in the place of what was kept. V8 takes it for that of any source of the same length. */
async function plant(): Promise<string> {
  const file = await keptFile();
  const { length } = await readFile(join(installation, 'dist/cli.cjs'), 'latin1');
  const evil = `process.stdout.write(${JSON.stringify(PLANTED)});`;
  const program = 'const [source, length, filename] = process.argv.slice(1); const wrapped = require("node:module").wrap(source.padEnd(Number(length))); process.stdout.write(new (require("node:vm").Script)(wrapped, { filename }).createCachedData().toString("base64"))';
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program, evil, String(length), join(installation, 'dist/cli.cjs')]);
  const bytes = Buffer.from(stdout, 'base64');
  await writeFile(file, Buffer.concat([bytes, hash('sha256', bytes, 'buffer')]));
  return file;
}

test.each(['000', '002', '022', '077'])('what was compiled has the same modes under a umask of %s', async (umask) => {
  await start(umask);
  expect(await modes()).toEqual([`file 644 ${process.getuid?.()}`, `folder 755 ${process.getuid?.()}`]);
});

test('what an earlier version left open is closed by the next start, and written anew', async () => {
  await start('022');
  const file = await plant();
  for (const path of [compiled, join(file, '..')]) await chmod(path, 0o777);
  await chmod(file, 0o666);
  expect(await start('022')).not.toContain(PLANTED);
  expect(await modes()).toEqual([`file 644 ${process.getuid?.()}`, `folder 755 ${process.getuid?.()}`]);
  expect(await start('022')).toMatch(/^\d+\.\d+/);
});

test('planted code would run if it were the owner’s own: what these tests plant is no dud', async () => {
  await start('022');
  await plant();
  expect(await start('022')).toContain(PLANTED);
});

describe.runIf(isRoot)('of another account', () => {
  test.each<[string, (file: string) => Promise<void>]>([
    ['a file', (file) => chown(file, FOREIGN, FOREIGN)],
    ['a file that others may write', (file) => chmod(file, 0o666)],
    ['a file that a group may write', (file) => chmod(file, 0o664)],
    ['a folder', (file) => chown(join(file, '..'), FOREIGN, FOREIGN)],
    ['the folder of all', () => chown(compiled, FOREIGN, FOREIGN)],
    ['a folder that others may write', (file) => chmod(join(file, '..'), 0o777)],
  ])('%s with compiled code is not believed', async (_, give) => {
    await start('022');
    await give(await plant());
    expect(await start('022')).not.toContain(PLANTED);
  });

  test('a link in the place of the folder is not followed, and nothing is written behind it', async () => {
    await start('022');
    await plant();
    const elsewhere = join(installation, 'elsewhere');
    await cp(compiled, elsewhere, { recursive: true });
    await rm(compiled, { recursive: true });
    await symlink(elsewhere, compiled);
    expect(await start('022')).not.toContain(PLANTED);
    await rm(elsewhere, { recursive: true });
    await mkdir(elsewhere);
    await start('022');
    expect(await readdir(elsewhere)).toEqual([]);
  });

  test('who starts the installation of root leaves nothing in it', async () => {
    await chmod(installation, 0o755);
    await chmod(join(installation, 'dist'), 0o777);
    expect(await start('000', { uid: FOREIGN })).toMatch(/^\d+\.\d+/);
    await expect(readdir(compiled)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
