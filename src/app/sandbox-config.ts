import { writeFile } from 'node:fs/promises';
import { OrgsyncError } from '../errors.ts';
import { readIfThere } from '../files.ts';
import { isSandboxConfig } from '../sandbox/config-file.ts';

/** Writes the configuration of a sandbox. Overwrites only a file that a sandbox wrote. */
export async function writeSandboxConfig(file: string, text: string): Promise<void> {
  try {
    if (!isSandboxConfig(await readIfThere(file))) {
      throw new OrgsyncError('usage', {
        code: 'sandbox_config_file',
        message: `${file} is a configuration that no sandbox wrote`,
        hint: 'name another place, or move it away first',
      });
    }
    await writeFile(file, text, { mode: 0o600 });
  } catch (cause) {
    if (cause instanceof OrgsyncError) throw cause;
    throw new OrgsyncError('usage', {
      code: 'sandbox_config_file',
      message: `${file} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'name a place in a folder that you may write to',
      cause,
    });
  }
}
