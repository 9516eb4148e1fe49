import { describe, expect, onTestFinished, test } from 'vitest';
import { orgsync } from '../support/cli.ts';
import { runHeld } from '../support/held.ts';
import { expectRecovery, organisationOf, tamper } from '../support/recovery.ts';
import { command } from '../support/redis.ts';
import { type ServerProcess, startRedis } from '../support/servers.ts';
import { ENGINES, type EngineName, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

/** A stage whose leases lie in a Redis of its own; first load done, changes waiting. */
async function setScene(engine: EngineName): Promise<{ readonly stage: Stage; readonly redis: ServerProcess }> {
  const redis = await startRedis();
  onTestFinished(() => redis.close());
  const stage = await setStage({ engine, members: 20, departments: 4, yaml: `redis: ${redis.url}\nlock: { ttl: 4s, fair: false }\n` });
  await stage.sync();
  stage.sandbox.churn({ seed: 7, departmentRemove: 0, leave: 1 });
  return { stage, redis };
}

/** What a step of Redis's clock does to what lies in it: every key ends so much earlier, or later. */
async function stepClock(redis: ServerProcess, seconds: number): Promise<void> {
  await command(redis, `EVAL "for _, key in ipairs(redis.call('KEYS', '*')) do local life = redis.call('PTTL', key) if life > 0 then redis.call('PEXPIRE', key, life - ${seconds * 1_000}) end end" 0`);
}

describe('when the clock of Redis', () => {
  test.each(ENGINES)('goes ahead by two minutes while a run works, another may read as well, and one of the two commits: %s', async (engine) => {
    const { stage, redis } = await setScene(engine);
    const { running, release } = await runHeld(stage);
    running.child.kill('SIGSTOP');
    await stepClock(redis, 120);
    expect(await stage.sync({ allowDepartures: true })).toMatchObject({ outcome: 'ok', corps: [{ outcome: 'ok' }] });
    const rows = await organisationOf(stage);
    running.child.kill('SIGCONT');
    release();
    expect(await running.ended).toMatchObject({ code: 75, stdout: '', stderr: expect.stringMatching(/no longer ours|newer run/) as string });
    expect(await organisationOf(stage)).toEqual(rows);
    await expectRecovery(stage);
  });

  test('goes back by ten minutes, the lease of a dead run lasts as much longer, and those that find it say so once nothing gets done', async () => {
    const { stage, redis } = await setScene('sqlite');
    const { running } = await runHeld(stage);
    running.child.kill('SIGKILL');
    await running.ended;
    await stepClock(redis, -600);
    expect(await stage.sync({ waitMs: 6_000 })).toMatchObject({ outcome: 'skipped', exitCode: 0 });
    await tamper(stage, "UPDATE corps SET last_success_at = '2020-01-01 00:00:00.000'");
    expect(await orgsync(['--config', stage.configPath, 'run'])).toMatchObject({ code: 75, stdout: '', stderr: expect.stringMatching(/no success since 2020-[^\n]*orgsync status/) as string });
    await stepClock(redis, 600);
    await expectRecovery(stage);
  });
});
