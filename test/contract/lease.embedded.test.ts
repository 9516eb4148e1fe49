import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { storeLeaseHouse } from '../support/store-leases.ts';
import { describeLeases } from './lease.contract.ts';

describeLeases('SQLite', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-leases-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return await storeLeaseHouse(`sqlite:${path.join(folder, 'store.sqlite')}`);
});
