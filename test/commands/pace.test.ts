import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { orgsync, start } from '../support/cli.ts';
import { spawnSandbox } from '../support/sandbox.ts';

/** The sandbox is a process of its own, so that neither delays the other's clock. Its guard bars whoever breaks the promise. */
test('a run over 300 departments, with errors and repeats, never sends more than ten requests in any second', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'orgsync-pace-'));
  const config = join(folder, 'config.yml');
  const sandbox = await spawnSandbox(['--corps', '2', '--members', '900', '--departments', '300', '--strict', '10', '--write-config', config]);
  onTestFinished(async () => {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  });
  await writeFile(config, `${await readFile(config, 'utf8')}store: sqlite:pace.sqlite\n`);
  await sandbox.control.fault(
    { match: { endpoint: 'user/list' }, probability: 0.03, effect: { kind: 'errcode', errcode: -1 } },
    { match: { endpoint: 'user/list' }, probability: 0.02, effect: { kind: 'html' } },
    { match: { endpoint: 'user/list' }, probability: 0.02, effect: { kind: 'reset' } },
    { match: { endpoint: 'user/list' }, probability: 0.01, effect: { kind: 'errcode', errcode: 45033 } },
    { match: { endpoint: 'user/list' }, nth: [50, 200, 400], effect: { kind: 'killToken' } },
  );
  expect(await orgsync(['--config', config, 'run'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  const { corps, breaches } = await sandbox.control.stats();
  expect(breaches).toEqual([]);
  for (const { maxInOneSecond, requests } of Object.values(corps)) {
    expect(requests).toBeGreaterThan(302);
    expect(maxInOneSecond).toBeLessThanOrEqual(10);
  }
});

test('a run and live lookups of other processes keep one pace for a corp, without Redis too', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'orgsync-pace-'));
  const config = join(folder, 'config.yml');
  const sandbox = await spawnSandbox(['--corps', '1', '--members', '300', '--departments', '80', '--strict', '10', '--write-config', config]);
  onTestFinished(async () => {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  });
  const [corp] = await sandbox.control.corps();
  const { members } = await sandbox.control.truth(corp?.id ?? '');
  const numbers = members.flatMap(({ mobile }) => (typeof mobile === 'string' && /^1\d{10}$/.test(mobile) ? [mobile] : [])).slice(0, 90);
  const running = start(['--config', config, 'run']);
  await sandbox.control.reached({ endpoint: 'user/list', count: 1 });
  const lookups = [0, 1, 2].map((part) => {
    const input = numbers.filter((_, n) => n % 3 === part).join('\n');
    return start(['--config', config, 'lookup', '--live', '--file', '-'], { input });
  });
  expect(await running.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
  for (const { ended } of lookups) expect(await ended).toMatchObject({ code: 0 });
  const { corps, breaches } = await sandbox.control.stats();
  expect(breaches).toEqual([]);
  expect(corps[corp?.id ?? '']?.byEndpoint['user/getuserid']).toBeGreaterThanOrEqual(numbers.length);
});
