import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { describeWith } from '../support/programs.ts';

const run = promisify(execFile);
const units = fileURLToPath(new URL('../../deploy/systemd/', import.meta.url));

/** The units as they are installed, but for the program, which is not installed here. */
async function installed(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-units-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const unit of ['orgsync.service', 'orgsync.timer']) {
    const text = await readFile(path.join(units, unit), 'utf8');
    await writeFile(path.join(folder, unit), text.replace('/usr/bin/orgsync', '/bin/true'));
  }
  return folder;
}

describeWith(['systemd-analyze'], 'systemd', () => {
  test('understands the units', async () => {
    const folder = await installed();
    expect(await run('systemd-analyze', ['verify', path.join(folder, 'orgsync.timer'), path.join(folder, 'orgsync.service')])).toEqual({ stdout: '', stderr: '' });
  });

  test('finds the service well shut in', async () => {
    const folder = await installed();
    await run('systemd-analyze', ['security', '--offline=true', '--threshold=20', path.join(folder, 'orgsync.service')]);
  });

  test('starts it every ten minutes', async () => {
    const timer = await readFile(path.join(units, 'orgsync.timer'), 'utf8');
    const { stdout } = await run('systemd-analyze', ['calendar', '--iterations=2', '--base-time=2026-03-01 06:01:00', /OnCalendar=(.*)/.exec(timer)?.[1] ?? '']);
    expect(stdout).toMatch(/06:10:00[\s\S]*06:20:00/);
  });
});

test('a run is told to end before the next one is due', async () => {
  const service = await readFile(path.join(units, 'orgsync.service'), 'utf8');
  expect(Number(/--max-run (\d+)m/.exec(service)?.[1])).toBeLessThan(10);
});
