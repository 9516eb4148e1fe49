import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createRationFiles } from '../../src/local/ration.ts';
import { createTestClock } from '../support/clock.ts';
import { describeRation } from './ration.contract.ts';

describeRation('files of this host', async () => {
  const folder = path.join(await emptyFolder(), 'ration');
  return (clock) => createRationFiles({ folder, clock, most: Infinity });
});

it('is never larger than the smallest budget, and forgets a wrong number in time', async () => {
  const clock = createTestClock();
  const ration = createRationFiles({ folder: path.join(await emptyFolder(), 'ration'), clock });
  const ask = async (e164: string) => ration.book({ corpId: 'ww1', e164, budget: 1000 });
  const first = await ask('+8613800138000');
  if (first.is !== 'booked') throw new Error(first.is);
  await ration.rememberWrong(first.ticket, '+8613800138000', 1000);
  expect((await ask('+8613800138000')).is).toBe('known_wrong');
  clock.jump(1000);
  expect((await ask('+8613800138000')).is).toBe('booked');
  expect((await ask('+8613800138001')).is).toBe('booked');
  expect((await ask('+8613800138002')).is).toBe('spent');
});

it('books nothing where it cannot count', async () => {
  const folder = path.join(await emptyFolder(), 'ration');
  await writeFile(folder, 'in the way');
  const booking = createRationFiles({ folder, clock: createTestClock() }).book({ corpId: 'ww1', e164: '+8613800138000', budget: 3 });
  await expect(booking).rejects.toMatchObject({ kind: 'config', code: 'ration_unusable' });
});

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-ration-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}
