import { expect, onTestFinished, test } from 'vitest';
import type { ChurnInput } from '../../src/sandbox/churn.ts';
import { endRedisLeases } from '../support/recovery.ts';
import { startRedis } from '../support/servers.ts';
import { setStage } from '../support/stage.ts';
import { hurtEverywhere, SMALL } from './crash-points.ts';

/** Changes after which a run sends WeCom, and so asks Redis, as much as before. */
const AS_MANY: ChurnInput = { departmentCreate: 0, departmentRemove: 0, leave: 0, return: 0 };

test('a run killed before any single call of Redis has written all or nothing, and the next one finishes it', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.close());
  // More departments than one reservation of slots serves: the pace is asked again, and is one of the calls.
  const stage = await setStage({ ...SMALL, departments: 8, yaml: `redis: ${redis.url}\nlock: { ttl: 60s, fair: false }\n` });
  const { nothing, all, calls } = await hurtEverywhere(stage, { on: 'redis', by: 'SIGKILL', step: 1, churn: AS_MANY }, async ({ signal }) => {
    expect(signal).toBe('SIGKILL');
    await endRedisLeases(redis);
  });
  // Two leases, their ends, the token, and the slots: as few as that, since the leases tell Redis's time.
  expect(calls).toBeGreaterThan(6);
  expect(nothing).toBeGreaterThan(4);
  expect(all).toBeGreaterThan(0);
});
