import { describe, expect, test } from 'vitest';
import { diff } from '../../src/core/diff.ts';
import { memberKey } from '../../src/core/model.ts';
import type { Before, MemberFields, SeenMember, Snapshot } from '../../src/core/model.ts';
import { allowance, judge } from '../../src/core/safety.ts';
import type { SafetyLimits, Verdict } from '../../src/core/safety.ts';
import { before, department, membership, seen, snapshot, stored, storedDepartment } from '../support/organisation.ts';

const LIMITS: SafetyLimits = { maxDepartures: { share: 0.1 }, maxDepartmentRemovals: { share: 0.2 }, minMembers: 1 };

const people = (count: number): string[] => Array.from({ length: count }, (_, n) => `member${n}`);

const verdict = (was: Before, now: Snapshot, { limits = LIMITS, allow = false } = {}): Verdict =>
  judge({ changes: diff(was, now, 'CN'), before: was, snapshot: now }, limits, allow);

const departure = (of: number, leaving: number, options?: { limits?: SafetyLimits; allow?: boolean }): Verdict => {
  const staying: SeenMember[] = people(of).slice(leaving).map((userid) => seen(userid));
  return verdict(before(people(of).map((userid) => stored(userid))), snapshot(staying, [department(1)], people(leaving)), options);
};

test.each([
  [{ share: 0.1 }, 1000, 100],
  [{ share: 0.1 }, 999, 99],
  [{ share: 0.1 }, 10, 3],
  [{ share: 0 }, 1000, 3],
  [{ count: 0 }, 1000, 0],
  [{ count: 7 }, 10, 7],
])('the limit %j of %i lets %i go', (limit, total, allowed) => {
  expect(allowance(limit, total)).toBe(allowed);
});

describe('departures', () => {
  test('up to the limit are let through', () => expect(departure(100, 10)).toEqual({ heldBack: false }));
  test('three of ten are no disaster', () => expect(departure(10, 3)).toEqual({ heldBack: false }));

  test('above the limit hold the corp back, with numbers and the first twenty names', () => {
    const held = departure(100, 30);
    expect(held).toMatchObject({ heldBack: true, reasons: ['30 of 100 members would depart, at most 10 may'] });
    expect(held.heldBack && held.departing).toHaveLength(20);
    expect(held.heldBack && held.departing[0]).toBe('name of member0 (member0)');
  });

  test('above the limit are let through when allowed by hand', () => expect(departure(100, 30, { allow: true })).toEqual({ heldBack: false }));
});

test('a corp that is held back because the range lost the root says so, and one whose root is another says nothing of it', () => {
  const units = [storedDepartment(1, { parentId: 0 }), ...Array.from({ length: 9 }, (_, n) => storedDepartment(n + 2, { parentId: 1 }))];
  const was = before(people(40).map((userid) => stored(userid)), units);
  const staying = people(40).slice(30).map((userid) => seen(userid));
  const lost = verdict(was, snapshot(staying, [department(4, { parentId: 1 })], people(30)));
  expect(lost).toMatchObject({ heldBack: true, reasons: [expect.stringContaining('would depart'), expect.stringContaining('be removed'), 'the range has lost the root: 应用管理 → 可见范围'] });
  const kept = verdict(was, snapshot(staying, [department(1, { parentId: 0 })], people(30)));
  expect(kept.heldBack && kept.reasons).toHaveLength(2);
});

describe('a range without the root', () => {
  const units = [storedDepartment(1, { parentId: 0 }), storedDepartment(7, { name: '研发', parentId: 2 }), storedDepartment(8, { name: '前端', parentId: 7 }), storedDepartment(9, { name: '销售', parentId: 2 })];
  const home = (n: number): number => [1, 7, 8, 9][n % 4] ?? 1;
  const was = before(people(40).map((userid, n) => stored(userid, {}, { memberships: [membership(home(n))] })), units);
  const rangeReasons = (departments: readonly number[], gone: (n: number) => boolean): readonly string[] => {
    const staying = people(40).flatMap((userid, n) => (gone(n) ? [] : [seen(userid, {}, [home(n)])]));
    const held = verdict(was, snapshot(staying, units.filter(({ id }) => departments.includes(id)).map(({ id, parentId }) => department(id, { parentId })), people(40).filter((_, n) => gone(n))));
    return held.heldBack ? held.reasons.filter((reason) => reason.includes('range')) : [];
  };

  test('that lost a department with people in it says which, with all below it', () =>
    expect(rangeReasons([1, 9], (n) => [1, 2].includes(n % 4))).toEqual(['the range has lost 研发 (7), where 20 of them were: 应用管理 → 可见范围']));
  test('that lost several says so of each', () =>
    expect(rangeReasons([1], (n) => n % 4 > 0)).toEqual(['the range has lost 研发 (7), where 20 of them were; 销售 (9), where 10 of them were: 应用管理 → 可见范围']));
  test('says nothing of a department that was removed below one that stays, nor of people who left one that stays', () => {
    expect(rangeReasons([1, 7, 9], (n) => n % 4 === 2)).toEqual([]);
    expect(rangeReasons([1, 7, 8, 9], (n) => n % 4 > 0)).toEqual([]);
  });
  test('that lost members who had been put in one by one says how many they were', () => {
    const single = before(people(40).map((userid, n) => stored(userid, {}, { memberships: [membership(n < 10 ? 55 : 1)] })), [storedDepartment(1)]);
    const held = verdict(single, snapshot(people(40).slice(10).map((userid) => seen(userid)), [department(1)], people(10)));
    expect(held).toMatchObject({ reasons: [expect.stringContaining('would depart'), '10 of them had been put into the range one by one or by a tag: 应用管理 → 可见范围'] });
  });
});

