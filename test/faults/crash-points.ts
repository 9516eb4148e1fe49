import { expect, test } from 'vitest';
import type { ChurnInput } from '../../src/sandbox/churn.ts';
import { start } from '../support/cli.ts';
import type { Ended } from '../support/cli.ts';
import { forEveryNth } from '../support/every.ts';
import { endLeases, expectTruth, organisationOf } from '../support/recovery.ts';
import { type EngineName, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';

const DIE_AT = new URL('die-at.js', import.meta.url).href;

/** The first statement after WeCom was read: from here on it is comparing and writing. */
const AFTER_READING = 'FROM departments WHERE corp_id';

/** The COMMIT of a corp's changes: the second call from here on follows it. */
const AT_COMMIT = 'INSERT INTO changes,COMMIT';

const UNCHANGED = { joined: 0, departed: 0, changed: 0, departmentsChanged: 0 };

/** Where a run is hurt, and by what; see die-at.js. */
interface Blow {
  readonly on?: 'store' | 'redis';
  readonly from?: string | undefined;
  readonly by: NodeJS.Signals;
  /** Which part of the calls is tried in `npm test`: every so manieth. */
  readonly step: number;
  /** What changes at WeCom before each; an ordinary week, departures included, unless told otherwise. */
  readonly churn?: ChurnInput;
}

/** A run that hurts itself before its n-th call; when it has none, how many it has. */
async function hurtAt({ configPath }: Stage, n: number, { on = 'store', from = '', by }: Blow): Promise<Ended | number> {
  const env = { NODE_OPTIONS: `--import=${DIE_AT}`, ORGSYNC_TEST_DIE_AT: String(n), ORGSYNC_TEST_DIE_ON: on, ORGSYNC_TEST_DIE_FROM: from, ORGSYNC_TEST_DIE_BY: by };
  const ended = await start(['--config', configPath, 'run', '--allow-departures'], { env }).ended;
  if (ended.stderr.startsWith('struck')) return ended;
  expect(ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/^never struck: \d+ calls\n$/) as string });
  return Number(/\d+/.exec(ended.stderr)?.[0]);
}

/** How often a blow left nothing of the run's work, and all of it; and how many calls a run has. */
interface Left {
  nothing: number;
  all: number;
  calls: number;
}

/** Deals the blow at every n, or a part of them; after each the store holds nothing of the work or all of it, and one clean run makes it true. */
export async function hurtEverywhere(stage: Stage, blow: Blow, expectAfter: (ended: Ended, landed: boolean) => Promise<void>): Promise<Left> {
  await stage.sync();
  const left = { nothing: 0, all: 0 };
  const strike = async (n: number, from = blow.from): Promise<number | undefined> => {
    stage.sandbox.churn({ seed: n, ...blow.churn });
    const before = await organisationOf(stage);
    const ended = await hurtAt(stage, n, { ...blow, from });
    if (typeof ended === 'number') return ended;
    const landed = JSON.stringify(await organisationOf(stage)) !== JSON.stringify(before);
    await expectAfter(ended, landed);
    const report = await stage.sync({ allowDepartures: true });
    expect(report).toMatchObject({ outcome: 'ok' });
    left[landed ? 'all' : 'nothing'] += 1;
    if (landed) expect(report.corps[0]?.counts).toEqual(UNCHANGED);
    await expectTruth(stage);
    return undefined;
  };
  const { tried, of } = await forEveryNth(strike, { step: blow.step });
  expect(tried).toBe(left.nothing + left.all);
  // How many calls a run has depends on what changed: a part of them may hold none of the last ones.
  if (blow.on !== 'redis') await strike(2, AT_COMMIT);
  return { ...left, calls: of };
}

/** A corp that is quickly read. */
export const SMALL = { members: 8, departments: 3 } as const;

/** What a run leaves in a store, wherever among its statements it ends. */
export function describeStatements(engine: EngineName): void {
  test('a run killed before any single statement of its apply, COMMIT and what follows included, has written all or nothing', async () => {
    const stage = await setStage({ engine, ...SMALL });
    const { nothing, all, calls } = await hurtEverywhere(stage, { from: AFTER_READING, by: 'SIGKILL', step: 5 }, async ({ signal }) => {
      expect(signal).toBe('SIGKILL');
      await endLeases(stage);
    });
    expect(calls).toBeGreaterThan(30);
    expect(nothing).toBeGreaterThan(4);
    expect(all).toBeGreaterThan(0);
  });

  test('a run told to stop before any single statement has written all or nothing, and leaves no lease when it was nothing', async () => {
    const stage = await setStage({ engine, ...SMALL });
    const codes = new Set<number | null>();
    const { nothing, all, calls } = await hurtEverywhere(stage, { from: AFTER_READING, by: 'SIGTERM', step: 5 }, async ({ code }, landed) => {
      codes.add(code);
      // A stop in the middle of a release leaves the lease to end by itself.
      if (landed) await endLeases(stage);
      else expect(await rowsOf(stage.storeUrl, 'SELECT name FROM leases WHERE token IS NOT NULL')).toEqual([]);
    });
    // 0 where it came too late to stop anything.
    expect([...codes].filter((code) => code !== 143 && code !== 0)).toEqual([]);
    expect(codes).toContain(143);
    expect(calls).toBeGreaterThan(30);
    expect(nothing).toBeGreaterThan(3);
    expect(all).toBeGreaterThan(0);
  });
}
