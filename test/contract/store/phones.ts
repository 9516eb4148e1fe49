import { describe, expect, test } from 'vitest';
import { department, seen } from '../../support/organisation.ts';
import { type Bench, openBench, type OpenEngine, rowsOf, sync } from '../../support/stores.ts';
import { DEPARTMENTS, LI, ZHANG } from './people.ts';

/** How every store finds people by number. */
export function describePhones(name: string, place: () => Promise<OpenEngine>): void {
  const open = (): Promise<Bench> => openBench(place());

  describe(`a phone number in ${name}`, () => {
    const NUMBER = '+8613800138000';
    const SUBSIDIARY = { id: 'ww0000000000000002', name: '分公司' };

    test('finds everyone who has it, in all corps or the named ones, with their way through the organisation', async () => {
      const { store } = await open();
      await sync(store, [ZHANG, LI], { departments: [department(1, { name: '总部' }), department(2, { name: '研发', parentId: 5 }), department(5, { name: '技术', parentId: 1 })] });
      await sync(store, [seen('z3', { mobile: '+86 138-0013-8000' })], { corp: SUBSIDIARY });
      const found = await store.findByPhones([NUMBER, '+8613900139000', '+85290000000']);
      expect([...found.keys()].sort()).toEqual([NUMBER, '+8613900139000']);
      expect(found.get(NUMBER)?.map(({ corp, member }) => [corp.name, member.userid])).toEqual([['Head office', 'zhangsan'], ['分公司', 'z3']]);
      expect(found.get(NUMBER)?.[0]).toMatchObject({ member: { ...ZHANG, departed: false }, departedAt: null, updatedAt: new Date(Date.UTC(2026, 2, 1, 8)) });
      expect(found.get(NUMBER)?.[0]?.departments).toEqual([
        { id: 1, name: '总部', path: ['总部'] },
        { id: 2, name: '研发', path: ['总部', '技术', '研发'] },
      ]);
      const inOne = await store.findByPhones([NUMBER], [SUBSIDIARY.id]);
      expect(inOne.get(NUMBER)?.map(({ member }) => member.userid)).toEqual(['z3']);
      expect((await store.findByPhones([NUMBER], [])).size).toBe(0);
      expect((await store.findByPhones([])).size).toBe(0);
    });

    test('says of each corp when it was last read, and whether runs are shown mobiles', async () => {
      const { store, database, clock } = await open();
      expect(await store.readCoverage()).toEqual([]);
      await sync(store, [ZHANG, LI], { departments: DEPARTMENTS });
      await sync(store, [seen('z3'), seen('z4')], { corp: SUBSIDIARY });
      const lastSuccessAt = new Date(clock.now);
      const expected = [{ corp: { id: 'ww0000000000000001', name: 'Head office' }, lastSuccessAt, showsMobiles: true, leftOut: false }, { corp: SUBSIDIARY, lastSuccessAt, showsMobiles: false, leftOut: false }];
      expect(await store.readCoverage()).toEqual(expected);
      const counted = await rowsOf(database, 'corps', 'id, mobile_count');
      expect(counted.map((row) => Number(row['mobile_count']))).toEqual([2, 0]);
      await database.transaction((connection) => connection.write('UPDATE corps SET mobile_count = NULL'));
      expect(await store.readCoverage()).toEqual(expected);
      await sync(store, [ZHANG, LI], { departments: DEPARTMENTS });
      await sync(store, [seen('z3'), seen('z4')], { corp: SUBSIDIARY });
      expect(await rowsOf(database, 'corps', 'id, mobile_count')).toEqual(counted);
      await sync(store, [LI], { departments: DEPARTMENTS, left: [ZHANG.userid] });
      await sync(store, [seen('z3', { mobile: '' }), seen('z4')], { corp: SUBSIDIARY });
      expect((await store.readCoverage()).map(({ showsMobiles }) => showsMobiles)).toEqual([true, true]);
    });

    test('shows the departed after the present, the latest first, with the departments they were in last', async () => {
      const { store, clock } = await open();
      const people = ['a', 'b', 'c'].map((userid) => seen(userid, { mobile: '13800138000' }, [1, 2]));
      await sync(store, people, { departments: DEPARTMENTS });
      clock.now += 1_000;
      await sync(store, people.slice(1), { departments: DEPARTMENTS, left: ['a'] });
      clock.now += 1_000;
      await sync(store, people.slice(2), { departments: [department(1, { name: '总部' })], left: ['b'] });
      const found = (await store.findByPhones([NUMBER])).get(NUMBER) ?? [];
      expect(found.map(({ member, departedAt }) => [member.userid, departedAt?.getTime()])).toEqual([['c', undefined], ['b', clock.now], ['a', clock.now - 1_000]]);
      expect(found[2]?.departments).toEqual([{ id: 1, name: '总部', path: ['总部'] }, { id: 2, name: '研发', path: ['总部', '研发'] }]);
      expect(found[2]?.member.memberships).toEqual([]);
    });

    test('does not mind departments in a circle, without a name, or unknown', async () => {
      const { store } = await open();
      const { name: _none, ...nameless } = department(6, { parentId: 5 });
      await sync(store, [seen('a', { mobile: '13800138000' }, [5, 6, 7, 99])], {
        departments: [department(5, { name: '五', parentId: 7 }), nameless, department(7, { name: '七', parentId: 5 })],
      });
      expect((await store.findByPhones([NUMBER])).get(NUMBER)?.[0]?.departments).toEqual([
        { id: 5, name: '五', path: ['七', '五'] },
        { id: 6, name: '6', path: ['七', '五', '6'] },
        { id: 7, name: '七', path: ['五', '七'] },
        { id: 99, name: '99', path: ['99'] },
      ]);
    });

    test('is one of thousands asked for at once', async () => {
      const { store } = await open();
      const numbers = Array.from({ length: 1_201 }, (_, index) => `+861380000${String(index).padStart(4, '0')}`);
      await sync(store, numbers.map((number, index) => seen(`user${index}`, { mobile: number }, [1, 2])), { departments: DEPARTMENTS });
      const found = await store.findByPhones([...numbers, ...numbers]);
      expect(found.size).toBe(1_201);
      expect([...found.values()].every((matches) => matches.length === 1 && matches[0]?.departments.length === 2)).toBe(true);
    });
  });
}
