import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countChanges, diff } from '../../src/core/diff.ts';
import { memberKey } from '../../src/core/model.ts';
import type { Before, ChangeSet, MemberFields, SeenMember, SeenMembership } from '../../src/core/model.ts';
import { before, department, membership, seen, snapshot, stored, storedDepartment } from '../support/organisation.ts';

const changesOf = (was: Before, members: readonly SeenMember[], left: readonly string[] = []): ChangeSet => diff(was, snapshot(members, [department(1)], left), 'CN');

describe('members', () => {
  test('somebody new has joined, with everything that is known of them', () => {
    const { members } = changesOf(before(), [seen('zhang', { mobile: '13800138000' })]);
    expect(members).toHaveLength(1);
    expect(members[0]).toMatchObject({
      action: 'joined',
      oldValues: null,
      newValues: { name: 'name of zhang', mobile: '13800138000', status: 1, memberships: [{ departmentId: 1, sortOrder: 0, isLeader: false }] },
      after: { mobileE164: '+8613800138000', departed: false },
    });
    expect(members[0]?.newValues).not.toHaveProperty('email');
  });

  test('a field that was not sent never overwrites a stored one', () => {
    const was = before([stored('zhang', { mobile: '13800138000', email: 'z@example.com' }, { mobileE164: '+8613800138000' })]);
    const { members } = changesOf(was, [seen('zhang', { position: 'Engineer' })]);
    expect(members[0]).toMatchObject({ action: 'changed', oldValues: { position: null }, newValues: { position: 'Engineer' } });
    expect(members[0]?.after.fields).toMatchObject({ mobile: '13800138000', email: 'z@example.com' });
    expect(Object.keys(members[0]?.newValues ?? {})).toEqual(['position']);
  });

  test('an empty text is a value, and overwrites', () => {
    const was = before([stored('zhang', { mobile: '13800138000' }, { mobileE164: '+8613800138000' })]);
    const { members } = changesOf(was, [seen('zhang', { mobile: '' })]);
    expect(members[0]).toMatchObject({ oldValues: { mobile: '13800138000' }, newValues: { mobile: '' }, after: { mobileE164: null } });
  });

  test.each([
    ['1', '0', undefined],
    ['0', '1', '1'],
    [undefined, '0', '0'],
    ['1', '2', '2'],
  ])('gender %s, then %s: %s is written', (was, now, written) => {
    const { members } = changesOf(before([stored('zhang', was === undefined ? {} : { gender: was })]), [seen('zhang', { gender: now })]);
    expect(members[0]?.newValues['gender']).toBe(written);
  });

  test('a record in another shape that says nothing new changes nobody, and is remembered', () => {
    const changes = changesOf(before([stored('zhang', { mobile: '13800138000' }, { mobileE164: '+8613800138000' })]), [seen('zhang')]);
    expect(changes.members).toEqual([]);
    expect(changes.reseen.map(({ userid }) => userid)).toEqual(['zhang']);
  });

  test('userids differing in case are one member, who keeps the stored spelling', () => {
    const changes = changesOf(before([stored('ZhangSan')]), [seen('zhangsan', { name: 'other' })]);
    expect(changes.members).toHaveLength(1);
    expect(changes.members[0]?.after.userid).toBe('ZhangSan');
  });

  test('absence dismisses nobody', () => {
    expect(changesOf(before([stored('zhang'), stored('li')]), [seen('li')]).members).toEqual([]);
  });

  test('whoever is known to have left departs, and loses memberships but nothing else', () => {
    const was = before([stored('zhang', { mobile: '13800138000' }, { mobileE164: '+8613800138000', memberships: [membership(1), membership(2)] })]);
    const { members } = changesOf(was, [], ['zhang']);
    expect(members[0]).toMatchObject({
      action: 'departed',
      newValues: { memberships: [] },
      after: { departed: true, memberships: [], mobileE164: '+8613800138000', fields: { mobile: '13800138000' } },
    });
    expect(Object.keys(members[0]?.oldValues ?? {})).toEqual(['memberships']);
  });

  test('somebody who departed before does not depart again', () => {
    expect(changesOf(before([stored('zhang', {}, { departed: true, memberships: [] })]), [], ['zhang']).members).toEqual([]);
  });

  test('somebody who departed and is seen again has returned', () => {
    const { members } = changesOf(before([stored('zhang', {}, { departed: true, memberships: [] })]), [seen('zhang')]);
    expect(members[0]).toMatchObject({ action: 'returned', after: { departed: false, memberships: [membership(1)] } });
  });

  test('an answer without departments leaves the memberships as they are', () => {
    const { members } = changesOf(before([stored('zhang')]), [seen('zhang', { name: 'new' }, null)]);
    expect(members[0]?.after.memberships).toEqual([membership(1)]);
    expect(members[0]?.newValues).toEqual({ name: 'new' });
  });

  const leader = membership(1, { sortOrder: 7, isLeader: true });
  test.each([
    ['neither was sent: both are kept', [leader], { departmentId: 1 }, leader],
    ['the order alone was sent', [leader], { departmentId: 1, sortOrder: 0 }, membership(1, { isLeader: true })],
    ['who leads alone was sent', [leader], { departmentId: 1, isLeader: false }, membership(1, { sortOrder: 7 })],
    ['both were sent', [leader], membership(1), membership(1)],
    ['neither was sent, of a department that is new to the member', [leader], { departmentId: 2 }, membership(2)],
    ['neither was sent, of somebody who was nowhere', [], { departmentId: 1 }, membership(1)],
  ])('order and leader: %s', (_, memberships, sent, expected) => {
    const was = before([stored('zhang', {}, { memberships })]);
    const { members, reseen } = changesOf(was, [{ ...seen('zhang'), memberships: [sent] }]);
    if (expected === leader) expect([members, reseen.length]).toEqual([[], 1]);
    else expect(members[0]?.after.memberships).toEqual([expected]);
  });

  test('somebody who left, and comes back without a word on order and leader, leads nothing', () => {
    const was = before([stored('zhang', {}, { departed: true, memberships: [] })]);
    expect(changesOf(was, [{ ...seen('zhang'), memberships: [{ departmentId: 1 }] }]).members[0]?.after.memberships).toEqual([membership(1)]);
  });

  test('extra attributes are compared by meaning, not by the order of keys', () => {
    const was = before([stored('zhang', { extattr: { attrs: [{ name: 'a', type: 0 }] } })]);
    expect(changesOf(was, [seen('zhang', { extattr: { attrs: [{ type: 0, name: 'a' }] } })]).members).toEqual([]);
  });
});

