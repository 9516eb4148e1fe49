import { open, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrno } from './errno.ts';

/** How long another process may take to read and write a small file. After that it counts as dead. */
const STALE_MS = 10_000;
const PATIENCE_MS = 3_000;

/**
 * Runs `work` while no other process on this host does so for the same `path`, by a lock file beside it. A process that
 * died with the lock blocks others for ten seconds. After the longest wait `work` runs without the lock: it may then
 * lose what the other process writes, but nothing else can happen.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  const locked = await take(lock);
  try {
    return await work();
  } finally {
    if (locked) await rm(lock, { force: true });
  }
}

async function take(lock: string): Promise<boolean> {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    if (await create(lock)) return true;
    if (await isAbandoned(lock)) await rm(lock, { force: true });
    else await sleep(5 + Math.random() * 20);
  }
  return false;
}

async function create(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

async function isAbandoned(lock: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(lock)).mtimeMs > STALE_MS;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}
