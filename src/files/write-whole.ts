import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';

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
