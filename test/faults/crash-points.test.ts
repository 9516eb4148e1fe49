import { describe, expect, onTestFinished, test } from 'vitest';
import type { ChurnInput } from '../../src/sandbox/churn.ts';
import { start } from '../support/cli.ts';
import type { Ended } from '../support/cli.ts';
import { forEveryNth } from '../support/every.ts';
import { endLeases, endRedisLeases, expectTruth, organisationOf } from '../support/recovery.ts';
import { startRedis } from '../support/servers.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';

const DIE_AT = new URL('die-at.js', import.meta.url).href;

/** The first statement after WeCom was read: from here on it is comparing and writing. */
const AFTER_READING = 'FROM departments WHERE corp_id';

const UNCHANGED = { joined: 0, departed: 0, changed: 0, departmentsChanged: 0 };

/** Where a run is hurt, and by what; see die-at.js. */
interface Blow {
  readonly on?: 'store' | 'redis';
  readonly from?: string;
  readonly by: NodeJS.Signals;
  /** What changes at WeCom before each; an ordinary week, departures included, unless told otherwise. */
  readonly churn?: ChurnInput;
}

/** A run that hurts itself before its n-th call; null when it has none. */
async function hurtAt({ configPath }: Stage, n: number, { on = 'store', from = '', by }: Blow): Promise<Ended | null> {
  const env = { NODE_OPTIONS: `--import=${DIE_AT}`, ORGSYNC_TEST_DIE_AT: String(n), ORGSYNC_TEST_DIE_ON: on, ORGSYNC_TEST_DIE_FROM: from, ORGSYNC_TEST_DIE_BY: by };
  const ended = await start(['--config', configPath, 'run', '--allow-departures'], { env }).ended;
  if (ended.stderr.startsWith('struck')) return ended;
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return null;
}

/** How often a blow left nothing of the run's work, and all of it. */
interface Left {
  nothing: number;
  all: number;
}

/** Deals the blow at every n; after each the store holds nothing of the work or all of it, and one clean run makes it true. */
async function hurtEverywhere(stage: Stage, blow: Blow, expectAfter: (ended: Ended, landed: boolean) => Promise<void>): Promise<Left> {
  await stage.sync();
  const left = { nothing: 0, all: 0 };
  const blows = await forEveryNth(async (n) => {
    stage.sandbox.churn({ seed: n, ...blow.churn });
    const before = await organisationOf(stage);
    const ended = await hurtAt(stage, n, blow);
    if (ended === null) return false;
    const landed = JSON.stringify(await organisationOf(stage)) !== JSON.stringify(before);
    await expectAfter(ended, landed);
    const report = await stage.sync({ allowDepartures: true });
    expect(report).toMatchObject({ outcome: 'ok' });
    left[landed ? 'all' : 'nothing'] += 1;
    if (landed) expect(report.corps[0]?.counts).toEqual(UNCHANGED);
    await expectTruth(stage);
    return true;
  });
  expect(blows).toBe(left.nothing + left.all);
  return left;
}

/** Changes after which a run sends WeCom, and so asks Redis, as much as before. */
const AS_MANY: ChurnInput = { departmentCreate: 0, departmentRemove: 0, leave: 0, return: 0 };

const SMALL = { members: 8, departments: 3 } as const;

describe.each(ENGINES)('on %s', (engine) => {
  test('a run killed before any single statement of its apply, COMMIT and what follows included, has written all or nothing', async () => {
    const stage = await setStage({ engine, ...SMALL });
    const { nothing, all } = await hurtEverywhere(stage, { from: AFTER_READING, by: 'SIGKILL' }, async ({ signal }) => {
      expect(signal).toBe('SIGKILL');
      await endLeases(stage);
    });
    expect(nothing).toBeGreaterThan(10);
    expect(all).toBeGreaterThan(0);
  }, 600_000);

  test('a run told to stop before any single statement has written all or nothing, and leaves no lease when it was nothing', async () => {
    const stage = await setStage({ engine, ...SMALL });
    const codes = new Set<number | null>();
    const { nothing, all } = await hurtEverywhere(stage, { from: AFTER_READING, by: 'SIGTERM' }, async ({ code }, landed) => {
      codes.add(code);
      // A stop in the middle of a release leaves the lease to end by itself.
      if (landed) await endLeases(stage);
      else expect(await rowsOf(stage.storeUrl, 'SELECT name FROM leases WHERE token IS NOT NULL')).toEqual([]);
    });
    // 0 where it came too late to stop anything.
    expect([...codes].filter((code) => code !== 143 && code !== 0)).toEqual([]);
    expect(codes).toContain(143);
    expect(nothing).toBeGreaterThan(5);
    expect(all).toBeGreaterThan(0);
  }, 600_000);
});

test('a run killed before any single call of Redis has written all or nothing, and the next one finishes it', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.close());
  const stage = await setStage({ ...SMALL, yaml: `redis: ${redis.url}\nlock: { ttl: 60s, fair: false }\n` });
  const { nothing, all } = await hurtEverywhere(stage, { on: 'redis', by: 'SIGKILL', churn: AS_MANY }, async ({ signal }) => {
    expect(signal).toBe('SIGKILL');
    await endRedisLeases(redis);
  });
  expect(nothing).toBeGreaterThan(5);
  expect(all).toBeGreaterThan(0);
}, 600_000);
