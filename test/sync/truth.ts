import { describe, expect, test } from 'vitest';
import type { ChangeInput } from '../../src/sandbox/changes.ts';
import { editionNames } from '../../src/sandbox/secrets.ts';
import { sampleOf } from '../support/every.ts';
import { corpOf } from '../support/sandbox.ts';
import { type EngineName, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';
import type { Organisation } from '../support/truth.ts';

const CHANGES_ALLOWED = 'safety: { max_departures: 50%, max_department_removals: 50% }\n';

export async function expectTruth(stage: Stage): Promise<void> {
  for (const id of stage.sandbox.world.corps.keys()) {
    const { stored, source } = await stage.organisations(id);
    expect(stored).toEqual(source);
  }
}

/** What a run makes of a store on this engine. */
export function describeTruth(engine: EngineName): void {
  describe(`on ${engine}, the store equals the source`, () => {
    test('after the first load', async () => {
      const stage = await setStage({ engine, corps: 3 });
      expect(await stage.sync()).toMatchObject({ outcome: 'ok', exitCode: 0 });
      await expectTruth(stage);
    });

    test('after twenty rounds of change, each of which is in the history', async () => {
      const stage = await setStage({ engine, corps: 2, members: 120, departments: 15, yaml: CHANGES_ALLOWED });
      await stage.sync();
      for (let round = 1; round <= 20; round += 1) {
        stage.sandbox.churn({ seed: round });
        const report = await stage.sync();
        expect(report).toMatchObject({ outcome: 'ok' });
        await expectTruth(stage);
        const [row] = await rowsOf(stage.storeUrl, 'SELECT COUNT(*) AS n FROM changes WHERE run_id = (SELECT MAX(id) FROM runs WHERE corp_id = ?)', [corpOf(stage.sandbox).id]);
        const { counts } = report.corps[0] ?? {};
        expect(Number(row?.['n'])).toBe((counts?.joined ?? 0) + (counts?.departed ?? 0) + (counts?.changed ?? 0) + (counts?.departmentsChanged ?? 0));
      }
    });

    test.each(editionNames)('after the first load and five rounds of change, where WeCom answers as the edition "%s" does', async (edition) => {
      const stage = await setStage({ engine, yaml: CHANGES_ALLOWED });
      const { id } = corpOf(stage.sandbox);
      stage.sandbox.change({ op: 'setSecret', corp: id, kind: 'app_pre2022', patch: { edition } });
      for (let round = 0; round <= 5; round += 1) {
        if (round > 0) stage.sandbox.churn({ seed: round });
        expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
        await expectTruth(stage);
      }
    });

    test('after rounds of change in each of which WeCom answers by another edition', async () => {
      const stage = await setStage({ engine, yaml: CHANGES_ALLOWED });
      const { id } = corpOf(stage.sandbox);
      let before: Organisation | undefined;
      for (const [round, edition] of [...editionNames, ...editionNames].entries()) {
        stage.sandbox.change({ op: 'setSecret', corp: id, kind: 'app_pre2022', patch: { edition } });
        // Who comes back is remembered in full, past what `before` holds.
        stage.sandbox.churn({ seed: round + 1, return: 0 });
        expect(await stage.sync({ allowDepartures: true })).toMatchObject({ outcome: 'ok' });
        const { stored, source } = await stage.organisations(id, before);
        expect(stored).toEqual(source);
        before = stored;
      }
    });

    test('after a run that changed nothing, which writes no row of it', async () => {
      const stage = await setStage({ engine });
      await stage.sync();
      const fingerprint = async (): Promise<unknown> =>
        Promise.all(['departments', 'members', 'memberships', 'changes'].map((table) => rowsOf(stage.storeUrl, `SELECT * FROM ${table} ORDER BY 1, 2, 3`)));
      const before = await fingerprint();
      const report = await stage.sync();
      expect(report.corps[0]?.counts).toEqual({ joined: 0, departed: 0, changed: 0, departmentsChanged: 0 });
      expect(await fingerprint()).toEqual(before);
    });

    test('after a run in which the token dies at the n-th request, for every n', async () => {
      const stage = await setStage({ engine, members: 30, departments: 8 });
      const first = await stage.sync();
      const requests = first.corps[0]?.requests ?? 0;
      expect(requests).toBeGreaterThan(9);
      for (const n of sampleOf(Array.from({ length: requests }, (_, index) => index + 1), 3)) {
        stage.sandbox.churn({ seed: n, departmentCreate: 0, departmentRemove: 0 });
        const rule = stage.sandbox.faults.add({ nth: n, effect: { kind: 'killToken', as: n % 2 === 0 ? 40014 : 42001 } });
        expect(await stage.sync({ allowDepartures: true })).toMatchObject({ outcome: 'ok' });
        rule.remove();
        await expectTruth(stage);
      }
    });
  });

  test('a member who moves between two departments during the walk never departs, whichever is read first', async () => {
    const stage = await setStage({ engine, members: 12, departments: 4, wecom: '  rate: 300\n  rate_address: 300\n  concurrency: 1\n' });
    const corp = corpOf(stage.sandbox);
    const somebody = [...corp.members.values()].find(({ status }) => status === 1);
    if (somebody === undefined) throw new Error('the world has nobody to move');
    const move = (department: number): ChangeInput => ({ op: 'moveMember', corp: corp.id, userid: somebody.userid, places: [{ department, order: 0, leader: false }] });
    const ids = [...corp.departmentIds];
    const moves = ids.flatMap((from) => ids.filter((id) => id !== from).flatMap((to) => ids.map((_, index) => ({ from, to, nth: index + 1 }))));
    expect(moves.length).toBe(48);
    for (const { from, to, nth } of sampleOf(moves, 5)) {
      stage.sandbox.change(move(from));
      expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
      const rule = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth, effect: { kind: 'change', change: move(to) } });
      expect(await stage.sync()).toMatchObject({ outcome: 'ok', corps: [{ counts: { departed: 0, joined: 0 } }] });
      rule.remove();
      await stage.sync();
      await expectTruth(stage);
    }
    expect(stage.sandbox.stats.corp(corp.id).byEndpoint['user/get']).toBeGreaterThan(0);
  });
}
