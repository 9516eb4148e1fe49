import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { orgsync } from '../support/cli.ts';
import type { Ended } from '../support/cli.ts';
import { tamper } from '../support/recovery.ts';
import { setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';

/** A stage whose configuration names an SQLite file that does not exist. The stage's own store is no matter: its -wal and -shm go when SQLite closes it. */
async function stageWithoutStore(file = 'typo.sqlite'): Promise<Stage & { readonly files: () => Promise<readonly string[]>; readonly call: (args: readonly string[]) => Promise<Ended> }> {
  const stage = await setStage({ members: 20 });
  const text = await readFile(stage.configPath, 'utf8');
  await writeFile(stage.configPath, text.replace(/^store: .*$/mu, `store: sqlite:${file}`));
  return { ...stage, files: async () => (await readdir(stage.folder)).filter((name) => !name.startsWith('orgsync.sqlite')).sort(), call: async (args) => await orgsync(['--config', stage.configPath, ...args]) };
}

test.each([
  ['plan'],
  ['lookup', '13800138000'],
  ['lookup', '13800138000', '--live'],
  ['status'],
  ['status', '--nagios'],
  ['changes'],
  ['report', '--out', '/dev/null'],
  ['forget', 'zhangsan', '--yes'],
  ['unlock', 'run', '--yes'],
])('orgsync %s … says which store is not there, and creates none', async (...args) => {
  const { folder, files, call } = await stageWithoutStore();
  const before = await files();
  const { code, stdout, stderr } = await call(args);
  expect([code, `${stdout}${stderr}`]).toEqual([args[0] === 'status' ? 3 : 78, expect.stringContaining(`${join(folder, 'typo.sqlite')} does not exist`)]);
  expect(await files()).toEqual(before);
});

test('gives the error a code of its own', async () => {
  const { call } = await stageWithoutStore();
  const { code, stdout } = await call(['status', '--json']);
  expect([code, JSON.parse(stdout)]).toMatchObject([3, { error: { code: 'store_missing', hint: expect.stringContaining('orgsync run') as string } }]);
});

test('doctor before the first run finds nothing wrong, asks WeCom, and creates nothing', async () => {
  const { folder, files, call } = await stageWithoutStore();
  const before = await files();
  const { code, stdout } = await call(['doctor']);
  expect([code, stdout]).toEqual([0, expect.stringContaining(`ok    store reachable: not yet: the first run creates ${join(folder, 'typo.sqlite')}\n`)]);
  expect(stdout).toMatch(/^ok {4}.*: the application sees departments: /mu);
  expect(stdout).toMatch(/\nnothing is wrong\n$/u);
  expect(await files()).toEqual(before);
});

test('doctor fails where the first run could not create the store, or is not to', async () => {
  const { call, configPath } = await stageWithoutStore('nowhere/orgsync.sqlite');
  expect(await call(['doctor'])).toMatchObject({ code: 78, stdout: expect.stringMatching(/^FAIL {2}store reachable: .*orgsync\.sqlite cannot be created: ENOENT.*\n {6}fix: create the folder /mu) as string });
  expect(await orgsync(['--config', configPath, 'doctor'], { env: { ORGSYNC_READ_ONLY: '1' } })).toMatchObject({ code: 78 });
});

test.each([['run'], ['migrate']])('orgsync %s creates the store', async (command) => {
  const { files, call } = await stageWithoutStore();
  expect(await call([command])).toMatchObject({ code: 0 });
  expect(await files()).toContain('typo.sqlite');
});

test('a store of an older version is upgraded by a run or a migration, and by nothing else', async () => {
  const stage = await setStage({ members: 20 });
  const call = (args: readonly string[]): Promise<Ended> => orgsync(['--config', stage.configPath, ...args]);
  const age = (): Promise<void> => tamper(stage, "DELETE FROM schema_migrations WHERE name >= '0004'");
  const applied = (): Promise<unknown> => rowsOf(stage.storeUrl, 'SELECT * FROM schema_migrations');
  await age();
  const before = await applied();
  for (const args of [['plan'], ['run', '--dry-run'], ['lookup', '13800138000'], ['status', '--json'], ['changes'], ['report', '--out', '/dev/null'], ['forget', 'zhangsan', '--yes']]) {
    const { code, stdout, stderr } = await call(args);
    expect([args, code, `${stdout}${stderr}`]).toEqual([args, args[0] === 'status' ? 3 : 78, expect.stringMatching(/The tables lack 0004_\S+, 0005_[^]*`orgsync migrate`; the next `orgsync run`/u)]);
  }
  expect(await applied()).toEqual(before);
  for (const command of ['run', 'migrate']) {
    await age();
    expect(await call([command])).toMatchObject({ code: 0 });
    expect(await call(['plan'])).toMatchObject({ code: 0 });
  }
});
