import { expect, onTestFinished, test } from 'vitest';
import { orgsync } from '../support/cli.ts';
import { anotherConfig } from '../support/detour.ts';
import { expectTruth } from '../support/recovery.ts';
import { command } from '../support/redis.ts';
import { startRedis } from '../support/servers.ts';
import { setStage } from '../support/stage.ts';

test('Redis Cluster is refused by name, and serves where one hash tag keeps all keys together on the server that is asked', async () => {
  const redis = await startRedis({ args: ['--cluster-enabled', 'yes'] });
  onTestFinished(() => redis.close());
  expect(await command(redis, 'CLUSTER ADDSLOTSRANGE 0 16383')).toContain('OK');
  await expect.poll(() => command(redis, 'CLUSTER INFO')).toContain('cluster_state:ok');
  const stage = await setStage({ engine: 'mariadb', members: 20, yaml: `redis: ${redis.url}\n` });
  expect(await orgsync(['--config', stage.configPath, 'run'])).toMatchObject({ code: 78, stderr: expect.stringMatching(/it is a cluster[^]*redis_prefix: '\{orgsync\}:'/) as string });
  const tagged = await anotherConfig(stage, (yaml) => `${yaml}redis_prefix: '{orgsync}:'\n`);
  expect(await orgsync(['--config', tagged, 'run'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(await orgsync(['--config', tagged, 'doctor'])).toMatchObject({ code: 0 });
  await expectTruth(stage);
});
