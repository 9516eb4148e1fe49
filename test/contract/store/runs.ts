import { describe, expect, test } from 'vitest';
import { memberKey } from '../../../src/core/model.ts';
import { department, membership, seen, snapshot } from '../../support/organisation.ts';
import { type Bench, CORP, openBench, type OpenEngine, rowsOf, sync } from '../../support/stores.ts';
import { DEPARTMENTS, LI, ZHANG } from './people.ts';

/** What every store does with what a run found. */
export function describeRuns(name: string, place: () => Promise<OpenEngine>): void {
  const open = (): Promise<Bench> => openBench(place());

  describe(`a run into ${name}`, () => {
    test('stores every field as WeCom sent it, and reads it back the same', async () => {
      const { store } = await open();
      const { committed } = await sync(store, [ZHANG, LI], { departments: DEPARTMENTS });
      expect(committed).toEqual({ counts: { joined: 2, departed: 0, changed: 0, departmentsChanged: 2 }, memberCount: 2, departmentCount: 2 });
      const found = await store.findMembers(CORP, [memberKey('zhangsan'), memberKey('nobody')]);
      expect([...found.keys()]).toEqual(['zhangsan']);
      expect(found.get(memberKey('zhangsan'))).toEqual({ ...ZHANG, mobileE164: '+8613800138000', departed: false });
      const before = await store.readBefore(CORP, snapshot([]));
      expect(before.departments.get(2)).toEqual({ id: 2, parentId: 1, sortOrder: 4_294_967_295, name: '研发', nameEn: 'R&D', leaders: ['zhangsan'], removed: false });
    });

    test('keeps what was never sent apart from what was sent empty', async () => {
      const { store, database } = await open();
      await sync(store, [seen('a'), seen('b', { mobile: '', gender: '0', directLeaders: [], extattr: {} })]);
      const found = await store.findMembers(CORP, [memberKey('a'), memberKey('b')]);
      expect(found.get(memberKey('a'))?.fields).toMatchObject({ mobile: null, gender: null, directLeaders: null, extattr: null });
      expect(found.get(memberKey('b'))?.fields).toMatchObject({ mobile: '', gender: '0', directLeaders: [], extattr: {} });
      const rows = await rowsOf(database, 'members', 'userid, mobile, mobile_e164, alias');
      expect(rows).toEqual([{ userid: 'a', mobile: null, mobile_e164: null, alias: null }, { userid: 'b', mobile: '', mobile_e164: null, alias: null }]);
    });

    test.each([
      ['emoji', '👩‍👩‍👧 🦊'],
      ['CJK extension B', '𠮷野家 𡈽'],
      ['quotes and backslashes', String.raw`O'Brien "x" \ \' \" %_ ; -- /* */ ?`],
      ['line breaks and tabs', 'a\r\nb\tc\u2028d'],
      ['a NUL', 'before\u0000after'],
      ['64 wide characters', '好'.repeat(64)],
      ['text that looks like a number', '0013'],
    ])('stores %s exactly', async (_what, text) => {
      const { store } = await open();
      const odd = seen('odd', { name: text, alias: text, position: text, address: text, avatar: text, extattr: { [text]: [text] }, directLeaders: [text] });
      await sync(store, [odd], { departments: [department(1, { name: text, nameEn: text })] });
      expect((await store.findMembers(CORP, [memberKey('odd')])).get(memberKey('odd'))).toMatchObject(odd);
      expect((await store.readBefore(CORP, snapshot([]))).departments.get(1)).toMatchObject({ name: text, nameEn: text });
      const again = await sync(store, [odd], { departments: [department(1, { name: text, nameEn: text })] });
      expect(again.changes).toEqual({ departments: [], members: [], reseen: [] });
    });

    test('holds ids beyond 2^31 and orders up to 2^32-1', async () => {
      const { store } = await open();
      const huge = 2 ** 53 - 1;
      const departments = [department(1), department(2 ** 31), department(huge, { parentId: 2 ** 31 })];
      const member = { ...seen('a', { mainDepartment: huge }), memberships: [membership(2 ** 31), membership(huge, { sortOrder: 2 ** 32 - 1, isLeader: true })] };
      await sync(store, [member], { departments });
      expect((await store.findMembers(CORP, [memberKey('a')])).get(memberKey('a'))).toMatchObject(member);
      expect([...(await store.readBefore(CORP, snapshot([]))).departments.keys()].sort((a, b) => a - b)).toEqual([1, 2 ** 31, huge]);
    });

    test('takes two spellings of a userid for one member, and keeps the first', async () => {
      const { store, database } = await open();
      await sync(store, [seen('ZhangSan')]);
      const { changes } = await sync(store, [seen('zhangsan')]);
      expect(changes.members).toEqual([]);
      await sync(store, [seen('ZHANGSAN', { alias: 'z' }, [1, 3])]);
      expect(await rowsOf(database, 'members', 'userid, alias')).toEqual([{ userid: 'ZhangSan', alias: 'z' }]);
      expect(await rowsOf(database, 'memberships', 'userid, department_id')).toHaveLength(2);
      expect((await store.findMembers(CORP, [memberKey('zhangSAN')])).size).toBe(1);
    });

    test('tells corps apart', async () => {
      const { store } = await open();
      const other = { id: 'ww0000000000000002', name: 'Other' };
      await sync(store, [ZHANG]);
      await sync(store, [LI], { corp: other });
      expect((await store.readBefore(other, snapshot([ZHANG]))).members.size).toBe(1);
      expect((await store.findMembers(other, [memberKey('zhangsan')])).size).toBe(0);
    });

    test('writes more members than fit in one statement', async () => {
      const { store } = await open();
      const many = Array.from({ length: 1_203 }, (_, index) => seen(`user${index}`, { extattr: { text: 'x'.repeat(2_000) } }, [1, index % 7]));
      expect((await sync(store, many)).committed.memberCount).toBe(1_203);
      const before = await store.readBefore(CORP, snapshot(many));
      expect([before.same.size, before.members.size, before.memberCount]).toEqual([1_203, 0, 1_203]);
      const changed = many.map((member, index) => (index % 2 === 0 ? member : { ...member, memberships: [membership(9)] }));
      const { committed } = await sync(store, changed);
      expect(committed.counts.changed).toBe(601);
      expect([...(await store.findMembers(CORP, [memberKey('user1'), memberKey('user2')])).values()].map(({ memberships }) => memberships.length)).toEqual([1, 2]);
    });
  });

  describe(`the times in ${name}`, () => {
    test('tell when somebody was created, changed, departed and came back, and move only when something differs', async () => {
      const { store, database, clock } = await open();
      const times = async (): Promise<readonly unknown[]> => {
        const [row] = await rowsOf(database, 'members', 'userid, created_at, updated_at, departed_at');
        return [row?.['created_at'], row?.['updated_at'], row?.['departed_at']].map((at) => (at === null ? null : String(at).slice(11, 16)));
      };
      await sync(store, [LI]);
      clock.now += 3_600_000;
      await sync(store, [LI]);
      expect(await times()).toEqual(['08:00', '08:00', null]);
      await sync(store, [seen('lisi', { alias: 'x' })]);
      expect(await times()).toEqual(['08:00', '09:00', null]);
      clock.now += 3_600_000;
      await sync(store, [], { left: ['lisi'] });
      expect(await times()).toEqual(['08:00', '10:00', '10:00']);
      clock.now += 3_600_000;
      await sync(store, [LI]);
      expect(await times()).toEqual(['08:00', '11:00', null]);
    });

    test('are UTC to the millisecond', async () => {
      const { store, database, clock } = await open();
      clock.now = Date.UTC(2026, 6, 31, 23, 59, 59, 7);
      await sync(store, [LI]);
      expect(await rowsOf(database, 'corps', 'id, last_success_at')).toEqual([{ id: CORP.id, last_success_at: '2026-07-31 23:59:59.007' }]);
      expect((await store.corps())[0]?.lastSuccessAt?.getTime()).toBe(clock.now);
    });
  });
}
