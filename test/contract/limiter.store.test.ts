import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import type { Limiter } from '../../src/core/ports/slots.ts';
import { createStoreLimiter, ROOM_FOR_OTHERS } from '../../src/store/shared/slots.ts';
import { openStore } from '../../src/store/open.ts';
import { openDatabase } from '../support/database.ts';
import { mostInASecond } from '../support/sliding.ts';
import { describeLimiter, takeMany } from './limiter.contract.ts';

async function sqliteUrl(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'orgsync-pace-'));
  onTestFinished(async () => rm(folder, { recursive: true, force: true }));
  return `sqlite:${join(folder, 'pace.sqlite')}`;
}

/** So many users, each with a way of its own to the same store, as processes would have. */
async function usersOf(url: string, users: number, log: (event: string) => void = () => undefined): Promise<readonly Limiter[]> {
  const opened = await Promise.all(Array.from({ length: users }, async () => openStore({ clock: systemClock, url, readOnly: false })));
  await opened[0]?.migrator.migrate();
  onTestFinished(async () => {
    for (const { store } of opened) await store.close();
  });
  return opened.map(({ database }) => createStoreLimiter(database, { clock: systemClock, log: (_, event) => log(event) }));
}

describeLimiter('in an SQLite file', async (users) => usersOf(await sqliteUrl(), users), ROOM_FOR_OTHERS);
describeLimiter('in MariaDB', async (users) => usersOf(await openDatabase(), users), ROOM_FOR_OTHERS);

test('a store that cannot be asked leaves each process with a pace of its own, never with none', async () => {
  const events: string[] = [];
  const lost = createStoreLimiter((await openStore({ clock: systemClock, url: 'sqlite:/nonexistent/pace.sqlite', readOnly: false })).database, { clock: systemClock, log: (_, event) => events.push(event) });
  const starts = await takeMany(lost, [{ name: 'corp', perSecond: 20 }], 25);
  expect(mostInASecond(starts)).toBeLessThanOrEqual(20);
  expect(events).toEqual(['limiter_alone']);
});
