import { join } from 'node:path';
import type { Clock } from '../core/ports/system.ts';
import { asOrgsyncError, OrgsyncError } from '../errors.ts';
import { claimFolder } from '../files.ts';
import { type OpenedStore, openStore } from '../store/open.ts';
import { temporaryFolder } from './temporary-folder.ts';

/**
 * Opens an SQLite store that the processes of this host and account share, for what may not be written to the configured
 * store: the schedule of requests. Throws `config` / `pace_unusable` where there is no place for it.
 */
export async function openHostStore(options: { readonly clock: Clock; readonly stopping: AbortSignal }): Promise<OpenedStore> {
  const folder = temporaryFolder();
  try {
    const problem = await claimFolder(folder);
    if (problem !== undefined) throw new OrgsyncError('config', { code: 'pace_unusable', message: problem, hint: 'remove it' });
    const opened = await openStore({ url: `sqlite:${join(folder, 'pace.sqlite')}`, readOnly: false, ...options });
    await opened.store.ensureReady();
    return opened;
  } catch (cause) {
    options.stopping.throwIfAborted();
    throw new OrgsyncError('config', {
      code: 'pace_unusable',
      message: `the pace of requests cannot be kept in ${folder}, so WeCom is not asked: ${asOrgsyncError(cause).message}`,
      hint: 'give this account a directory for temporary files of its own (TMPDIR), or configure redis:; a lookup without --live needs neither',
      cause,
    });
  }
}