describe('departments', () => {
  const was = before([], [storedDepartment(1), storedDepartment(2), storedDepartment(3, { removed: true })]);

  test('created, changed, removed and restored are told apart', () => {
    const now = snapshot([], [department(1, { name: 'renamed' }), department(3), department(4)]);
    const { departments } = diff(was, now, 'CN');
    expect(departments.map(({ action, after }) => [after.id, action])).toEqual([
      [1, 'changed'],
      [2, 'removed'],
      [3, 'restored'],
      [4, 'created'],
    ]);
    expect(departments[0]).toMatchObject({ oldValues: { name: 'department 1' }, newValues: { name: 'renamed' } });
  });

  test('a name that was not sent is kept', () => {
    const { name: _, ...nameless } = department(2, { sortOrder: 7 });
    const [change] = diff(was, snapshot([], [department(1), nameless]), 'CN').departments;
    expect(change).toMatchObject({ newValues: { sortOrder: 7 }, after: { name: 'department 2' } });
  });

  test('an order and a parent that were not sent are kept', () => {
    const known = before([], [storedDepartment(1), storedDepartment(2, { sortOrder: 7, parentId: 1 })]);
    expect(diff(known, snapshot([], [department(1), { id: 2 }]), 'CN').departments).toEqual([]);
    const [change] = diff(known, snapshot([], [department(1), { id: 2, name: 'renamed' }]), 'CN').departments;
    expect(change).toMatchObject({ newValues: { name: 'renamed' }, after: { sortOrder: 7, parentId: 1 } });
  });

  test('a new one of which neither was sent stands at the top, last', () => {
    const [change] = diff(before([], []), snapshot([], [{ id: 2 }]), 'CN').departments;
    expect(change).toMatchObject({ action: 'created', after: { sortOrder: 0, parentId: 0 } });
  });
});

