import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { createStoreLeases } from '../../src/store/shared/lease.ts';
import { openStore } from '../../src/store/open.ts';
import { leaseOf } from '../contract/lease.contract.ts';
import { openDatabase } from '../support/database.ts';

const never = new AbortController().signal;

async function emptyFile(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-lease-stop-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return `sqlite:${path.join(folder, 'store.sqlite')}`;
}

test.each([
  ['SQLite', emptyFile],
  ['MariaDB', openDatabase],
])('a release that is under way when the process is told to stop frees the lease: %s', async (_, prepare) => {
  const stop = new AbortController();
  const { database, migrator, store } = await openStore({ clock: systemClock, url: await prepare(), readOnly: false, stopping: stop.signal });
  onTestFinished(() => store.close());
  await migrator.migrate();
  const leases = createStoreLeases(database, { host: hostname(), pid: process.pid, ttlMs: 60_000, clock: systemClock, log: () => undefined });
  const lease = leaseOf(await leases.acquire('run', { signal: never }));
  const released = lease.release();
  stop.abort(new Error('told to stop'));
  await released;
  expect(await leases.holders()).toEqual([]);
});
