import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { orgsync } from '../support/cli.ts';

const KEPT = new URL('../../dist/.compiled/', import.meta.url).pathname;

/** Every file that is kept, and which writing it is of. */
async function kept(): Promise<ReadonlyMap<string, number>> {
  const names = (await readdir(KEPT, { recursive: true })).filter((name) => name.includes('cli.cjs-'));
  return new Map(await Promise.all(names.map(async (name) => [name, (await stat(join(KEPT, name))).ino] as const)));
}

test('processes with other flags leave what is compiled alone', async () => {
  const flagged = { env: { NODE_OPTIONS: '--max-old-space-size=300' } };
  await orgsync(['--version']);
  await orgsync(['--version'], flagged);
  const before = await kept();
  await orgsync(['--version']);
  await orgsync(['--version'], flagged);
  expect(await kept()).toEqual(before);
});
