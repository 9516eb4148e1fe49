import { randomUUID } from 'node:crypto';
import { chmod, lstat, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What waiting for a lock needs of a clock. */
interface LockClock {
  now(): number;
  monotonic(): number;
  sleep(ms: number): Promise<void>;
}

/** Whether an error of the file system is this one. */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** The text of a file; empty when there is none. Throws what else the file system throws. */
export async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return '';
    throw error;
  }
}

/**
 * Writes a file so that readers see the old text or the new text, never a part: a temporary file in the same directory,
 * renamed. Throws what the file system throws, and leaves no temporary file behind then.
 * @param options.mode permissions, such as 0o644
 */
export async function writeWhole(path: string, text: string, { mode }: { readonly mode: number }): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.chmod(mode);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/**
 * Creates a folder, and those above it that are missing. `mkdir` of Node.js with `recursive` never ends where a folder
 * cannot be made though the one above it exists: in /proc, or in a working directory that was removed. Throws what the file
 * system throws.
 */
export async function makeFolders(folder: string, mode: number): Promise<void> {
  const make = async (): Promise<void> => {
    await mkdir(folder, { mode }).catch((error: unknown) => {
      if (!isErrno(error, 'EEXIST')) throw error;
    });
  };
  try {
    await make();
  } catch (error) {
    if (!isErrno(error, 'ENOENT') || dirname(folder) === folder) throw error;
    await makeFolders(dirname(folder), mode);
    await make();
  }
}

/** How long another process may take to read and write a small file; after that it is dead. */
const ABANDONED_MS = 10_000;
const PATIENCE_MS = 3_000;

/**
 * Runs `work` while no other process on this host does so for the same `path`; a lock file stands beside it. A process
 * that died with the lock blocks others for ten seconds. After three seconds of waiting `work` runs without the lock: it
 * may then lose what the other process writes, and nothing worse.
 */
export async function withFileLock<T>(path: string, clock: LockClock, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const locked = await takeLock(lock, clock);
  try {
    return await work();
  } finally {
    if (locked) await rm(lock, { force: true });
  }
}

async function takeLock(lock: string, clock: LockClock): Promise<boolean> {
  const until = clock.monotonic() + PATIENCE_MS;
  while (clock.monotonic() < until) {
    if (await createLock(lock)) return true;
    if (await isAbandoned(lock, clock)) await rm(lock, { force: true });
    else await clock.sleep(5 + Math.random() * 20);
  }
  return false;
}

async function createLock(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

async function isAbandoned(lock: string, clock: LockClock): Promise<boolean> {
  try {
    return clock.now() - (await stat(lock)).mtimeMs > ABANDONED_MS;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

/**
 * Creates a folder for this account alone (mode 700, whatever the umask). Returns why an existing one cannot be used:
 * in a shared folder for temporary files, another account may have created it, or a link, first. Creates nothing behind
 * a link. Throws what the file system throws.
 */
export async function claimFolder(folder: string): Promise<string | undefined> {
  if (!(await isCreated(folder))) {
    await makeFolders(dirname(folder), 0o700);
    await isCreated(folder);
  }
  const found = await lstat(folder);
  if (!found.isDirectory()) return `${folder} is ${found.isSymbolicLink() ? 'a link' : 'no folder'}`;
  if (process.geteuid === undefined) return undefined;
  if (found.uid !== process.geteuid()) return `${folder} belongs to another account (${found.uid})`;
  if ((found.mode & 0o077) !== 0) await chmod(folder, 0o700);
  return undefined;
}

/** Whether the folder exists now; false without its parent. */
async function isCreated(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return true;
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}
