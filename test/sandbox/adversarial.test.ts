import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { adversarial, withSandbox } from '../support/sandbox.ts';

const folder = new URL('../fixtures/wecom/adversarial/', import.meta.url);
const files = readdirSync(folder).filter((file) => file !== 'README.md');

it('the README tells of every file, and of no other', () => {
  const told = [...readFileSync(new URL('README.md', folder), 'utf8').matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);
  expect(told.sort()).toEqual(files.sort());
});

it('the sandbox serves each of them byte for byte', async () => {
  await withSandbox({ corps: 0 }, async (sandbox) => {
    for (const file of files) {
      sandbox.faults.add({ id: 'answer', effect: adversarial(file) });
      const response = await fetch(`${sandbox.url}/cgi-bin/user/list`);
      expect(Buffer.from(await response.arrayBuffer()).equals(readFileSync(new URL(file, folder))), file).toBe(true);
    }
  });
});
