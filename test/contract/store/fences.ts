import { describe, expect, test } from 'vitest';
import { type Bench, CORP, openBench, type OpenEngine, rowsOf, sync, WRITER } from '../../support/stores.ts';
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
      expect([await rowsOf(database, 'corps'), await rowsOf(database, 'runs')]).toEqual(rows);
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
  });
}
