import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, open as openFile, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Libsql from 'libsql';
import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { memberKey } from '../../src/core/model.ts';
import { openLog } from '../../src/observe/log/log.ts';
import { type OpenedStore, openStore } from '../../src/store/open.ts';
import { translateSqliteError } from '../../src/store/engine/sqlite/errors.ts';
import { EXIT_CODES } from '../../src/errors.ts';
import { claimFolder, makeFolders } from '../../src/files.ts';
import { seen } from '../support/organisation.ts';
import { CORP, sync } from '../support/stores.ts';

const isRoot = process.getuid?.() === 0;
const MEMBERS = [seen('zhangsan', { name: '张三 🦊', mobile: '13800138000' }), seen('lisi')];

async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'orgsync-files-'));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** A file system of its own, which needs root. */
async function disk(options: string): Promise<string> {
  const at = await folder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', at]);
  onTestFinished(() => void execFileSync('umount', ['-l', at]));
  return at;
}

async function open(file: string, readOnly = false): Promise<OpenedStore> {
  const opened = await openStore({ clock: systemClock, url: `sqlite:${file}`, readOnly });
  onTestFinished(() => opened.store.close());
  return opened;
}

/** Copies a store that was used, whole, to where it is wanted. The driver lets go of its files some time after they are closed. */
async function used(at: string): Promise<string> {
  const file = path.join(await folder(), 'x.sqlite');
  await use(file);
  new Libsql(file).pragma('wal_checkpoint(TRUNCATE)');
  await copyFile(file, path.join(at, 'used.sqlite'));
  return path.join(at, 'used.sqlite');
}

/** Makes the tables and stores what is given; throws what goes wrong. */
async function use(file: string): Promise<void> {
  const { store, migrator } = await openStore({ clock: systemClock, url: `sqlite:${file}`, readOnly: false });
  try {
    await migrator.migrate();
    await sync(store, MEMBERS);
    expect((await store.findMembers(CORP, [memberKey('zhangsan')])).get(memberKey('zhangsan'))).toMatchObject(MEMBERS[0] ?? {});
  } finally {
    await store.close();
  }
}

describe('an SQLite store does its work', () => {
  test.each([
    ['under a name with blanks, Chinese and %', '企业 通讯录 100%20.sqlite'],
    ['under a name with ? and #', 'a?mode=ro#b.sqlite'],
    ['under a name that begins with file:', 'file:x.sqlite'],
    ['under a name with quotes', `it's "x".sqlite`],
    ['under a name that begins with a dash', '-rf.sqlite'],
    ['under a name of 240 bytes', `${'n'.repeat(233)}.sqlite`],
  ])('%s', async (_, name) => {
    const file = path.join(await folder(), name);
    await use(file);
    expect((await readFile(file)).subarray(0, 6).toString()).toBe('SQLite');
  });

  test('in an empty file, as touch and Docker make it', async () => {
    const file = path.join(await folder(), 'empty.sqlite');
    await writeFile(file, '');
    await use(file);
  });

  test('behind a link to another folder', async () => {
    const [there, here] = [await folder(), await folder()];
    await symlink(path.join(there, 'real.sqlite'), path.join(here, 'link.sqlite'));
    await writeFile(path.join(there, 'real.sqlite'), '');
    await use(path.join(here, 'link.sqlite'));
    expect((await readFile(path.join(there, 'real.sqlite'))).length).toBeGreaterThan(1_000);
  });

  test('beside the -wal and -shm of another store', async () => {
    const at = await folder();
    await use(path.join(at, 'old.sqlite'));
    const file = path.join(at, 'new.sqlite');
    await writeFile(`${file}-wal`, Buffer.alloc(4_096, 7));
    await writeFile(`${file}-shm`, Buffer.alloc(32_768, 7));
    await use(file);
  });

  test.runIf(isRoot)('on a file system without the right to run programs', async () => {
    await use(path.join(await disk('size=20m,noexec,nosuid,nodev'), 'x.sqlite'));
  });

  test('under a umask of 777', async () => {
    const before = process.umask(0o777);
    onTestFinished(() => void process.umask(before));
    await use(path.join(await folder(), 'x.sqlite')).finally(() => process.umask(before));
  });
});

