import { describe, expect, test } from 'vitest';
import { memberKey, type SeenMember } from '../../../src/core/model.ts';
import { department, membership, seen, snapshot } from '../../support/organisation.ts';
import { type Bench, CORP, openBench, type OpenEngine, organisationRows, plan, sync } from '../../support/stores.ts';
import { DEPARTMENTS, LI, ZHANG } from './people.ts';

/** How every store says what differs. */
export function describeDifferences(name: string, place: () => Promise<OpenEngine>): void {
  const open = (): Promise<Bench> => openBench(place());

  describe(`the difference with ${name}`, () => {
    test('recognises members by digest, and reads in full only who differs or is missing', async () => {
      const { store } = await open();
      await sync(store, [ZHANG, LI, seen('wangwu')], { departments: DEPARTMENTS });
      const before = await store.readBefore(CORP, snapshot([ZHANG, seen('wangwu', { alias: 'new' }), seen('new')]));
      expect([...before.same]).toEqual(['zhangsan']);
      expect([...before.members.keys()].sort()).toEqual(['lisi', 'wangwu']);
      expect([before.memberCount, before.departmentCount]).toEqual([3, 2]);
    });

    test('counts neither the departed nor removed departments, and still hands them out when they are seen again', async () => {
      const { store } = await open();
      await sync(store, [ZHANG, LI], { departments: DEPARTMENTS });
      await sync(store, [ZHANG], { left: ['lisi'], departments: [department(1, { name: '总部' })] });
      const gone = await store.readBefore(CORP, snapshot([ZHANG]));
      expect([gone.memberCount, gone.departmentCount, gone.members.size]).toEqual([1, 1, 0]);
      expect(gone.departments.get(2)?.removed).toBe(true);
      const back = await store.readBefore(CORP, snapshot([ZHANG, LI]));
      expect(back.same.has(memberKey('lisi'))).toBe(false);
      expect(back.members.get(memberKey('lisi'))).toMatchObject({ departed: true, memberships: [] });
    });

    test('does not depend on the order of memberships, and finds nothing new in another order of an object’s keys', async () => {
      const { store } = await open();
      await sync(store, [{ ...seen('a', { extattr: { x: 1, y: { a: 1, b: [1, 2] } } }), memberships: [membership(1), membership(2)] }]);
      const again = { ...seen('a', { extattr: { x: 1, y: { a: 1, b: [1, 2] } } }), memberships: [membership(2), membership(1)] };
      expect((await store.readBefore(CORP, snapshot([again]))).same.size).toBe(1);
      const turned = { ...seen('a', { extattr: { y: { b: [1, 2], a: 1 }, x: 1 } }), memberships: [membership(1), membership(2)] };
      const { changes } = await sync(store, [turned]);
      expect([changes.members.length, changes.reseen.length]).toEqual([0, 1]);
      expect((await store.readBefore(CORP, snapshot([turned]))).same.size).toBe(1);
      const other = { ...turned, fields: { ...turned.fields, extattr: { x: 1, y: { a: 1, b: [2, 1] } } } };
      expect((await plan(store, [other])).members).toHaveLength(1);
    });

    test('recognises next time who arrived in another shape though nothing differed', async () => {
      const { store, database } = await open();
      await sync(store, [ZHANG, LI]);
      const earlier = await organisationRows(database);
      const { mobile: _hidden, ...visible } = ZHANG.fields;
      const lessVisible: SeenMember = { ...ZHANG, fields: visible };
      const { changes } = await sync(store, [lessVisible, LI]);
      expect([changes.members.length, changes.reseen.length]).toEqual([0, 1]);
      expect((await store.readBefore(CORP, snapshot([lessVisible, LI]))).same.size).toBe(2);
      const { members, ...rest } = await organisationRows(database);
      expect(rest).toMatchObject({ departments: earlier['departments'], memberships: earlier['memberships'] });
      expect(members?.map((row) => ({ ...row, digest: null }))).toEqual(earlier['members']?.map((row) => ({ ...row, digest: null })));
    });

    test('is read at one moment, whatever is committed meanwhile', async () => {
      const { store, database, another } = await open();
      await sync(store, [ZHANG]);
      const counts = await database.read(async (connection) => {
        const count = async (): Promise<unknown> => (await connection.query('SELECT COUNT(*) AS n FROM members'))[0]?.['n'];
        const first = await count();
        await sync(another(), [ZHANG, LI]);
        return [first, await count()];
      });
      expect(counts).toEqual([1, 1]);
    });
  });
}
