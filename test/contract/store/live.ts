import { describe, expect, test } from 'vitest';
import { diff } from '../../../src/core/diff.ts';
import { type ChangeSet, memberKey, type SeenMember } from '../../../src/core/model.ts';
import type { LiveEnd } from '../../../src/core/ports/looking-up.ts';
import type { Sight } from '../../../src/core/sighting.ts';
import type { Store } from '../../../src/store/store.ts';
import { openHistory } from '../../../src/store/organisation/history.ts';
import { department, seen, snapshot } from '../../support/organisation.ts';
import { type Bench, CORP, openBench, type OpenEngine, organisationRows, plan, rowsOf, sync, WRITER } from '../../support/stores.ts';
import { LI, ZHANG } from './people.ts';

/** What a live lookup writes, in every store. */
export function describeLiveLookups(name: string, place: () => Promise<OpenEngine>): void {
  const open = (): Promise<Bench> => openBench(place());

  describe(`a live lookup into ${name}`, () => {
    const sight = (member: SeenMember): Sight => ({ phone: '+8613800138000', region: 'CN', found: member, holders: [], losers: [] });
    const writeLive = async (store: Store, member: SeenMember, writer = WRITER): Promise<LiveEnd> =>
      await store.commitLive(CORP, sight(member), { mark: await store.mark(CORP), writer });

    test('is refused to an older version and to another environment, unless that is allowed', async () => {
      const { store, another, database } = await open();
      const fence = await store.begin(CORP, { ...WRITER, environment: 'SCHEDULE_ENV=production' });
      await store.commit(fence, { departments: [], members: [], reseen: [] }, { requests: 0 });
      const older = { ...WRITER, version: '0.9.0' };
      await expect(writeLive(store, LI, older)).rejects.toMatchObject({ kind: 'refused', code: 'newer_writer' });
      await expect(writeLive(store, LI, { ...WRITER, accepts: () => false })).rejects.toMatchObject({ kind: 'refused', code: 'other_environment' });
      expect(await rowsOf(database, 'members')).toEqual([]);
      await writeLive(another({ allowTakeover: true }), LI, older);
      expect(await rowsOf(database, 'members')).toHaveLength(1);
    });

    test('survives the run that began before it, whoever it saw: changed, new, or unchanged', async () => {
      const { store, another, database } = await open();
      await sync(store, [ZHANG, LI, seen('wangwu')]);
      const slow = await store.begin(CORP, WRITER);
      const live = another();
      await writeLive(live, seen('zhangsan', { mobile: '13700137000' }, [1, 2]));
      await writeLive(live, seen('new', { name: 'live' }));
      await writeLive(live, LI);
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
      await writeLive(another(), live);
      for (const member of [ZHANG, live]) expect((await store.readBefore(CORP, snapshot([member, LI]))).members.size).toBe(1);
      const { committed } = await sync(store, [ZHANG, LI]);
      expect(committed.counts.changed).toBe(1);
      expect((await store.findMembers(CORP, [memberKey('zhangsan')])).get(memberKey('zhangsan'))?.fields.mobile).toBe('13800138000');
    });

    test('leaves changes without a run, says where the number came from, and writes nothing twice', async () => {
      const { store, database, clock } = await open();
      await sync(store, [LI, ZHANG]);
      clock.now += 60_000;
      const changed = seen('lisi', { mobile: '13700137000' });
      expect(await writeLive(store, changed)).toBe('written');
      const rows = await organisationRows(database);
      clock.now += 60_000;
      await writeLive(store, changed);
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
      await writeLive(store, ZHANG);
      expect((await store.corps())[0]).toMatchObject({ corp: CORP, fence: 0, lastSuccessAt: null, triedSince: null, memberCount: 1 });
      expect((await sync(store, [])).committed.memberCount).toBe(1);
    });

    test('that asked before a run began writes nothing over what that run committed', async () => {
      const { store, another, database } = await open();
      await sync(store, [ZHANG, LI]);
      const mark = await store.mark(CORP);
      await sync(another(), [seen('zhangsan', { mobile: '13600136000' })], { left: ['lisi'] });
      const [rows, history] = [await organisationRows(database), await rowsOf(database, 'changes')];
      for (const late of [ZHANG, LI]) expect(await store.commitLive(CORP, sight(late), { mark, writer: WRITER })).toBe('overtaken');
      expect([await organisationRows(database), await rowsOf(database, 'changes')]).toEqual([rows, history]);
      expect(await store.commitLive(CORP, sight(seen('zhangsan', { mobile: '13600136000' })), { mark, writer: WRITER })).toBe('written');
      expect(await writeLive(store, ZHANG)).toBe('written');
    });

    test('that a run was active beside says that only asking again can tell, and is compared with what that run left', async () => {
      const { store, another, database } = await open();
      await sync(store, [ZHANG, LI]);
      const slow = await another().begin(CORP, WRITER);
      const mark = await store.mark(CORP);
      const changes = await plan(store, [{ ...ZHANG, fields: { ...ZHANG.fields, alias: 'by the run', mobile: '13600136000' } }, LI]);
      await another().commit(slow, changes, { requests: 1 });
      expect(await store.commitLive(CORP, sight(seen('zhangsan', { mobile: '13500135000' })), { mark, writer: WRITER })).toBe('beside');
      expect(await writeLive(store, seen('zhangsan', { mobile: '13500135000' }))).toBe('written');
      const [last] = (await rowsOf(database, 'changes', 'id, run_id, old_values, new_values')).slice(-1);
      expect(JSON.parse(String(last?.['old_values']))).toMatchObject({ mobile: '13600136000', name: '张三' });
      expect((await store.findMembers(CORP, [memberKey('zhangsan')])).get(memberKey('zhangsan'))?.fields).toMatchObject({ alias: 'by the run', mobile: '13500135000' });
    });

    test('that asked before somebody was erased does not bring them back, and one that asks afterwards may', async () => {
      const { store, database } = await open();
      await sync(store, [ZHANG, LI]);
      const mark = await store.mark(CORP);
      await openHistory(database).erase({ corpId: CORP.id, userid: 'zhangsan' });
      expect(await store.commitLive(CORP, sight(ZHANG), { mark, writer: WRITER })).toBe('overtaken');
      expect(await store.commitLive(CORP, { phone: '+8613800138000', region: 'CN', holders: [ZHANG], losers: [memberKey('zhangsan')] }, { mark: await store.mark(CORP), writer: WRITER })).toBe('same');
      expect(await rowsOf(database, 'members', 'userid, name')).toHaveLength(1);
      expect(await writeLive(store, ZHANG)).toBe('written');
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
