import { hostname } from 'node:os';
import { describe, expect, inject, test } from 'vitest';
import { orgsync, start } from '../support/cli.ts';
import { ownPrefix } from '../support/redis.ts';
import { setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

describe.each([
  ['Redis', () => `redis: ${inject('redisUrl')}\nredis_prefix: "${ownPrefix()}"\nlock: { ttl: 3s }\n`],
  ['the store', () => 'lock: { ttl: 3s }\n'],
])('orgsync unlock with leases in %s', (_where, yaml) => {
  test('frees a lease whoever holds it, and its holder writes nothing more', async () => {
    const stage = await setStage({ yaml: yaml() });
    const held = stage.sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: { kind: 'hold' } });
    const running = start(['run', '-c', stage.configPath]);
    await held.reached();
    const { code, stdout } = await unlock(stage, 'run', '--yes', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'run', released: true, holder: { host: hostname(), pid: running.child.pid } });
    const ended = await running.ended;
    expect(ended.code).toBe(75);
    held.remove();
    expect((await stage.organisations()).stored.members).toEqual([]);
    expect((await stage.sync()).outcome).toBe('ok');
  });
});

test('asks, and therefore refuses without --yes where nobody can be asked', async () => {
  const stage = await setStage();
  const held = stage.sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: { kind: 'hold' } });
  const running = start(['run', '-c', stage.configPath]);
  await held.reached();
  const { code, stdout, stderr } = await unlock(stage, 'run');
  expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
  expect(stderr).toContain('--yes');
  held.remove();
  expect((await running.ended).code).toBe(0);
});

test('has nothing to do where nobody holds it, and names what is held instead', async () => {
  const stage = await setStage();
  const { code, stdout } = await unlock(stage, 'run:1/4', '--yes');
  expect(code).toBe(0);
  expect(stdout).toBe('nobody holds run:1/4; no lease is held\n');
});

async function unlock(stage: Stage, ...args: readonly string[]): ReturnType<typeof orgsync> {
  return await orgsync(['unlock', '-c', stage.configPath, ...args]);
}
