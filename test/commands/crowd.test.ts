import { readFile, writeFile } from 'node:fs/promises';
import { expect, inject, test } from 'vitest';
import { start } from '../support/cli.ts';
import { corpOf } from '../support/sandbox.ts';
import { setStage } from '../support/stage.ts';
import type { EngineName } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';

/** Long enough for the last of the crowd to have started before the first has finished: the walk is held until all have asked. */
async function crowd(size: number, engine: EngineName, yaml: string): Promise<void> {
  const stage = await setStage({ engine, corps: 2, yaml });
  const held = stage.sandbox.faults.add({ match: { endpoint: 'department/list' }, times: 2, effect: { kind: 'hold' } });
  const processes = Array.from({ length: size }, () => start(['--config', stage.configPath, 'run']));
  let ended = 0;
  const losers = new Promise<void>((resolve) => {
    for (const { ended: end } of processes) void end.then(() => ((ended += 1) === size - 1 ? resolve() : undefined));
  });
  await losers;
  await held.reached(2);
  held.release();
  const results = await Promise.all(processes.map((process) => process.ended));
  expect(results.map(({ code, stdout, stderr }) => ({ code, stdout, stderr }))).toEqual(Array.from({ length: size }, () => ({ code: 0, stdout: '', stderr: '' })));
  const runs = await rowsOf(stage.storeUrl, 'SELECT corp_id, outcome FROM runs');
  expect(runs.map(({ outcome }) => outcome)).toEqual(['ok', 'ok']);
  for (const nth of [1, 2]) {
    const { stored, source } = await stage.organisations(corpOf(stage.sandbox, nth).id);
    expect(stored).toEqual(source);
  }
}

test.each([
  [2, 'sqlite'],
  [30, 'mariadb'],
] as const)('of %i processes started at once, one works and the others leave in silence: leases in %s', async (size, engine) => {
  await crowd(size, engine, '');
});

test.each([2, 30])('of %i processes started at once, one works and the others leave in silence: leases in Redis', async (size) => {
  await crowd(size, 'mariadb', `redis: ${inject('redisUrl')}\nredis_prefix: "crowd-${size}-${process.pid}:"\n`);
});

test('ten processes with one wrong secret ask WeCom for a token once; the right one is tried at once, and doctor asks all the same', async () => {
  // So many members that ten wrong numbers are within the ration.
  const stage = await setStage({ engine: 'mariadb', members: 200, yaml: `redis: ${inject('redisUrl')}\nredis_prefix: "wrong-secret-${process.pid}:"\n` });
  const { id } = corpOf(stage.sandbox);
  const right = stage.sandbox.world.secret(corpOf(stage.sandbox), 'app_pre2022').secret;
  const asked = (): number | undefined => stage.sandbox.stats.corp(id).byEndpoint['gettoken'];
  const lookup = async (last: number): Promise<unknown> => (await start(['--config', stage.configPath, 'lookup', `1990000000${last}`, '--live']).ended).code;

  await stage.sync();
  stage.sandbox.change({ op: 'setSecret', corp: id, kind: 'app_pre2022', patch: { secret: 'reset' } });
  stage.sandbox.killTokens(id);
  stage.sandbox.stats.reset();
  expect(await Promise.all(Array.from({ length: 10 }, (_, last) => lookup(last)))).toEqual(Array(10).fill(77));
  expect(asked()).toBe(1);
  expect(await start(['--config', stage.configPath, 'run']).ended).toMatchObject({ code: 77, stderr: expect.stringContaining('orgsync doctor asks') });
  expect(asked()).toBe(1);
  expect(await start(['--config', stage.configPath, 'doctor']).ended).toMatchObject({ code: 77 });
  expect(asked()).toBe(2);

  await writeFile(stage.configPath, (await readFile(stage.configPath, 'utf8')).replace(right, 'reset'));
  expect(await start(['--config', stage.configPath, 'run']).ended).toMatchObject({ code: 0, stderr: '' });
  expect(asked()).toBe(3);
});
