import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { createAlertBook } from '../../src/store/shared/alert-book.ts';
import { openMysql } from '../../src/store/engine/mysql/mysql.ts';
import { openDatabase as openStore } from '../../src/store/engine/transaction.ts';
import { openDatabase } from '../support/database.ts';
import { createAlertTable } from '../support/alert-table.ts';
import { describeAlertBook } from './alert-book.contract.ts';

describeAlertBook('MariaDB', async () => {
  const url = await openDatabase();
  const open = () => {
    const database = openStore(openMysql({ clock: systemClock, url, readOnly: false, silenceMs: 20_000, connectMs: 10_000, statementMs: 10_000 }), { clock: systemClock });
    onTestFinished(() => database.close());
    return database;
  };
  await createAlertTable(open());
  return () => createAlertBook(open());
});