describe('an empty answer', () => {
  test('is refused, for a first load too', () => {
    expect(verdict(before(), snapshot([]))).toMatchObject({ heldBack: true, reasons: ['WeCom shows 0 members, safety.min_members is 1'] });
  });

  test('is refused even when departures are allowed by hand', () => expect(departure(2, 2, { allow: true })).toMatchObject({ heldBack: true }));

  test('is taken where the configuration says that nobody is enough', () => {
    expect(verdict(before(), snapshot([]), { limits: { ...LIMITS, minMembers: 0 } })).toEqual({ heldBack: false });
  });
});

test('too many departments removed hold the corp back', () => {
  const units = Array.from({ length: 10 }, (_, n) => storedDepartment(n + 1));
  const now = snapshot([seen('a')], [1, 2, 3, 4].map((id) => department(id)));
  expect(verdict(before([stored('a')], units), now)).toMatchObject({ reasons: ['6 of 10 departments would be removed, at most 3 may'] });
});

test('no department at all holds the corp back, however few there were, until allowed by hand', () => {
  const was = before([stored('a')], [storedDepartment(1), storedDepartment(2)]);
  const now = snapshot([seen('a')], []);
  expect(verdict(was, now)).toMatchObject({ heldBack: true, reasons: expect.arrayContaining(['WeCom shows no department, and 2 are stored']) });
  expect(verdict(was, now, { allow: true })).toEqual({ heldBack: false });
  expect(verdict(before([stored('a')], []), now)).toEqual({ heldBack: false });
});

describe('a field that disappears', () => {
  const was = before(people(10).map((userid) => stored(userid, { mobile: '13800138000' }, { mobileE164: '+8613800138000' })));

  test.each([['emptied', { mobile: '' }], ['no longer sent', {}]])('from everyone, %s, holds the corp back', (_, fields) => {
    const now = snapshot(people(10).map((userid) => seen(userid, fields)));
    expect(verdict(was, now)).toMatchObject({ heldBack: true, reasons: ['10 members had a value for mobile, and WeCom now shows it for nobody'] });
    expect(verdict(was, now, { allow: true })).toEqual({ heldBack: false });
  });

  test('from some is their own affair', () => {
    const now = snapshot(people(10).map((userid, n) => seen(userid, { mobile: n === 0 ? '13800138000' : '' })));
    expect(verdict(was, now)).toEqual({ heldBack: false });
  });

  test('long ago, from members whose record has not changed since, is no news', () => {
    const same = new Set(people(10).map(memberKey));
    const now = snapshot(people(10).map((userid) => seen(userid)));
    expect(verdict({ ...was, members: new Map(), same }, now)).toEqual({ heldBack: false });
  });

  const HELD = { name: '张三', alias: 'z', mobile: '13800138000', email: 'a@example.com', bizMail: 'a@corp.example', telephone: '020-1', position: '工程师', gender: '1', directLeaders: ['boss'], avatar: 'https://a', address: '广州' };
  const fields = Object.keys(HELD) as (keyof typeof HELD)[];
  const emptied = (field: keyof typeof HELD): Partial<MemberFields> => ({ [field]: field === 'directLeaders' ? [] : '' });
  const holding = (field: keyof typeof HELD): Partial<MemberFields> => ({ [field]: HELD[field] });

  /** Of 60 members the first `holders` had it, `emptying` of them have it no more, and `joining` new ones bring theirs. */
  const loss = (field: keyof typeof HELD, { holders, emptying, joining = 0, to = emptied(field) }: { holders: number; emptying: number; joining?: number; to?: Partial<MemberFields> }): Verdict => {
    const had = before(people(60).map((userid, n) => stored(userid, n < holders ? holding(field) : emptied(field))));
    const now = people(60).map((userid, n) => seen(userid, n < emptying ? to : n < holders ? holding(field) : emptied(field)));
    const joined = Array.from({ length: joining }, (_, n) => seen(`new${n}`, holding(field)));
    return verdict(had, snapshot([...now, ...joined]));
  };

  test.each(fields)('from all who had it, few as they are among the members, holds the corp back: %s', (field) => {
    expect(loss(field, { holders: 24, emptying: 24 })).toMatchObject({ heldBack: true, reasons: [`24 members had a value for ${field}, and WeCom now shows it for nobody`] });
    expect(loss(field, { holders: 4, emptying: 4 })).toMatchObject({ heldBack: true });
    expect(loss(field, { holders: 3, emptying: 3 })).toEqual({ heldBack: false });
  });

  test('from nearly all who had it holds the corp back, whether they kept it or joined with it', () => {
    const reasons = ['40 members had a value for position, and WeCom now shows it for only 2'];
    expect(loss('position', { holders: 42, emptying: 40 })).toMatchObject({ heldBack: true, reasons });
    expect(loss('position', { holders: 40, emptying: 40, joining: 2 })).toMatchObject({ heldBack: true, reasons });
    expect(loss('position', { holders: 43, emptying: 40 })).toEqual({ heldBack: false });
  });

  test('as gender is hidden, or from a few because it is not sent, writes over nothing and holds nobody back', () => {
    expect(loss('gender', { holders: 60, emptying: 60, to: { gender: '0' } })).toEqual({ heldBack: false });
    expect(loss('telephone', { holders: 60, emptying: 60, to: {} })).toEqual({ heldBack: false });
    expect(loss('bizMail', { holders: 24, emptying: 24, to: {} })).toEqual({ heldBack: false });
  });
});
