import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { start } from '../support/cli.ts';
import type { Running } from '../support/cli.ts';
import { describeWith } from '../support/programs.ts';
import { setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

/** More than a process can look up within the time that a stop may take. */
const MANY = 400_000;

async function stageWithNumbers(count: number): Promise<Stage & { readonly file: string }> {
  const stage = await setStage();
  await stage.sync();
  const file = join(stage.folder, 'numbers.txt');
  await writeFile(file, Array.from({ length: count }, (_, i) => `199${String(i).padStart(8, '0')}`).join('\n'));
  return { ...stage, file };
}

test.each([[[]], [['--live']]])('Ctrl-C ends a batch in an embedded store within two seconds, with options %j', async (options) => {
  const stage = await stageWithNumbers(MANY);
  const { child, ended } = start(['--config', stage.configPath, 'lookup', '--file', stage.file, ...options]);
  await printed(child, 100_000);
  const asked = performance.now();
  child.kill('SIGINT');
  expect((await ended).code).toBe(130);
  expect(performance.now() - asked).toBeLessThan(2_000);
});

test('Ctrl-C ends a batch whose numbers are still being typed', async () => {
  const stage = await stageWithNumbers(1);
  const bin = new URL('../../bin/orgsync.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [bin, '-c', stage.configPath, 'lookup', '--file', '-'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const answer = '+8613800138000    nobody\n';
  child.stdin.write('13800138000\n'.repeat(1_000));
  await printed(child, 1_000 * answer.length);
  const asked = performance.now();
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([130, null]);
  expect(performance.now() - asked).toBeLessThan(2_000);
});

/** By then a live one has spent its ration, and waits for nothing any more. */
async function printed({ stdout }: Running['child'], characters: number): Promise<void> {
  if (stdout === null) return;
  for (let seen = 0; seen < characters; ) {
    const [chunk] = (await once(stdout, 'data')) as [string];
    seen += chunk.length;
  }
}

describeWith(['script'], 'a batch on a terminal', () => {
  test('shows how far it is', async () => {
    const stage = await stageWithNumbers(60_000);
    const bin = new URL('../../bin/orgsync.js', import.meta.url).pathname;
    const command = `${process.execPath} ${bin} -c ${stage.configPath} lookup --file ${stage.file} > ${join(stage.folder, 'answers.txt')}`;
    const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], { stdio: ['ignore', 'pipe', 'ignore'] });
    let screen = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (screen += chunk));
    await once(child, 'close');
    expect(screen).toMatch(/█░*.* [1-9]\d?% numbers/u);
    expect(screen).toContain('60000 numbers: 0 found');
  });
});
