import type { Log } from '../../core/ports/system.ts';
import { OrgsyncError } from '../../errors.ts';
import { exportDepartments, exportMembers, isOfExport } from './export.ts';
import type { CorpClient } from '../corp-client.ts';
import type { Walk } from './walk.ts';

/** With more departments than this, `auto` exports: a walk needs one request per department, an export about a dozen, and then it waits. */
const MOST_TO_WALK = 100;

/** Reads a corp's departments and members by the configured strategy. What cannot be read is a gap of the walk. */
export async function readCorp(walk: Walk, client: CorpClient, log: Log): Promise<void> {
  switch (client.access.strategy ?? 'walk') {
    case 'walk':
      return walk.readDepartments(await walk.listDepartments());
    case 'export':
      return readExport(walk, client);
    case 'auto':
      return readAuto(walk, client, log);
  }
}

/** Runs both exports at the same time, so that both show about the same moment. */
async function readExport(walk: Walk, client: CorpClient): Promise<void> {
  await walk.inParallel(
    [
      () => readOrGap(walk, 'the departments', async () => walk.takeDepartments(await exportDepartments(client, walk.signal))),
      () => readOrGap(walk, 'the members', async () => walk.takeMembers(await exportMembers(client, walk.signal))),
    ],
    (read) => read(),
  );
}

/** Runs `read`; an error of the export becomes a gap, an error of the whole corp is thrown. */
async function readOrGap(walk: Walk, what: string, read: () => Promise<unknown>): Promise<void> {
  try {
    await read();
  } catch (error) {
    walk.signal.throwIfAborted();
    if (!isOfExport(error)) throw error;
    walk.gap(what, error);
  }
}

/** Exports the members when there are many departments. `department/list` is needed in both cases: it also shows how long a walk would be. */
async function readAuto(walk: Walk, client: CorpClient, log: Log): Promise<void> {
  const departments = await walk.listDepartments();
  if (departments.length > MOST_TO_WALK) {
    try {
      return walk.takeMembers(await exportMembers(client, walk.signal));
    } catch (error) {
      walk.signal.throwIfAborted();
      if (!(error instanceof OrgsyncError)) throw error;
      log('warn', 'export_failed', 'the export failed: reading department by department instead', { corp: client.corpId, reason: error.message });
    }
  }
  await walk.readDepartments(departments);
}
