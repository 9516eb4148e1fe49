import type { Clock } from '../../core/ports/system.ts';
import { formatSamples, parseSamples } from './exposition.ts';
import type { Sample } from './exposition.ts';
import { readIfThere, withFileLock, writeWhole } from '../../files.ts';

/** Computes the new text from the last one. */
export type Update = (before: readonly Sample[]) => readonly Sample[];

/**
 * Updates a file for node_exporter's textfile collector. Counters continue from the values in the file; one process at a
 * time rewrites it. Throws the errors of the file system; the old file then stays unchanged.
 */
export async function updateTextfile(path: string, clock: Clock, update: Update): Promise<void> {
  await withFileLock(path, clock, async () => {
    const before = parseSamples(await readIfThere(path));
    // Readable by others, because node_exporter has another account.
    await writeWhole(path, await formatSamples(update(before)), { mode: 0o644 });
  });
}
