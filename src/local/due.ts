import { readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { claimFolder, isErrno } from '../files.ts';

/** How long something is not due after the first time. */
const FIRST_WAIT_MS = 1_000;

/**
 * Whether something that is done now and then is due on this host. At first it is due again after a second, then after twice
 * as long each time, and at last every `everyMs`: so somebody who tries it out sees it. Always true when the file that
 * remembers it cannot be used. `mark` is that file, in a folder of this account alone. Never rejects.
 */
export async function isDue(mark: string, { everyMs, now }: { readonly everyMs: number; readonly now: number }): Promise<boolean> {
  try {
    if ((await claimFolder(dirname(mark))) !== undefined) return true;
    const { at, waitMs } = await readMark(mark);
    if (now >= at && now - at < Math.min(waitMs, everyMs)) return false;
    await writeFile(mark, String(Math.min(Math.max(FIRST_WAIT_MS, 2 * waitMs), everyMs)), { mode: 0o600 });
    await utimes(mark, now / 1000, now / 1000);
  } catch {
    // Once too often costs little; once too rarely is silence.
  }
  return true;
}

/** When it was last due, and how long it is not due since then. */
async function readMark(mark: string): Promise<{ readonly at: number; readonly waitMs: number }> {
  try {
    const [{ mtimeMs }, text] = await Promise.all([stat(mark), readFile(mark, 'utf8')]);
    return { at: mtimeMs, waitMs: /^\d+$/.test(text) ? Number(text) : 0 };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return { at: 0, waitMs: 0 };
    throw error;
  }
}
