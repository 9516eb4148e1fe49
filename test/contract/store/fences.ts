import { describe, expect, test } from 'vitest';
import { openDatabase as openUnits } from '../../../src/store/engine/transaction.ts';
import { openHistory } from '../../../src/store/organisation/history.ts';
import { createStore } from '../../../src/store/store.ts';
import { createHastyClock } from '../../support/clock.ts';
import { seen, snapshot } from '../../support/organisation.ts';
import { type Bench, CORP, openBench, type OpenEngine, organisationRows, plan, rowsOf, sync, WRITER } from '../../support/stores.ts';
import { LI } from './people.ts';

/** Who may write, in every store. */
export function describeFences(name: string, place: () => Promise<OpenEngine>): void {
  const open = (): Promise<Bench> => openBench(place());

  describe(`the fence in ${name}`, () => {
    test('grows with each taker, and two who take it at once get different ones', async () => {
      const { store, another } = await open();
      const taken = await Promise.all([store, another(), another(), another()].map((one) => one.begin(CORP, WRITER)));
      expect(taken.map(({ token }) => token).sort()).toEqual([1, 2, 3, 4]);
      expect(new Set(taken.map(({ runId }) => runId)).size).toBe(4);
    });

    test('is refused to an older version, unless that is allowed, and leaves no trace', async () => {
      const { store, another, database } = await open();
      await sync(store, [LI]);
      const rows = [await rowsOf(database, 'corps'), await rowsOf(database, 'runs')];
      for (const version of ['1.3.9', '0.9.0']) {
        await expect(store.begin(CORP, { ...WRITER, version })).rejects.toMatchObject({ kind: 'refused', code: 'newer_writer', message: expect.stringMatching(`1\\.4\\.2.*${version}`) as string, hint: expect.stringContaining('ORGSYNC_ALLOW_TAKEOVER=1') as string });
      }
      expect([...(await store.refusals({ ...WRITER, version: '0.9.0' }))]).toEqual([[CORP.id.toLowerCase(), expect.objectContaining({ code: 'newer_writer' })]]);
      expect([await rowsOf(database, 'corps'), await rowsOf(database, 'runs')]).toEqual(rows);
      expect([(await store.refusals(WRITER)).size, (await another({ allowTakeover: true }).refusals({ ...WRITER, version: '0.9.0' })).size]).toEqual([0, 0]);
      for (const version of ['1.4.0', '1.4.2', '1.10.0', '2.0.0']) await store.begin(CORP, { ...WRITER, version });
      await another({ allowTakeover: true }).begin(CORP, { ...WRITER, version: '0.9.0' });
    });

    test('is refused to another environment, unless that is allowed', async () => {
      const { store, another } = await open();
      const production = { ...WRITER, environment: 'SCHEDULE_ENV=production' };
      const fence = await store.begin(CORP, production);
      await store.commit(fence, { departments: [], members: [], reseen: [] }, { requests: 0 });
      const other = { ...WRITER, environment: 'SCHEDULE_ENV=pre', accepts: (environment: string) => environment === 'SCHEDULE_ENV=pre' };
      await expect(store.begin(CORP, other)).rejects.toMatchObject({ kind: 'refused', code: 'other_environment', message: expect.stringMatching('production.*pre') as string });
      await another({ allowTakeover: true }).begin(CORP, other);
      await store.begin(CORP, production);
    });

    test('passed by hand leaves the corp to the environment that it had', async () => {
      const { store } = await open();
      const commit = async (environment: string | null): Promise<unknown> =>
        await store.commit(await store.begin(CORP, { ...WRITER, environment }), { departments: [], members: [], reseen: [] }, { requests: 0 });
      await commit('SCHEDULE_ENV=production');
      await commit(null);
      const other = { ...WRITER, environment: 'SCHEDULE_ENV=pre', accepts: (environment: string) => environment === 'SCHEDULE_ENV=pre' };
      await expect(store.begin(CORP, other)).rejects.toMatchObject({ code: 'other_environment', message: expect.stringContaining('production') as string });
    });

    test('takes a gate of any length', async () => {
      const { store } = await open();
      const fence = await store.begin(CORP, { ...WRITER, environment: `REGION=${'x'.repeat(5_000)}` });
      await store.commit(fence, { departments: [], members: [], reseen: [] }, { requests: 0 });
    });

    test('is raised by an erasure, so that a run which read the person before writes nothing', async () => {
      const { store, another, database } = await open();
      await sync(store, [LI, seen('erased', { name: 'SOMEBODY' })]);
      const active = await store.begin(CORP, WRITER);
      const changes = await plan(store, [LI], { left: ['erased'] });
      const fresh = await plan(store, [LI, seen('erased', { name: 'SOMEBODY ELSE' })]);
      await openHistory(database).erase({ corpId: CORP.id, userid: 'erased' });
      for (const late of [changes, fresh]) {
        await expect(another().commit(active, late, { requests: 1 })).rejects.toMatchObject({ code: 'fenced_off', message: expect.stringContaining('erased') as string });
      }
      expect(JSON.stringify([await organisationRows(database), await rowsOf(database, 'changes')])).not.toContain('SOMEBODY');
      await openHistory(database).erase({ corpId: CORP.id, userid: 'erased' });
      expect((await sync(store, [LI])).fence.token).toBe(active.token + 2);
    });

    test('is not another run’s that has the same number and the same row id after a failover', async () => {
      const { store, database } = await open();
      await sync(store, [LI]);
      const lost = await store.begin(CORP, WRITER);
      const changes = await plan(store, [seen('lisi', { alias: 'OLD' })]);
      await database.transaction((connection) => connection.write("UPDATE runs SET nonce = 'the successor', outcome = 'ok' WHERE id = ?", [lost.runId]));
      await expect(store.commit(lost, changes, { requests: 1 })).rejects.toMatchObject({ code: 'fenced_off' });
      await store.finish(lost, { outcome: 'failed', requests: 1, error: 'OLD' });
      expect(JSON.stringify([await organisationRows(database), await rowsOf(database, 'runs')])).not.toContain('OLD');
    });

    test('is missing on a server that lags behind: neither compared nor committed there', async () => {
      const { store, database, openEngine } = await open();
      await sync(store, [LI]);
      const fence = await store.begin(CORP, WRITER);
      await database.transaction((connection) => connection.write('UPDATE corps SET fence = fence - 1'));
      const hasty = createStore(openUnits(openEngine(), { clock: createHastyClock() }), { now: () => 0, allowTakeover: false });
      const behind = { kind: 'unavailable', code: 'store_behind' };
      await expect(hasty.readBefore(CORP, snapshot([LI]), fence)).rejects.toMatchObject(behind);
      await expect(hasty.commit(fence, { departments: [], members: [], reseen: [] }, { requests: 0 })).rejects.toMatchObject(behind);
      const waiting = store.readBefore(CORP, snapshot([LI]), fence);
      await database.transaction((connection) => connection.write('UPDATE corps SET fence = fence + 1'));
      expect((await waiting).same.size).toBe(1);
      await hasty.close();
    });
  });
}
