import { stat, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { claimFolder, isErrno } from '../files.ts';

/**
 * Whether something that is done now and then is due on this host: true when `everyMs` have passed since it last was, and
 * whenever the file that remembers it cannot be used. `mark` is that file, in a folder of this account alone. Never rejects.
 */
export async function isDue(mark: string, { everyMs, now }: { readonly everyMs: number; readonly now: number }): Promise<boolean> {
  try {
    if ((await claimFolder(dirname(mark))) !== undefined) return true;
    const age = now - (await modifiedAt(mark));
    if (age >= 0 && age < everyMs) return false;
    await writeFile(mark, '', { mode: 0o600 });
    await utimes(mark, now / 1000, now / 1000);
  } catch {
    // A look too many costs little; one too few is silence.
  }
  return true;
}

async function modifiedAt(file: string): Promise<number> {
  try {
    return (await stat(file)).mtimeMs;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return -Infinity;
    throw error;
  }
}
