import { describe, expect, onTestFinished, test } from 'vitest';
import { orgsync, start } from '../support/cli.ts';
import { anotherConfig, detour } from '../support/detour.ts';
import { runHeld } from '../support/held.ts';
import { openProxy, type Proxy } from '../support/proxy.ts';
import { expectRecovery, expectTruth, organisationOf } from '../support/recovery.ts';
import { command } from '../support/redis.ts';
import { type ServerProcess, startRedis } from '../support/servers.ts';
import { ENGINES, type EngineName, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const LIFE_MS = 4_000;

/** A Redis of the test's own, a proxy before it, and a stage that uses both; first load done, changes waiting. */
interface Scene {
  readonly stage: Stage;
  readonly server: ServerProcess;
  readonly proxy: Proxy;
}

async function setScene(engine: EngineName = 'sqlite'): Promise<Scene> {
  const server = await startRedis();
  onTestFinished(() => server.close());
  const proxy = await openProxy(server.port);
  onTestFinished(() => proxy.close());
  const yaml = `redis: redis://127.0.0.1:${proxy.port}/0\nlock: { ttl: ${LIFE_MS}ms, fair: false }\nsafety: { max_departures: 100% }\n`;
  const stage = await setStage({ engine, members: 20, departments: 4, yaml });
  await stage.sync();
  stage.sandbox.churn({ seed: 7, departmentRemove: 0 });
  return { stage, server, proxy };
}

describe('a run whose Redis goes away for good stops within its lease’s life, and writes nothing: Redis', () => {
  test.each<[string, (scene: Scene) => unknown, (scene: Scene) => unknown]>([
    ['is killed', ({ server }) => server.kill(), ({ server }) => server.restart()],
    ['freezes', ({ server }) => server.stop(), ({ server }) => server.cont()],
    ['cannot be reached any more', ({ proxy }) => cut(proxy, 'drop'), ({ proxy }) => cut(proxy, 'pass')],
    ['is killed, and comes back empty', ({ server }) => server.restart(), () => undefined],
  ])('%s', async (_, hurt, heal) => {
    const scene = await setScene();
    const before = await organisationOf(scene.stage);
    const { running } = await runHeld(scene.stage);
    const hurtAt = performance.now();
    await hurt(scene);
    expect(await running.ended).toMatchObject({ code: 75, stdout: '', stderr: expect.stringContaining('no longer ours') as string });
    // The lease's life, and two seconds for its release, which nobody answers.
    expect(performance.now() - hurtAt).toBeLessThan(LIFE_MS + 6_000);
    expect(await organisationOf(scene.stage)).toEqual(before);
    await heal(scene);
    await expectRecovery(scene.stage);
  });
});

describe('a run that was writing when its Redis went away has written all of it, under its fence: Redis', () => {
  test.each<[string, (scene: Scene) => unknown, (scene: Scene) => unknown]>([
    ['is killed', ({ server }) => server.kill(), ({ server }) => server.restart()],
    ['cannot be reached any more', ({ proxy }) => cut(proxy, 'drop'), ({ proxy }) => cut(proxy, 'pass')],
  ])('%s', async (_, hurt, heal) => {
    const scene = await setScene('mariadb');
    const { proxy, configPath } = await detour(scene.stage);
    const running = start(['--config', configPath, 'run']);
    await proxy.next('up', 'INSERT INTO changes');
    proxy.up.mode = 'hold';
    await hurt(scene);
    proxy.up.mode = 'pass';
    expect(await running.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await expectTruth(scene.stage);
    await heal(scene);
    await expectRecovery(scene.stage);
  });
});

describe('a run does not notice when Redis', () => {
  test.each<[string, (scene: Scene) => unknown, (scene: Scene) => unknown]>([
    ['is frozen for a moment', ({ server }) => server.stop(), ({ server }) => server.cont()],
    ['breaks every connection', ({ proxy }) => proxy.reset(), () => undefined],
    ['is far and slow', ({ proxy }) => Object.assign(proxy.down, { latencyMs: 150, jitterMs: 100 }), () => undefined],
  ])('%s', async (_, hurt, heal) => {
    const scene = await setScene();
    const { running, release } = await runHeld(scene.stage);
    const renewal = scene.proxy.next('up', 'lease:run');
    await hurt(scene);
    await renewal;
    await heal(scene);
    release();
    expect(await running.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await expectTruth(scene.stage);
  });
});

describe.each(ENGINES)('one commits, on %s:', (engine) => {
  test('a run whose lock was granted, and the answer lost, does its work: the lock is its own', async () => {
    const { stage, proxy } = await setScene(engine);
    const lost = proxy.loseReply('lease:run');
    expect(await orgsync(['--config', stage.configPath, 'run'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await lost;
    await expectTruth(stage);
  });

  test('when Redis comes back empty while a run works, another may read as well, and one of the two commits', async () => {
    const { stage, server } = await setScene(engine);
    const { running, release } = await runHeld(stage);
    await server.restart();
    expect(await orgsync(['--config', stage.configPath, 'run'])).toMatchObject({ code: 0, stderr: '' });
    const rows = await organisationOf(stage);
    release();
    expect((await running.ended).code).toBe(75);
    expect(await organisationOf(stage)).toEqual(rows);
    await expectRecovery(stage);
  });

  test('when a replica that never heard of the lock takes over, another run has the lock as well, and one of the two commits', async () => {
    const { stage, server, proxy } = await setScene(engine);
    const replica = await startRedis();
    onTestFinished(() => replica.close());
    const link = await openProxy(server.port);
    onTestFinished(() => link.close());
    await command(replica, `REPLICAOF 127.0.0.1 ${link.port}`);
    await linkIsUp(replica);
    // From here on nothing reaches the replica: this lock will be lost.
    cut(link, 'drop');
    const { running, release } = await runHeld(stage);
    await server.kill();
    await command(replica, 'REPLICAOF NO ONE');
    const elsewhere = await anotherConfig(stage, (yaml) => yaml.replace(`127.0.0.1:${proxy.port}/0`, `127.0.0.1:${replica.port}/0`));
    expect(await orgsync(['--config', elsewhere, 'run'])).toMatchObject({ code: 0, stderr: '' });
    const rows = await organisationOf(stage);
    release();
    expect((await running.ended).code).toBe(75);
    expect(await organisationOf(stage)).toEqual(rows);
    await server.restart();
    await expectRecovery(stage);
  });
});

describe('a run that cannot ask for the lock does nothing, and says why: Redis', () => {
  test.each<[string, (scene: Scene) => unknown, number, RegExp]>([
    ['is down', ({ server }) => server.kill(), 69, /Redis/],
    ['resets connections', ({ proxy }) => (proxy.refuse = true), 69, /Redis/],
    ['wants a password', ({ server }) => command(server, 'CONFIG SET requirepass secret-word'), 77, /password|AUTH|auth/],
    ['is a replica', ({ server }) => command(server, 'REPLICAOF 127.0.0.1 1'), 69, /Redis/],
    ['is full', ({ server }) => command(server, 'CONFIG SET maxmemory 1'), 69, /memory/],
  ])('%s', async (_, hurt, code, words) => {
    const scene = await setScene();
    await hurt(scene);
    const before = await organisationOf(scene.stage);
    const ended = await orgsync(['--config', scene.stage.configPath, 'run']);
    expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(words) as string });
    expect(await organisationOf(scene.stage)).toEqual(before);
  });
});

function cut(proxy: Proxy, mode: 'drop' | 'pass'): void {
  proxy.up.mode = mode;
  proxy.down.mode = mode;
  if (mode === 'pass') proxy.reset();
}

async function linkIsUp(replica: ServerProcess): Promise<void> {
  const { setTimeout: sleep } = await import('node:timers/promises');
  while (!(await command(replica, 'INFO replication')).includes('master_link_status:up')) await sleep(30);
}
