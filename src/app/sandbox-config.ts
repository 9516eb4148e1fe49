import { readFile, writeFile } from 'node:fs/promises';
import { OrgsyncError } from '../errors.ts';
import { isSandboxConfig } from '../sandbox/config-file.ts';

/** Writes the configuration of a sandbox, over that of an earlier one; never over a configuration that is somebody's own. */
export async function writeSandboxConfig(file: string, text: string): Promise<void> {
  try {
    if (!isSandboxConfig(await existing(file))) throw inTheWay(file);
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

/** What is there already; nothing where there is no file. */
async function existing(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

function inTheWay(file: string): OrgsyncError {
  return new OrgsyncError('usage', {
    code: 'sandbox_config_file',
    message: `${file} is a configuration that no sandbox wrote`,
    hint: 'name another place, or move it away first',
  });
}