describe('for any organisation', () => {
  const text = fc.string({ maxLength: 5, unit: fc.constantFrom('a', 'é', '张', '𠮷', '😀', "'", '\\') });
  const fields: fc.Arbitrary<Partial<MemberFields>> = fc.record(
    { name: text, mobile: fc.constantFrom('', '13800138000', '13900139000'), email: text, gender: fc.constantFrom('1', '2'), status: fc.constantFrom(1, 2, 4) },
    { requiredKeys: [] },
  );
  const place: fc.Arbitrary<SeenMembership> = fc.record(
    { departmentId: fc.integer({ min: 1, max: 4 }), sortOrder: fc.integer({ min: 0, max: 2 }), isLeader: fc.boolean() },
    { requiredKeys: ['departmentId'] },
  );
  const places = fc
    .uniqueArray(place, { selector: ({ departmentId }) => departmentId, maxLength: 3 })
    .map((list) => list.sort((a, b) => a.departmentId - b.departmentId));
  const member: fc.Arbitrary<SeenMember> = fc.record({ userid: fc.constantFrom('a', 'B', 'c.d', 'E-f', 'g'), fields, memberships: places });
  const members = fc.uniqueArray(member, { selector: ({ userid }) => userid });

  test('applying the difference gives what was seen, and a second difference is empty', () => {
    fc.assert(
      fc.property(members, members, (first, second) => {
        const start = apply(before(), diff(before(), snapshot(first), 'CN'));
        const gone = first.filter(({ userid }) => !second.some((other) => other.userid === userid)).map(({ userid }) => userid);
        const now = snapshot(second, [department(1)], gone);
        const end = apply(start, diff(start, now, 'CN'));
        for (const one of second) {
          const kept = end.members.get(memberKey(one.userid));
          expect(kept).toMatchObject({ departed: false, fields: one.fields, memberships: one.memberships });
        }
        for (const userid of gone) expect(end.members.get(memberKey(userid))).toMatchObject({ departed: true, memberships: [] });
        const again = diff(end, now, 'CN');
        expect(countChanges(again)).toEqual({ joined: 0, departed: 0, changed: 0, departmentsChanged: 0 });
      }),
    );
  });

  test('of each membership, what was sent is stored, and what was not is as it was', () => {
    fc.assert(
      fc.property(places, places, (first, second) => {
        const start = apply(before(), changesOf(before(), [{ ...seen('a'), memberships: first }]));
        const end = apply(start, changesOf(start, [{ ...seen('a'), memberships: second }]));
        const held = new Map(start.members.get(memberKey('a'))?.memberships.map((one) => [one.departmentId, one]));
        const expected = second.map((sent) => ({ ...membership(sent.departmentId), ...held.get(sent.departmentId), ...sent }));
        expect(end.members.get(memberKey('a'))?.memberships).toEqual(expected);
      }),
    );
  });

  test('the old values of a change undo it', () => {
    fc.assert(
      fc.property(fields, fields, (first, second) => {
        const start = stored('a', first);
        const [change] = diff(before([start]), snapshot([seen('a', second)]), 'CN').members;
        if (change === undefined) return;
        const { memberships: _, ...old } = change.oldValues ?? {};
        expect({ ...change.after.fields, ...old }).toEqual(start.fields);
      }),
    );
  });
});

/** The store after a change set: the least that any store has to do. */
function apply(was: Before, { members, departments }: ChangeSet): Before {
  const people = new Map(was.members);
  for (const { after } of members) people.set(memberKey(after.userid), after);
  const units = new Map(was.departments);
  for (const { after } of departments) units.set(after.id, after);
  return { ...was, members: people, departments: units };
}
