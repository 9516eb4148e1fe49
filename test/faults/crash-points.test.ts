import { describe, expect, test } from 'vitest';
import { start } from '../support/cli.ts';
import type { Ended } from '../support/cli.ts';
import { forEveryNth } from '../support/every.ts';
import { endLeases, expectTruth, organisationOf } from '../support/recovery.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const DIE_AT = new URL('die-at.js', import.meta.url).href;

/** The first statement after WeCom was read: from here on it is comparing and writing. */
const AFTER_READING = 'FROM departments WHERE corp_id';

/** A run that kills itself before its n-th call of the database once the reading is done. */
async function dieAt({ configPath }: Stage, n: number): Promise<Ended> {
  const env = { NODE_OPTIONS: `--import=${DIE_AT}`, ORGSYNC_TEST_DIE_AT: String(n), ORGSYNC_TEST_DIE_FROM: AFTER_READING };
  return await start(['--config', configPath, 'run'], { env }).ended;
}

describe.each(ENGINES)('on %s', (engine) => {
  test('a run killed before any single statement of its apply, COMMIT and what follows included, has written all or nothing', async () => {
    const stage = await setStage({ engine, members: 8, departments: 3 });
    await stage.sync();
    let [nothing, all] = [0, 0];
    const deaths = await forEveryNth(async (n) => {
      stage.sandbox.churn({ seed: n, departmentCreate: 0, departmentRemove: 0, leave: 0, return: 0 });
      const before = await organisationOf(stage);
      const { code, signal } = await dieAt(stage, n);
      if (signal === null) {
        expect(code).toBe(0);
        return false;
      }
      await endLeases(stage);
      const after = await organisationOf(stage);
      const report = await stage.sync();
      if (JSON.stringify(after) === JSON.stringify(before)) nothing += 1;
      else {
        all += 1;
        expect(report.corps[0]?.counts).toEqual({ joined: 0, departed: 0, changed: 0, departmentsChanged: 0 });
      }
      expect(report.outcome).toBe('ok');
      await expectTruth(stage);
      return true;
    });
    expect(deaths).toBe(nothing + all);
    expect(nothing).toBeGreaterThan(10);
    expect(all).toBeGreaterThan(0);
  }, 600_000);
});
