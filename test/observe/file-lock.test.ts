import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { withFileLock } from '../../src/files.ts';
import { createTestClock } from '../support/clock.ts';

async function lockedFile(): Promise<{ readonly file: string; readonly left: () => Promise<readonly string[]> }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-lock-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'data');
  await writeFile(`${file}.lock`, '');
  return { file, left: () => readdir(folder) };
}

describe('the lock of a file', () => {
  test('is taken over ten seconds after its process died, and given back', async () => {
    const { file, left } = await lockedFile();
    const clock = createTestClock(Date.now() + 11_000);
    await expect(withFileLock(file, clock, left)).resolves.toEqual(['data.lock']);
    expect(await left()).toEqual([]);
  });

  test('is waited for three seconds; then the work is done without it, and it stays', async () => {
    const { file, left } = await lockedFile();
    const clock = createTestClock(Date.now());
    const done: number[] = [];
    const work = withFileLock(file, clock, () => Promise.resolve(done.push(clock.monotonic())));
    // Only while it sleeps: time that passes during a slow call would make the lock an old one.
    while (done.length === 0) await (clock.sleepers > 0 ? clock.advance(25) : nextTurn());
    await work;
    expect(done[0]).toBeGreaterThanOrEqual(3_000);
    expect(await left()).toEqual(['data.lock']);
  });
});
