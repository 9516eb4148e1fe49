import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Slots } from '../../src/core/ports/slots.ts';
import { systemClock } from '../../src/local/clock.ts';
import { openStore } from '../../src/store/open.ts';
import { createStoreSlots } from '../../src/store/shared/slots.ts';
import { openDatabase } from '../support/database.ts';
import { mostInASecond } from '../support/sliding.ts';
import { describeSlots, pacingOn, sendMany } from './slots.contract.ts';

async function sqliteUrl(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'orgsync-pace-'));
  onTestFinished(async () => rm(folder, { recursive: true, force: true }));
  return `sqlite:${join(folder, 'pace.sqlite')}`;
}

/** So many processes, each with a way of its own to the same store. */
async function slotsIn(url: string, processes: number): Promise<readonly Slots[]> {
  const opened = await Promise.all(Array.from({ length: processes }, async () => openStore({ clock: systemClock, url, readOnly: false })));
  await opened[0]?.migrator.migrate();
  onTestFinished(async () => {
    for (const { store } of opened) await store.close();
  });
  return opened.map(({ database }) => createStoreSlots(database, systemClock));
}

describeSlots('in an SQLite file', async (processes) => slotsIn(await sqliteUrl(), processes));
describeSlots('in MariaDB', async (processes) => slotsIn(await openDatabase(), processes));

test('a store that cannot be asked lets nothing through, and sends those who wait away in the end', async () => {
  const { database } = await openStore({ clock: systemClock, url: 'sqlite:/nonexistent/pace.sqlite', readOnly: false });
  const pacing = pacingOn(createStoreSlots(database, systemClock), { patienceMs: 600 });
  const waiting = pacing.pacer({ name: 'corp:ww1', perSecond: 20 }).pass(new AbortController().signal);
  await expect(waiting).rejects.toMatchObject({ name: 'OrgsyncError' });
});

test('a schedule written by a clock that was set back since is not waited for', async () => {
  const url = await sqliteUrl();
  const [slots] = await slotsIn(url, 1);
  const { database, store } = await openStore({ clock: systemClock, url, readOnly: false });
  await database.transaction((connection) => connection.write("INSERT INTO paces (scope, next_at) VALUES ('corp:ww1', '2999-01-01 00:00:00.000'), ('address:roomy', '2999-01-01 00:00:00.000')"));
  await store.close();
  if (slots === undefined) throw new Error('no process');
  const startedAt = performance.now();
  const sent = await sendMany(pacingOn(slots).pacer({ name: 'corp:ww1', perSecond: 20 }), 5);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  expect(mostInASecond(sent)).toBe(5);
});
