import { describe, expect, it } from 'vitest';
import { inventCompany } from '../../src/sandbox/company.ts';
import { churn, churnSchema } from '../../src/sandbox/churn.ts';
import { configFor } from '../../src/sandbox/config-file.ts';
import type { Corp } from '../../src/sandbox/corp.ts';
import { truthOf } from '../../src/sandbox/truth.ts';
import { World } from '../../src/sandbox/world.ts';
import { load } from '../config/support.ts';

const size = { corps: 3, members: 400, departments: 40 };
const invented = new World({ seed: 7, ...size });
const people = [...invented.corps.values()].flatMap((corp) => [...corp.members.values()]);
const departments = [...invented.corps.values()].flatMap((corp) => [...corp.departments.values()]);

function portrait(corp: Corp): unknown {
  return truthOf(corp, invented.secret(corp, 'app_pre2022'));
}

describe('an invented world', () => {
  it('is the same for the same seed, and another for another', () => {
    const shown = (seed: number): string => JSON.stringify([...new World({ seed, ...size }).corps.values()].map((corp) => [corp.id, corp.name, corp.secrets, portrait(corp)]));
    expect(shown(7)).toBe(shown(7));
    expect(shown(7)).not.toBe(shown(8));
  });

  it('has as many corps, members and departments as asked for, under ids like the real ones', () => {
    expect([...invented.corps.values()].map((corp) => [corp.members.size, corp.departments.size])).toEqual([[400, 40], [400, 40], [400, 40]]);
    for (const id of invented.corps.keys()) expect(id).toMatch(/^ww[0-9a-f]{16}$/);
  });

  it.each([1, 2, 3])('of a thousand corps has a configuration that orgsync takes (seed %i)', async (seed) => {
    const world = new World({ seed, corps: 1_000, members: 0, departments: 1 });
    const { config } = await load(configFor({ url: 'http://127.0.0.1:7300', world }, { withContacts: true }));
    expect(config.corps).toHaveLength(1_000);
  });

  it.each([
    ['a mobile of the mainland, bare', people.some(({ mobile }) => /^1[3-9]\d{9}$/.test(mobile ?? ''))],
    ['a mobile of Hong Kong', people.some(({ mobile }) => /^\+852\d{8}$/.test(mobile ?? ''))],
    ['a mobile of the United States', people.some(({ mobile }) => /^\+1\d{10}$/.test(mobile ?? ''))],
    ['an empty mobile', people.some(({ mobile }) => mobile === '')],
    ['a userid of 32 hex digits', people.some(({ userid }) => /^[0-9a-f]{32}$/.test(userid))],
    ['a userid in mixed case', people.some(({ userid }) => /^[A-Z][a-z]+[A-Z]/.test(userid))],
    ['a name of CJK extension B', people.some(({ name }) => /[\u{20000}-\u{2a6df}]/u.test(name ?? ''))],
    ['a name with an emoji', people.some(({ name }) => /\p{Extended_Pictographic}/u.test(name ?? ''))],
    ['a name of 64 characters', people.some(({ name }) => Array.from(name ?? '').length === 64)],
    ['somebody in several departments', people.some(({ places }) => places.length > 1)],
    ['somebody who leads', people.some(({ places }) => places.some(({ leader }) => leader))],
    ['an empty is_leader array', people.some(({ empty_leader_array: empty }) => empty === true)],
    ['extattr with a type', people.some(({ extattr }) => extattr?.attrs.some((attr) => 'type' in attr))],
    ['extattr of the older form', people.some(({ extattr }) => extattr?.attrs.some((attr) => !('type' in attr)))],
    ['every status', [1, 2, 4, 5].every((status) => people.some((person) => person.status === status))],
    ['the largest order there is', departments.some(({ order }) => order === 4_294_967_295)],
    ['a department without an English name', departments.some((department) => department.name_en === undefined)],
    ['a department with leaders', departments.some(({ department_leader: leaders }) => (leaders ?? []).length > 0)],
    ['the same number in two corps', new Set(people.map(({ mobile }) => mobile).filter(Boolean)).size < people.filter(({ mobile }) => mobile !== '').length],
  ])('holds %s', (_, found) => {
    expect(found).toBe(true);
  });

  it('gives no two members of a corp one mobile, and nobody a userid that WeCom would refuse', () => {
    for (const corp of invented.corps.values()) {
      const mobiles = [...corp.members.values()].map(({ mobile }) => mobile).filter((mobile) => mobile !== '');
      expect(new Set(mobiles).size).toBe(mobiles.length);
    }
    for (const { userid } of people) expect(userid).toMatch(/^[0-9A-Za-z][0-9A-Za-z_.@-]{0,63}$/);
  });

  it('hangs every department under another, no deeper than 15, under a name of at most 64 characters', () => {
    const corp = inventCompany(3, 1, { members: 0, departments: 3000 });
    const depth = (id: number): number => (id === 1 ? 1 : 1 + depth(corp.departments.get(id)?.parentid ?? Number.NaN));
    const depths = [...corp.departments.keys()].map(depth);
    expect(Math.max(...depths)).toBeLessThanOrEqual(15);
    expect(Math.max(...depths)).toBeGreaterThan(5);
    for (const { name } of corp.departments.values()) expect(Array.from(name).length).toBeLessThanOrEqual(64);
  });
});

describe('a churn', () => {
  const after = (seed: number): string => {
    const world = new World({ seed: 1, corps: 1, members: 100, departments: 15 });
    churn(world, churnSchema.parse({ seed, rounds: 10 }));
    return JSON.stringify([...world.corps.values()].map((corp) => truthOf(corp, world.secret(corp, 'app_pre2022'))));
  };

  it('changes the world the same way for the same seed', () => {
    expect(after(5)).toBe(after(5));
    expect(after(5)).not.toBe(after(6));
  });

  it('keeps the rules of a corp: unique mobiles, no member or department under something that is gone', () => {
    const world = new World({ seed: 1, corps: 2, members: 100, departments: 15 });
    churn(world, churnSchema.parse({ seed: 9, rounds: 30, departmentCreate: 2, departmentMove: 3 }));
    for (const corp of world.corps.values()) {
      const mobiles = [...corp.members.values()].map(({ mobile }) => mobile).filter((mobile) => mobile !== '');
      expect(new Set(mobiles).size).toBe(mobiles.length);
      for (const { places } of corp.members.values()) for (const { department } of places) expect(corp.departments.has(department)).toBe(true);
      for (const { id, parentid } of corp.departments.values()) expect(id === 1 || corp.departments.has(parentid)).toBe(true);
    }
  });

  it.each(['join', 'leave', 'return', 'move', 'rename', 'renumber', 'handOver', 'departmentCreate', 'departmentRemove', 'departmentRename', 'departmentMove'] as const)(
    'can bring %s alone',
    (kind) => {
      const world = new World({ seed: 1, corps: 1, members: 50, departments: 15 });
      const none = { join: 0, leave: 0, return: 0, move: 0, rename: 0, renumber: 0, handOver: 0, departmentCreate: 0, departmentRemove: 0, departmentRename: 0, departmentMove: 0 };
      if (kind === 'return') churn(world, churnSchema.parse({ ...none, leave: 5 }));
      const [corp] = world.corps.values();
      const before = JSON.stringify(corp === undefined ? null : portrait(corp));
      expect(churn(world, churnSchema.parse({ ...none, [kind]: 5 }))).toBeGreaterThan(0);
      expect(JSON.stringify(corp === undefined ? null : portrait(corp))).not.toBe(before);
    },
  );
});
