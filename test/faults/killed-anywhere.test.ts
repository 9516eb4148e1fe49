import { describe, expect, inject, test } from 'vitest';
import { createRandom } from '../../src/sandbox/random.ts';
import { start } from '../support/cli.ts';
import type { Running } from '../support/cli.ts';
import { forEveryNth } from '../support/every.ts';
import { untilHeld } from '../support/held.ts';
import { endLeases, expectRecovery, expectTruth } from '../support/recovery.ts';
import { corpOf } from '../support/sandbox.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';

const run = ({ configPath }: Stage, ...args: readonly string[]): Running => start(['--config', configPath, 'run', ...args]);

/** A life short enough to be waited for. */
const SHORT_LIFE = 'lock: { ttl: 3s }\n';

const SMALL = { members: 8, departments: 3 } as const;

/** Stops a run that holds still at its n-th request to WeCom, and returns its exit code; when it has no n-th, `of` says how many. */
async function stopAt(stage: Stage, n: number, signal: NodeJS.Signals): Promise<{ readonly code: number | null } | { readonly of: number }> {
  stage.sandbox.churn({ seed: n, departmentCreate: 0, departmentRemove: 0, leave: 1, join: 1 });
  const held = stage.sandbox.faults.add({ nth: n, effect: { kind: 'hold' } });
  stage.sandbox.stats.reset();
  const running = run(stage);
  const ended = await Promise.race([held.reached(1).then(() => null), running.ended]);
  if (ended !== null) return { of: stage.sandbox.stats.corp(corpOf(stage.sandbox).id).requests };
  running.child.kill(signal);
  const { code } = await running.ended;
  held.remove();
  return { code };
}

describe.each(ENGINES)('on %s', (engine) => {
  test('a run killed at its n-th request, for every n, leaves what the next run finishes', async () => {
    const stage = await setStage({ engine, ...SMALL });
    const { of } = await forEveryNth(async (n) => {
      const stopped = await stopAt(stage, n, 'SIGKILL');
      if ('of' in stopped) return stopped.of;
      await endLeases(stage);
      await expectRecovery(stage, { allowDepartures: true });
      return undefined;
    }, { step: 3 });
    expect(of).toBeGreaterThan(4);
    await expectTruth(stage);
  });

  test('a run told to stop at its n-th request, for every n, leaves no lease and nothing half-done', async () => {
    const stage = await setStage({ engine, ...SMALL });
    const { of } = await forEveryNth(async (n) => {
      const stopped = await stopAt(stage, n, 'SIGTERM');
      if ('of' in stopped) return stopped.of;
      expect(stopped.code).toBe(143);
      expect(await rowsOf(stage.storeUrl, 'SELECT name FROM leases WHERE token IS NOT NULL')).toEqual([]);
      await expectRecovery(stage, { allowDepartures: true, waitMs: 0 });
      return undefined;
    }, { step: 3 });
    expect(of).toBeGreaterThan(4);
  });

  test('runs killed at any moment of a larger walk lose nothing and double nothing', async () => {
    const stage = await setStage({ engine, corps: 2, members: 400, departments: 40, yaml: SHORT_LIFE, wecom: '  rate: 300\n  rate_address: 300\n  concurrency: 10\n' });
    const random = createRandom(`kills/${engine}`);
    for (let kill = 1; kill <= 4; kill += 1) {
      stage.sandbox.churn({ seed: kill });
      stage.sandbox.stats.reset();
      const running = run(stage, '--allow-departures', '--wait', '10s');
      await Promise.race([stage.sandbox.stats.reached({ corpId: corpOf(stage.sandbox, 1 + (kill % 2)).id, endpoint: undefined, count: random.int(1, 45) }), running.ended]);
      running.child.kill('SIGKILL');
      await running.ended;
    }
    await expectRecovery(stage, { allowDepartures: true });
  });
});

test.each([
  ['SQLite', 'sqlite', ''],
  ['MariaDB', 'mariadb', ''],
  ['Redis', 'mariadb', 'redis'],
] as const)('a lease in %s whose owner was killed is free when its life is over, and not before', async (_, engine, redis) => {
  const yaml = `lock: { ttl: 3s, fair: false }\n${redis === '' ? '' : `redis: ${inject('redisUrl')}\nredis_prefix: "killed-${process.pid}:"\n`}`;
  const stage = await setStage({ engine, yaml });
  const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, effect: { kind: 'hold' } });
  const running = run(stage);
  await untilHeld(held, running);
  running.child.kill('SIGKILL');
  await running.ended;
  expect(await run(stage).ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
  await expectRecovery(stage, { waitMs: 5_000 });
});

test('a run that waits for a lease waits for each corp’s as well', async () => {
  const stage = await setStage({ ...SMALL, yaml: SHORT_LIFE });
  const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, effect: { kind: 'hold' } });
  const { id } = corpOf(stage.sandbox);
  const killed = run(stage, '--corp', id);
  await untilHeld(held, killed);
  killed.child.kill('SIGKILL');
  await killed.ended;
  expect(await run(stage, '--corp', id, '--json', '--wait', '10s').ended).toMatchObject({ code: 0, stdout: expect.stringContaining('"outcome": "ok"') as string });
  await expectTruth(stage);
});
