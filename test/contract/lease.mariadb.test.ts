import { openDatabase } from '../support/database.ts';
import { storeLeaseHouse } from '../support/store-leases.ts';
import { describeLeases } from './lease.contract.ts';

describeLeases('MariaDB', async () => await storeLeaseHouse(await openDatabase()));
