import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { createStoreRation } from '../../src/store/shared/ration.ts';
import { openSqlite } from '../../src/store/engine/sqlite/sqlite.ts';
import { openDatabase } from '../../src/store/engine/transaction.ts';
import { createRationTables } from '../support/ration-store.ts';
import { describeRation } from './ration.contract.ts';

describeRation('SQLite', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-ration-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  // One for all: in one process they take turns, while other processes are met at the file's lock.
  const database = openDatabase(openSqlite({ clock: systemClock, file: path.join(folder, 'store.sqlite'), readOnly: false, lockWaitMs: 10_000 }), { clock: systemClock });
  await createRationTables(database);
  return (clock) => createStoreRation(database, clock);
});
