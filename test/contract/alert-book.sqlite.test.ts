import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { createAlertFile } from '../../src/local/alert-book.ts';
import { createAlertBook } from '../../src/store/shared/alert-book.ts';
import { openSqlite } from '../../src/store/engine/sqlite/sqlite.ts';
import { openDatabase } from '../../src/store/engine/transaction.ts';
import { createAlertTable } from '../support/alert-table.ts';
import { describeAlertBook } from './alert-book.contract.ts';

const scratch = async (): Promise<string> => {
  const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-alerts-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

describeAlertBook('SQLite', async () => {
  const database = openDatabase(openSqlite({ clock: systemClock, file: path.join(await scratch(), 'store.sqlite'), readOnly: false, lockWaitMs: 10_000 }), { clock: systemClock });
  onTestFinished(() => database.close());
  await createAlertTable(database);
  return () => createAlertBook(database);
});

describeAlertBook('a file', async () => {
  const file = path.join(await scratch(), 'ours', 'alerts.json');
  return () => createAlertFile(file, systemClock);
});
