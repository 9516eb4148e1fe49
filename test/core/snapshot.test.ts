import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memberKey, NOTHING_UNREADABLE } from '../../src/core/model.ts';
import type { Reading, SeenMember, Snapshot } from '../../src/core/model.ts';
import { assemble, findUnaccounted, withAnswers } from '../../src/core/snapshot.ts';
import { department, membership, seen, snapshot, stored } from '../support/organisation.ts';

const whole = (members: readonly SeenMember[], more: Partial<Reading> = {}): Snapshot => {
  const assembled = assemble({ departments: [department(1)], members, gaps: [], unreadable: NOTHING_UNREADABLE, ...more });
  if (!assembled.whole) throw new TypeError('expected a whole snapshot');
  return assembled.snapshot;
};

describe('assemble', () => {
  test('one gap makes the whole reading unfit', () => {
    const gaps = [{ what: 'department 7', why: 'timeout' }];
    expect(assemble({ departments: [department(1)], members: [seen('a')], gaps, unreadable: NOTHING_UNREADABLE })).toEqual({ whole: false, gaps });
  });

  test('a member of several departments is one member, as read last', () => {
    const { members } = whole([seen('a', { name: 'old' }, [1, 2]), seen('a', { name: 'new' }, [2, 3])]);
    expect(members.size).toBe(1);
    expect(members.get(memberKey('a'))).toMatchObject({ fields: { name: 'new' }, memberships: [membership(2), membership(3)] });
  });

  test('two spellings of one userid are one member', () => {
    const { members } = whole([seen('Zhang'), seen('ZHANG'), seen('zhang')]);
    expect([...members.keys()]).toEqual(['zhang']);
  });

  test('a department that is named twice is one membership', () => {
    const { members } = whole([{ userid: 'a', fields: {}, memberships: [membership(2), membership(1), membership(2, { isLeader: true })] }]);
    expect(members.get(memberKey('a'))?.memberships).toEqual([membership(1), membership(2, { isLeader: true })]);
  });

  test('somebody listed with status 5 has left', () => {
    const { members, left } = whole([seen('a', { status: 5 }), seen('b')]);
    expect([...members.keys()]).toEqual(['b']);
    expect([...left]).toEqual(['a']);
  });

  test.each([
    [{ members: ['王五'], departments: [] }, false],
    [{ members: [], departments: ['销售部'] }, true],
  ])('nobody has left while %j cannot be read, and departments stay: %s', (unreadable, keepsDepartments) => {
    const read = whole([seen('a', { status: 5 }), seen('b')], { unreadable });
    expect([[...read.members.keys()], read.left.size, read.keepsDepartments]).toEqual([['b'], 0, keepsDepartments]);
    expect(withAnswers(read, new Map([[memberKey('b'), { is: 'gone' }]])).keepsDepartments).toBe(keepsDepartments);
  });

  test('the order of pages never shows', () => {
    const member = fc.record({ userid: fc.constantFrom('a', 'A', 'b', 'Cd', 'cD'), departments: fc.constant([3, 1, 2]) });
    fc.assert(
      fc.property(fc.array(member), (list) => {
        const read = list.map(({ userid, departments }) => seen(userid, {}, departments));
        expect(byKey(whole(read))).toEqual(byKey(whole([...read].reverse())));
      }),
    );
  });
});

describe('members whom the walk did not meet', () => {
  const known = new Map([stored('a'), stored('b'), stored('gone', {}, { departed: true })].map((member) => [memberKey(member.userid), member]));

  test('are those present in the store only', () => {
    expect(findUnaccounted(known, snapshot([seen('B')]))).toEqual(['a']);
    expect(findUnaccounted(known, snapshot([seen('b')], undefined, ['a']))).toEqual([]);
  });

  test('are taken from the answer when they are still there, and have left when it says so', () => {
    const answers = new Map([
      [memberKey('a'), { is: 'here', member: seen('A', { name: 'moved' }, [9]) } as const],
      [memberKey('b'), { is: 'gone' } as const],
      [memberKey('c'), { is: 'here', member: seen('c', { status: 5 }) } as const],
    ]);
    const { members, left } = withAnswers(snapshot([]), answers);
    expect(members.get(memberKey('a'))).toMatchObject({ userid: 'A', fields: { name: 'moved' } });
    expect([...left].sort()).toEqual(['b', 'c']);
  });
});

function byKey({ members }: Snapshot): unknown {
  return [...members].sort(([a], [b]) => (a < b ? -1 : 1));
}
