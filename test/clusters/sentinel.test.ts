import { expect, test } from 'vitest';
import { start } from '../support/cli.ts';
import { runHeld } from '../support/held.ts';
import { openRedisProxy } from '../support/redis.ts';
import { anotherConfig } from '../support/detour.ts';
import { expectRecovery, expectTruth } from '../support/recovery.ts';
import { watchedForTest } from '../support/sentinels.ts';
import { setStage } from '../support/stage.ts';

test('a run goes on through a failover that Sentinels make, with its lease, and ends well', async () => {
  const watched = await watchedForTest();
  const stage = await setStage({ engine: 'mariadb', members: 60, departments: 12, yaml: `redis: ${watched.url()}\n` });
  const { running, release } = await runHeld(stage);
  await expect.poll(() => watched.ask(watched.replica, 'KEYS', '*lease:*')).not.toEqual([]);
  await watched.primary.kill();
  await watched.failedOver();
  release();
  expect(await running.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
  await expectTruth(stage);
  // What the next run needs is on the new primary.
  await expectRecovery(stage);
});

test('two runs that both hold the lease after such a failover, because its copy was lost: one commits, the other ends with 75', async () => {
  let cut = (): void => undefined;
  const watched = await watchedForTest({
    async replicateFrom(port) {
      const proxy = await openRedisProxy(port);
      cut = () => (proxy.down.mode = 'drop');
      return proxy.port;
    },
  });
  const stage = await setStage({ engine: 'mariadb', members: 60, departments: 12, yaml: `redis: ${watched.url()}\nlock: { fair: false }\n` });
  expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
  stage.sandbox.churn({ seed: 1, departmentRemove: 0 });
  cut();
  const { running, release } = await runHeld(stage);
  await watched.primary.kill();
  await watched.failedOver();
  running.child.kill('SIGSTOP');
  const second = start(['--config', await anotherConfig(stage, (yaml) => yaml), 'run', '--allow-departures']);
  expect(await second.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
  running.child.kill('SIGCONT');
  release();
  expect(await running.ended).toMatchObject({ code: 75, stderr: expect.stringMatching(/no longer ours|newer run/) as string });
  await expectTruth(stage);
  await expectRecovery(stage);
});
