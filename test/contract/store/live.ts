import { describe, expect, test } from 'vitest';
import { diff, diffMember } from '../../../src/core/diff.ts';
import { type ChangeSet, memberKey, type SeenMember } from '../../../src/core/model.ts';
import type { Store } from '../../../src/store/store.ts';
import { department, seen, snapshot } from '../../support/organisation.ts';
import { type Bench, CORP, openBench, type OpenEngine, organisationRows, rowsOf, sync, WRITER } from '../../support/stores.ts';
import { LI, ZHANG } from './people.ts';

/** What a live lookup writes, in every store. */
export function describeLiveLookups(name: string, place: () => Promise<OpenEngine>): void {
  const open = (): Promise<Bench> => openBench(place());

  describe(`a live lookup into ${name}`, () => {
    const sighting = async (store: Store, member: SeenMember): Promise<ChangeSet> => {
      const stored = (await store.findMembers(CORP, [memberKey(member.userid)])).get(memberKey(member.userid));
      const change = diffMember(stored, member, 'CN');
      return { departments: [], members: change === undefined ? [] : [change], reseen: change === undefined ? [member] : [] };
    };

    test('is refused to an older version and to another environment, unless that is allowed', async () => {
      const { store, another, database } = await open();
      const fence = await store.begin(CORP, { ...WRITER, environment: 'SCHEDULE_ENV=production' });
      await store.commit(fence, { departments: [], members: [], reseen: [] }, { requests: 0 });
      const changes = await sighting(store, LI);
      const older = { ...WRITER, version: '0.9.0' };
      await expect(store.commitLive(CORP, changes, older)).rejects.toMatchObject({ kind: 'refused', code: 'newer_writer' });
      await expect(store.commitLive(CORP, changes, { ...WRITER, accepts: () => false })).rejects.toMatchObject({ kind: 'refused', code: 'other_environment' });
      expect(await rowsOf(database, 'members')).toEqual([]);
      await another({ allowTakeover: true }).commitLive(CORP, changes, older);
      expect(await rowsOf(database, 'members')).toHaveLength(1);
    });

    test('survives the run that began before it, whoever it saw: changed, new, or unchanged', async () => {
      const { store, another, database } = await open();
      await sync(store, [ZHANG, LI, seen('wangwu')]);
      const slow = await store.begin(CORP, WRITER);
      const live = another();
      await live.commitLive(CORP, await sighting(live, seen('zhangsan', { mobile: '13700137000' }, [1, 2])), WRITER);
      await live.commitLive(CORP, await sighting(live, seen('new', { name: 'live' })), WRITER);
      await live.commitLive(CORP, await sighting(live, LI), WRITER);
      const rows = await organisationRows(database);
      const old = await staleChanges();
      const committed = await store.commit(slow, old, { requests: 1 });
      expect(committed.counts).toEqual({ joined: 0, departed: 1, changed: 0, departmentsChanged: 0 });
      expect(committed.memberCount).toBe(3);
      const now = await organisationRows(database);
      expect(now['members']?.filter(({ userid }) => userid !== 'wangwu')).toEqual(rows['members']?.filter(({ userid }) => userid !== 'wangwu'));
    });

    test('is compared in full by the next run, which may change it', async () => {
      const { store, another } = await open();
      await sync(store, [ZHANG, LI]);
      const live = seen('zhangsan', { mobile: '13700137000' }, [1, 2]);
      await another().commitLive(CORP, await sighting(store, live), WRITER);
      for (const member of [ZHANG, live]) expect((await store.readBefore(CORP, snapshot([member, LI]))).members.size).toBe(1);
      const { committed } = await sync(store, [ZHANG, LI]);
      expect(committed.counts.changed).toBe(1);
      expect((await store.findMembers(CORP, [memberKey('zhangsan')])).get(memberKey('zhangsan'))?.fields.mobile).toBe('13800138000');
    });

    test('leaves changes without a run, says where the number came from, and writes nothing twice', async () => {
      const { store, database, clock } = await open();
      await sync(store, [LI, ZHANG]);
      clock.now += 60_000;
      const changes = await sighting(store, seen('lisi', { mobile: '13700137000' }));
      await store.commitLive(CORP, changes, WRITER);
      const rows = await organisationRows(database);
      clock.now += 60_000;
      await store.commitLive(CORP, changes, WRITER);
      expect(await organisationRows(database)).toEqual(rows);
      const history = await rowsOf(database, 'changes', 'id, run_id, entity_id, action');
      expect(history.filter(({ run_id: run }) => run === null)).toMatchObject([{ entity_id: 'lisi', action: 'changed' }]);
      expect(await rowsOf(database, 'members', 'userid, mobile_source, mobile_seen_at')).toEqual([
        { userid: 'lisi', mobile_source: 'lookup', mobile_seen_at: '2026-03-01 08:01:00.000' },
        { userid: 'zhangsan', mobile_source: 'run', mobile_seen_at: '2026-03-01 08:00:00.000' },
      ]);
      expect((await store.corps())[0]?.lastSuccessAt).toEqual(new Date(clock.now - 120_000));
    });

    test('may be the first that a corp is heard of', async () => {
      const { store } = await open();
      await store.commitLive(CORP, await sighting(store, ZHANG), WRITER);
      expect((await store.corps())[0]).toMatchObject({ corp: CORP, fence: 0, lastSuccessAt: null, triedSince: null, memberCount: 1 });
      expect((await sync(store, [])).committed.memberCount).toBe(1);
    });

    /** What a run would write that read WeCom before the lookup. */
    async function staleChanges(): Promise<ChangeSet> {
      const scratch = await open();
      await sync(scratch.store, [ZHANG, LI, seen('wangwu')]);
      const after = snapshot([seen('zhangsan', { mobile: '13100131000' }), seen('new', { name: 'stale' })], [department(1)], ['lisi', 'wangwu']);
      return diff(await scratch.store.readBefore(CORP, after), after, 'CN');
    }
  });
}
