import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { openStore } from '../../src/store/open.ts';
import { createStoreLeases } from '../../src/store/shared/lease.ts';
import type { LeaseHouse } from '../contract/lease.contract.ts';

/** Leases in a store at this url, with tables made, for the running test. */
export async function storeLeaseHouse(url: string): Promise<LeaseHouse> {
  const { store, database, migrator } = await openStore({ clock: systemClock, url, readOnly: false });
  await migrator.migrate();
  onTestFinished(async () => store.close());
  return {
    open: ({ host, pid = 1, ttlMs = 3_000 }) => {
      const leases = createStoreLeases(database, { host, pid, ttlMs, clock: systemClock, log: () => undefined });
      onTestFinished(async () => leases.close());
      return leases;
    },
    child: { store: url },
  };
}
