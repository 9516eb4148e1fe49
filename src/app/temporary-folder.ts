import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Returns the folder for files that the processes of this host and account share. The adapters create and check it. */
export function temporaryFolder(): string {
  return join(tmpdir(), `orgsync-${process.getuid?.() ?? 'own'}`);
}
