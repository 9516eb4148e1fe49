import { readFile } from 'node:fs/promises';
import { isErrno } from '../../files/errno.ts';
import { formatSamples, parseSamples } from './exposition.ts';
import type { Sample } from './exposition.ts';
import { withFileLock } from '../../files/file-lock.ts';
import { writeWhole } from '../../files/write-whole.ts';

/** Turns what was written last into what is to be written. */
export type Update = (before: readonly Sample[]) => readonly Sample[];

/**
 * Brings a file for node_exporter's textfile collector up to date. The file is its own memory, and one process at a time
 * rewrites it. Throws what the file system throws; the old file then stays as it was.
 */
export async function updateTextfile(path: string, update: Update): Promise<void> {
  await withFileLock(path, async () => {
    const before = parseSamples(await readOrNothing(path));
    // node_exporter runs under another account.
    await writeWhole(path, await formatSamples(update(before)), { mode: 0o644 });
  });
}

async function readOrNothing(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return '';
    throw error;
  }
}
