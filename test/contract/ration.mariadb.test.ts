import { systemClock } from '../../src/local/clock.ts';
import { createStoreRation } from '../../src/store/shared/ration.ts';
import { openMysql } from '../../src/store/engine/mysql/mysql.ts';
import { openDatabase as openStore } from '../../src/store/engine/transaction.ts';
import { openDatabase } from '../support/database.ts';
import { createRationTables } from '../support/ration-store.ts';
import { describeRation } from './ration.contract.ts';

describeRation('MariaDB', async () => {
  const url = await openDatabase();
  const open = () => openStore(openMysql({ clock: systemClock, url, readOnly: false, silenceMs: 20_000, connectMs: 10_000, statementMs: 10_000 }), { clock: systemClock });
  await createRationTables(open());
  return (clock) => createStoreRation(open(), clock);
});