describe('an SQLite store that cannot be used is told as such, with its file:', () => {
  test.each<[string, (file: string) => Promise<unknown>, number]>([
    ['a folder, as Docker makes it for a file that is missing', (file) => mkdir(file), 78],
    ['zeros, as after a power cut', (file) => writeFile(file, Buffer.alloc(8_192)), 78],
    ['a text', (file) => writeFile(file, 'corps:\n  - id: ww1\n'.repeat(100)), 78],
    ['a gzip of a store', (file) => writeFile(file, Buffer.from('1f8b0800000000000003', 'hex')), 78],
    ['a pipe that nobody writes', async (file) => Promise.resolve(execFileSync('mkfifo', [file])), 78],
    ['/dev/null behind a link', (file) => symlink('/dev/null', file), 78],
    ['a link to nothing in a folder that is missing', (file) => symlink('/proc/gone/x.sqlite', file), 78],
  ])('%s', async (_, make, exit) => {
    const file = path.join(await folder(), 'x.sqlite');
    await make(file);
    const error: unknown = await use(file).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: expect.any(String) as string, message: expect.stringContaining(file) as string, hint: expect.stringMatching(/\w{3}/) as string });
    expect(EXIT_CODES[(error as { kind: keyof typeof EXIT_CODES }).kind]).toBe(exit);
  });

  test('one that was cut in the middle', async () => {
    const file = await used(await folder());
    await truncate(file, 20_000);
    const { store } = await open(file);
    await expect(sync(store, MEMBERS)).rejects.toMatchObject({ kind: 'config', code: 'store_not_a_database', hint: expect.stringContaining('backup') as string });
  });

  test('one with a page of rubbish', async () => {
    const file = await used(await folder());
    const handle = await openFile(file, 'r+');
    for (let page = 1; page < 40; page += 1) await handle.write(Buffer.alloc(4_000, 0x5a), 0, 4_000, page * 4_096);
    await handle.close();
    const { store } = await open(file);
    await expect(sync(store, MEMBERS)).rejects.toMatchObject({ kind: 'config', code: 'store_not_a_database' });
  });

  test.runIf(isRoot)('one on a file system without inodes to spare', async () => {
    const at = await disk('size=20m,nr_inodes=2');
    await expect(use(path.join(at, 'x.sqlite'))).rejects.toMatchObject({ kind: 'config', hint: expect.stringMatching(/\w{3}/) as string });
  });

  test.runIf(isRoot)('one on a file system that became read-only, as after an error of the disk', async () => {
    const at = await disk('size=20m');
    const file = await used(at);
    execFileSync('mount', ['-o', 'remount,ro', at]);
    const { store } = await open(file);
    await expect(sync(store, MEMBERS)).rejects.toMatchObject({ hint: expect.stringMatching(/write/) as string });
    // SQLite makes a file beside it for readers as well.
    await expect((await open(file, true)).store.findByPhones(['+8613800138000'])).rejects.toMatchObject({ kind: 'config', code: 'store_path', hint: expect.stringContaining('write the file and its folder') as string });
  });

  test.each<[string, string, number]>([
    ['NFS without locks', 'SQLITE_PROTOCOL', 78],
    ['SMB without shared memory', 'SQLITE_IOERR_SHMMAP', 78],
    ['a volume that cannot lock', 'SQLITE_IOERR_LOCK', 78],
    ['a stale handle of NFS, a disk that dies', 'SQLITE_IOERR_READ', 69],
    ['no memory', 'SQLITE_NOMEM', 69],
  ])('one on %s', (_, code, exit) => {
    const { kind, hint } = translateSqliteError(Object.assign(new Error('what it says'), { code }), '/data/orgsync.sqlite');
    expect([EXIT_CODES[kind], hint]).toEqual([exit, expect.stringMatching(exit === 78 ? /local disk/ : /\w{3}/)]);
  });
});

describe('a log goes where it can, and holds nothing up:', () => {
  async function write(file: string): Promise<readonly string[]> {
    const warnings: string[] = [];
    const log = openLog(
      { level: 'info', format: 'json', console: 'never', file },
      { terminal: { interactive: false, json: false, verbose: 0, warn: (text) => void warnings.push(text) }, scrub: (text) => text, version: '1', streams: { stdout: process.stdout, stderr: process.stderr } },
    );
    log.log('info', 'a', 'a');
    await log.close();
    return warnings;
  }

  test('a pipe that nobody reads', async () => {
    const file = path.join(await folder(), 'pipe');
    execFileSync('mkfifo', [file]);
    const began = performance.now();
    expect(await write(file)).toEqual([expect.stringContaining('cannot be written')]);
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  test('a file that only root may write', async () => {
    const file = path.join(await folder(), 'x.log');
    await writeFile(file, '');
    await chmod(file, 0o444);
    expect(await write(file)).toHaveLength(isRoot ? 0 : 1);
  });

  test('a file that is a folder by now, as after a mistaken mkdir -p', async () => {
    const file = path.join(await folder(), 'x.log');
    await mkdir(file);
    expect(await write(file)).toEqual([expect.stringContaining('EISDIR')]);
  });

  test.runIf(isRoot)('a file system without inodes to spare', async () => {
    expect(await write(path.join(await disk('size=1m,nr_inodes=1'), 'x.log'))).toEqual([expect.stringContaining('ENOSPC')]);
  });
});

describe('a folder for temporary files', () => {
  test('that cannot be made, though the one above it is there, is an error at once', async () => {
    await expect(claimFolder('/proc/gone/orgsync-0')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(makeFolders('/proc/gone/one/two', 0o700)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('is made with those above it', async () => {
    const at = path.join(await folder(), 'one', 'two', 'three');
    await makeFolders(at, 0o700);
    await makeFolders(at, 0o700);
    expect(await claimFolder(path.join(at, 'four'))).toBeUndefined();
  });
});
