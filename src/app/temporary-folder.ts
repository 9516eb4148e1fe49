import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** The folder for what processes of this host and account share, where nothing else can be shared. Adapters make and check it. */
export function temporaryFolder(): string {
  return join(tmpdir(), `orgsync-${userInfo().uid}`);
}
