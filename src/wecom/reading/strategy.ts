import type { Log } from '../../core/ports/system.ts';
import { OrgsyncError } from '../../errors.ts';
import { exportDepartments, exportMembers, isOfExport } from './export.ts';
import type { CorpClient } from '../corp-client.ts';
import type { Walk } from './walk.ts';

/** From how many departments on `auto` exports: a walk asks once per department, an export a dozen times and then waits. */
const MOST_TO_WALK = 100;

/** Reads a corp's departments and members the way its configuration wants; what could not be had is a gap of the walk. */
export async function readCorp(walk: Walk, client: CorpClient, log: Log): Promise<void> {
  switch (client.access.strategy ?? 'walk') {
    case 'walk':
      return walk.readDepartments(await walk.listDepartments());
    case 'export':
      return readExport(walk, client);
    case 'auto':
      return readAsFits(walk, client, log);
  }
}

/** Both exports at once, for what they show to be of about one moment. */
async function readExport(walk: Walk, client: CorpClient): Promise<void> {
  await walk.inParallel(
    [
      () => filling(walk, 'the departments', async () => walk.takeDepartments(await exportDepartments(client, walk.signal))),
      () => filling(walk, 'the members', async () => walk.takeMembers(await exportMembers(client, walk.signal))),
    ],
    (read) => read(),
  );
}

/** Makes a gap of what an export threw, unless it concerns the corp. */
async function filling(walk: Walk, what: string, read: () => Promise<unknown>): Promise<void> {
  try {
    await read();
  } catch (error) {
    walk.signal.throwIfAborted();
    if (!isOfExport(error)) throw error;
    walk.gap(what, error);
  }
}

/** `department/list` has to be asked in any case: it is the size of the walk, and half of the export. */
async function readAsFits(walk: Walk, client: CorpClient, log: Log): Promise<void> {
  const departments = await walk.listDepartments();
  if (departments.length > MOST_TO_WALK) {
    try {
      return walk.takeMembers(await exportMembers(client, walk.signal));
    } catch (error) {
      walk.signal.throwIfAborted();
      if (!(error instanceof OrgsyncError)) throw error;
      log('warn', 'export_failed', 'the export came to nothing: walking through the departments instead', { corp: client.corpId, reason: error.message });
    }
  }
  await walk.readDepartments(departments);
}
