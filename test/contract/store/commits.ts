import { describe, expect, test } from 'vitest';
import type { SqlValue } from '../../../src/store/engine/database.ts';
import { openDatabase as openUnits } from '../../../src/store/engine/transaction.ts';
import { systemClock } from '../../../src/local/clock.ts';
import { createStore } from '../../../src/store/store.ts';
import { department, membership, seen, snapshot } from '../../support/organisation.ts';
import { type Bench, CORP, openBench, type OpenEngine, organisationRows, plan, rowsOf, sync, WRITER } from '../../support/stores.ts';
import { failingAt, watching } from '../../support/watching.ts';
import { DEPARTMENTS, LI, ZHANG } from './people.ts';

/** What every store promises of a commit. */
export function describeCommits(name: string, place: () => Promise<OpenEngine>): void {
  const open = (): Promise<Bench> => openBench(place());

  describe(`a commit to ${name}`, () => {
    test('repeated with the same changes, changes no row and tells no change a second time', async () => {
      const { store, database, clock } = await open();
      const first = await sync(store, [ZHANG, LI, seen('gone')], { departments: DEPARTMENTS });
      const second = await sync(store, [ZHANG, seen('lisi', { alias: 'new' }, [2])], { departments: [department(1)], left: ['gone'] });
      const rows = await organisationRows(database);
      const history = await rowsOf(database, 'changes');
      clock.now += 60_000;
      const fence = await store.begin(CORP, WRITER);
      const again = await store.commit(fence, second.changes, { requests: 1 });
      expect(again.counts).toEqual({ joined: 0, departed: 0, changed: 0, departmentsChanged: 0 });
      expect(again.memberCount).toBe(2);
      expect(await organisationRows(database)).toEqual(rows);
      expect(await rowsOf(database, 'changes')).toEqual(history);
      expect(first.changes.members).toHaveLength(3);
    });

    test('whose fence is old writes nothing at all and says so', async () => {
      const { store, database, another } = await open();
      await sync(store, [ZHANG, LI]);
      const paused = await store.begin(CORP, WRITER);
      const changes = await plan(store, [seen('zhangsan', { name: 'OLD' }), seen('new')]);
      await sync(another(), [seen('zhangsan', { name: 'NEW' }), LI]);
      const rows = await organisationRows(database);
      const [corps, runs, history] = [await rowsOf(database, 'corps'), await rowsOf(database, 'runs'), await rowsOf(database, 'changes')];
      await expect(store.commit(paused, changes, { requests: 1 })).rejects.toMatchObject({ kind: 'temporary', code: 'fenced_off' });
      expect(await organisationRows(database)).toEqual(rows);
      expect([await rowsOf(database, 'corps'), await rowsOf(database, 'runs'), await rowsOf(database, 'changes')]).toEqual([corps, runs, history]);
    });

    test('that failed at any statement leaves the organisation as it was, and works when it is run again', async () => {
      const { store, database, openEngine, clock } = await open();
      await sync(store, [ZHANG, LI], { departments: DEPARTMENTS });
      const rows = await organisationRows(database);
      const next = [seen('zhangsan', { name: 'x' }, [2]), seen('new')];
      const changes = await plan(store, next, { left: ['lisi'] });
      let failures = 0;
      for (let statement = 1; ; statement += 1) {
        const fence = await store.begin(CORP, WRITER);
        const broken = createStore(openUnits(failingAt(openEngine(), statement), { clock: systemClock }), { now: () => clock.now, allowTakeover: false });
        const outcome = await broken.commit(fence, changes, { requests: 1 }).then(() => 'done', () => 'failed');
        if (outcome === 'done') break;
        failures += 1;
        expect(await organisationRows(database)).toEqual(rows);
      }
      expect(failures).toBeGreaterThan(12);
      expect((await store.readBefore(CORP, snapshot(next))).same.size).toBe(2);
    });

    test('asked for twice with one fence does its work once, and tells of it twice', async () => {
      const { store, database } = await open();
      const { fence, changes, committed } = await sync(store, [ZHANG, LI], { departments: DEPARTMENTS });
      expect(await store.commit(fence, changes, { requests: 7 })).toEqual(committed);
      expect(await rowsOf(database, 'changes')).toHaveLength(4);
      await store.begin(CORP, WRITER);
      expect(await store.commit(fence, changes, { requests: 7 })).toEqual(committed);
    });

    test('knows since when a corp is tried that never succeeded, and no longer asks once it has', async () => {
      const { store, clock } = await open();
      const triedSince = new Date(clock.now);
      for (let times = 0; times < 3; times += 1) {
        await store.finish(await store.begin(CORP, WRITER), { outcome: 'failed', requests: 3, error: 'no answer' });
        clock.now += 60_000;
      }
      await store.begin({ id: 'ww2', name: 'Later' }, WRITER);
      expect(await store.corps()).toMatchObject([{ corp: CORP, lastSuccessAt: null, triedSince }, { corp: { id: 'ww2' }, triedSince: new Date(clock.now) }]);
      await sync(store, [ZHANG], { departments: DEPARTMENTS });
      expect((await store.corps())[0]).toMatchObject({ lastSuccessAt: new Date(clock.now), triedSince: null });
    });

    test('closes the run and moves the last success, which nothing else does', async () => {
      const { store, clock } = await open();
      const failing = await store.begin(CORP, WRITER);
      clock.now += 1_250;
      await store.finish(failing, { outcome: 'failed', requests: 3, error: 'no answer' });
      await store.finish(failing, { outcome: 'held_back', requests: 9, error: 'too late' });
      expect((await store.corps())[0]).toMatchObject({ lastSuccessAt: null, fence: 1, lastRunId: failing.runId, writerVersion: null });
      const { fence } = await sync(store, [ZHANG], { departments: DEPARTMENTS });
      await store.finish(fence, { outcome: 'interrupted', requests: 9, error: 'too late' });
      await store.begin(CORP, WRITER);
      expect((await store.corps())[0]).toMatchObject({ corp: CORP, lastSuccessAt: new Date(clock.now), fence: 3, writerVersion: '1.4.2', memberCount: 1, departmentCount: 2 });
      expect(await store.runs(CORP.id, 9)).toEqual([
        expect.objectContaining({ outcome: 'interrupted', finishedAt: null, startedAt: new Date(clock.now) }),
        expect.objectContaining({ id: fence.runId, outcome: 'ok', requests: 7, counts: { joined: 1, departed: 0, changed: 0, departmentsChanged: 2 }, error: null, host: 'host-1', version: '1.4.2' }),
        expect.objectContaining({ id: failing.runId, corpId: CORP.id, outcome: 'failed', requests: 3, error: 'no answer', finishedAt: new Date(clock.now) }),
      ]);
      expect(await store.runs(CORP.id, 1)).toHaveLength(1);
      const at = new Date(clock.now).toISOString().slice(0, 10);
      expect(await store.runDays(CORP.id, new Date(0))).toEqual([{ at, runs: 2, troubled: 1, seconds: 1.25, requests: 10, joined: 1, departed: 0, changed: 0 }]);
      expect(await store.runDays(CORP.id, new Date(clock.now + 1))).toEqual([]);
    });

    test('writes rows in order of their keys', async () => {
      const { store, openEngine, clock } = await open();
      const written: SqlValue[][] = [];
      const watched = watching(openEngine(), (sql, values) => {
        if (sql.startsWith('INSERT INTO members ')) written.push([...values]);
      });
      const fence = await store.begin(CORP, WRITER);
      const changes = await plan(store, ['c', 'B', 'a', 'D'].map((userid) => seen(userid)));
      await createStore(openUnits(watched, { clock: systemClock }), { now: () => clock.now, allowTakeover: false }).commit(fence, changes, { requests: 1 });
      const userids = written.flat().filter((value) => ['a', 'B', 'c', 'D'].includes(String(value)));
      expect(userids).toEqual(['a', 'B', 'c', 'D']);
    });

    test('touches only the memberships that differ', async () => {
      const { store, openEngine, clock } = await open();
      await sync(store, [seen('a', {}, [1, 2, 3]), LI]);
      const writes: string[] = [];
      const watched = watching(openEngine(), (sql, values) => {
        if (sql.includes('memberships') && !sql.startsWith('SELECT')) writes.push(`${sql.slice(0, 6)} ${values.slice(1).join(' ')}`);
      });
      const fence = await store.begin(CORP, WRITER);
      const changes = await plan(store, [{ ...seen('a'), memberships: [membership(1), membership(3, { isLeader: true }), membership(4)] }, LI]);
      await createStore(openUnits(watched, { clock: systemClock }), { now: () => clock.now, allowTakeover: false }).commit(fence, changes, { requests: 1 });
      expect(writes).toEqual(['DELETE a 2', `INSERT a 3 0 1 ${CORP.id} a 4 0 0`]);
    });

    test('records every change under the columns’ names', async () => {
      const { store, database } = await open();
      const { fence } = await sync(store, [seen('a', { bizMail: 'a@x' })], { departments: [department(1)] });
      const second = await sync(store, [{ ...seen('a', { bizMail: 'b@x' }), memberships: [membership(1, { isLeader: true })] }], { departments: [department(1, { nameEn: 'HQ' })] });
      await sync(store, [], { left: ['a'], departments: [department(1, { nameEn: 'HQ' })] });
      const rows = (await rowsOf(database, 'changes')).map((row) => ({ ...row, old_values: parsed(row['old_values']), new_values: parsed(row['new_values']) }));
      const common = { corp_id: CORP.id, at: '2026-03-01 08:00:00.000' };
      const [plain, leading] = [0, 1].map((leader) => ({ department_id: 1, sort_order: 0, is_leader: leader === 1 }));
      expect(rows).toMatchObject([
        { run_id: fence.runId, ...common, entity: 'department', entity_id: '1', action: 'created', old_values: null, new_values: { parent_id: 0, sort_order: 0 } },
        { run_id: fence.runId, entity: 'member', entity_id: 'a', action: 'joined', old_values: null, new_values: { biz_mail: 'a@x', status: 1, memberships: [plain] } },
        { run_id: second.fence.runId, entity: 'department', action: 'changed', old_values: { name_en: null }, new_values: { name_en: 'HQ' } },
        { entity: 'member', action: 'changed', old_values: { biz_mail: 'a@x', memberships: [plain] }, new_values: { biz_mail: 'b@x', memberships: [leading] } },
        { entity: 'member', action: 'departed', old_values: { memberships: [leading] }, new_values: { memberships: [] } },
      ]);
    });
  });
}

function parsed(value: SqlValue | undefined): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value;
}
