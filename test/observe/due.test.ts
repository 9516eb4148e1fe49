import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isDue } from '../../src/local/due.ts';

const NOW = Date.UTC(2026, 2, 1, 6);
const EVERY = { everyMs: 3_600_000 };

async function scratch(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-due-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('is due ever more rarely, at last once in each span, and again when the clock was put back', async () => {
  const mark = path.join(await scratch(), 'own', 'mark');
  const ask = (second: number): Promise<boolean> => isDue(mark, { ...EVERY, now: NOW + second * 1000 });
  const due: number[] = [];
  for (let second = 0; second < 4 * 3600; second += 1) if (await ask(second)) due.push(second);
  expect(due).toEqual([0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 7695, 11295]);
  expect([await ask(-1), await ask(0)]).toEqual([true, false]);
});

test('is due every time where nothing can be remembered, and writes nothing behind a link', async () => {
  const folder = await scratch();
  const target = await scratch();
  await symlink(target, path.join(folder, 'link'));
  for (const place of [path.join(folder, 'link'), '/proc/nowhere']) {
    for (const minute of [0, 1]) expect(await isDue(path.join(place, 'mark'), { ...EVERY, now: NOW + minute * 60_000 })).toBe(true);
  }
  expect(await readdir(target)).toEqual([]);
});
