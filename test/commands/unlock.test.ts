import { hostname } from 'node:os';
import { describe, expect, inject, test } from 'vitest';
import { orgsync, start } from '../support/cli.ts';
import { describeWith } from '../support/programs.ts';
import { ownPrefix } from '../support/redis.ts';
import { corpOf } from '../support/sandbox.ts';
import { setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import { typeTo } from '../support/typing.ts';

describe.each([
  ['Redis', () => `redis: ${inject('redisUrl')}\nredis_prefix: "${ownPrefix()}"\nlock: { ttl: 3s }\n`],
  ['the store', () => 'lock: { ttl: 3s }\n'],
])('orgsync unlock with leases in %s', (_where, yaml) => {
  test('frees a lease whoever holds it, and its holder writes nothing more', async () => {
    const stage = await setStage({ yaml: yaml() });
    const { held, running } = await startHeld(stage);
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
  const { held, running } = await startHeld(stage);
  const { code, stdout, stderr } = await unlock(stage, 'run');
  expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
  expect(stderr).toContain('--yes');
  held.remove();
  expect((await running.ended).code).toBe(0);
});

test('names what a killed run holds besides, and how each is freed; then the next run does the work', async () => {
  const stage = await setStage();
  const { id } = corpOf(stage.sandbox);
  const { held, running } = await startHeld(stage);
  running.child.kill('SIGKILL');
  await running.ended;
  held.remove();
  const freed = await unlock(stage, 'run', '--yes');
  expect(freed).toMatchObject({ code: 0, stdout: `freed run, which ${hostname()} (pid ${running.child.pid ?? 0}) held\nthe same process still holds others; if it is dead, free each of them, too:\n  orgsync unlock corp:${id}\n` });
  const [command = ''] = /(?<=orgsync unlock )\S+/u.exec(freed.stdout) ?? [];
  expect(JSON.parse((await unlock(stage, command, '--yes', '--json')).stdout)).toMatchObject({ name: `corp:${id}`, released: true, still_held: [] });
  expect(await orgsync(['run', '-c', stage.configPath])).toMatchObject({ code: 0, stderr: '' });
  expect((await stage.organisations()).stored.members).not.toEqual([]);
});

describeWith(['script'], 'orgsync unlock on a terminal', () => {
  test.each([['n\n', 'left as it is', 0], ['y\n', 'freed run', 75]])('shows the holder and asks; %j: %s', async (typed, said, ends) => {
    const stage = await setStage({ yaml: 'lock: { ttl: 3s }\n' });
    const { held, running } = await startHeld(stage);
    const { code, screen } = await typeTo(['unlock', 'run', '-c', stage.configPath], () => typed);
    expect(screen).toContain(`run is held by ${hostname()} (pid ${running.child.pid ?? 0})`);
    expect(screen).toContain('Free run? [y/N]');
    expect(screen).toContain(said);
    expect(code).toBe(0);
    if (ends === 0) held.remove();
    expect((await running.ended).code).toBe(ends);
    held.remove();
  });

  test('frees nothing when another has taken the lease before the answer, and says so', async () => {
    const stage = await setStage();
    const first = await startHeld(stage);
    let second: typeof first | undefined;
    const { code, screen } = await typeTo(['unlock', 'run', '-c', stage.configPath], async () => {
      first.held.remove();
      await first.running.ended;
      second = await startHeld(stage);
      return 'y\n';
    });
    expect(code).toBe(0);
    expect(screen).toContain(`(pid ${second?.running.child.pid ?? 0}) has taken it meanwhile; nothing was freed`);
    second?.held.remove();
    expect((await second?.running.ended)?.code).toBe(0);
  });
});

/** A run that has the lease, and goes on only when `held` is removed. */
async function startHeld(stage: Stage) {
  const held = stage.sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: { kind: 'hold' } });
  const running = start(['run', '-c', stage.configPath]);
  await held.reached();
  return { held, running };
}

test('has nothing to do where nobody holds it, and names what is held instead', async () => {
  const stage = await setStage();
  const { code, stdout } = await unlock(stage, 'run:1/4', '--yes');
  expect(code).toBe(0);
  expect(stdout).toBe('nobody holds run:1/4; no lease is held\n');
});

test('refuses a name that is no lease, with the nearest one and those that are held, and takes any capitals', async () => {
  const stage = await setStage();
  const { id, name } = corpOf(stage.sandbox);
  const { held, running } = await startHeld(stage);
  for (const [typed, hint] of [
    ['nope', `fix: held are: corp:${id}, run; the names are run, run:I/N, and corp:ID of a configured corp`],
    ['corp:ww00', 'fix: held are'],
    ['rnu', 'fix: did you mean run? held are'],
    [`"${name}"`, `fix: did you mean corp:${id}? held are`],
  ] as const) {
    const { code, stdout, stderr } = await unlock(stage, typed.replaceAll('"', ''), '--yes');
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain(hint);
  }
  expect(await unlock(stage, `CORP:${id.toUpperCase()}`, '--yes')).toMatchObject({ code: 0, stdout: expect.stringContaining(`freed corp:${id}`) });
  held.remove();
  await running.ended;
});

async function unlock(stage: Stage, ...args: readonly string[]): ReturnType<typeof orgsync> {
  return await orgsync(['unlock', '-c', stage.configPath, ...args]);
}
