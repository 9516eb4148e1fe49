import { describe, expect, test } from 'vitest';
import { concernsDepartment } from '../../src/core/changes/memberships.ts';
import { describeChange } from '../../src/core/changes/words.ts';
import { departmentNamer } from '../../src/core/ports/history.ts';
import type { ChangeRecord } from '../../src/core/ports/history.ts';
import type { ChangedValues, Json } from '../../src/core/model.ts';

const names = departmentNamer(new Map([['wwhome', new Map([[1, '总部'], [2, '研发'], [3, '市场']])]]), 'wwHome');

function change(entity: ChangeRecord['entity'], action: ChangeRecord['action'], oldValues: ChangedValues | null, newValues: ChangedValues | null): ChangeRecord {
  return { id: 1, runId: 1, corp: { id: 'wwHome', name: 'Home' }, at: new Date(0), entity, entityId: '2', name: null, action, oldValues, newValues };
}

const inside = (...ids: number[]): Json => ids.map((departmentId) => ({ departmentId, sortOrder: 0, isLeader: false }));
const leading = (id: number, isLeader: boolean, sortOrder = 0): Json => [{ departmentId: id, sortOrder, isLeader }];

describe('a change reads as a clause', () => {
  test.each<readonly [string, ChangeRecord['action'], ChangedValues | null, ChangedValues | null]>([
    ['joined 研发, 市场', 'joined', null, { name: '张三', memberships: inside(2, 3) }],
    ['joined', 'joined', null, { name: '张三' }],
    ['left 研发', 'departed', { memberships: inside(2) }, { memberships: [] }],
    ['left', 'departed', {}, {}],
    ['came back to 市场; renamed 张三 → 张叁', 'returned', { name: '张三', memberships: [] }, { name: '张叁', memberships: inside(3) }],
    ['moved 研发 → 市场', 'changed', { memberships: inside(2) }, { memberships: inside(3) }],
    ['moved 研发 → 市场', 'changed', { memberships: inside(2), mainDepartment: 2 }, { memberships: inside(3), mainDepartment: 3 }],
    ['taken out of 研发; main department 研发 → 市场', 'changed', { memberships: inside(2, 3), mainDepartment: 2 }, { memberships: inside(3), mainDepartment: 3 }],
    ['added to 市场', 'changed', { memberships: inside(2) }, { memberships: inside(2, 3) }],
    ['taken out of 市场', 'changed', { memberships: inside(2, 3) }, { memberships: inside(2) }],
    ['moved department 9 → 研发', 'changed', { memberships: inside(9) }, { memberships: inside(2) }],
    ['made leader of 研发', 'changed', { memberships: leading(2, false) }, { memberships: leading(2, true) }],
    ['moved 市场 → 研发; made leader of 研发', 'changed', { memberships: inside(3) }, { memberships: leading(2, true) }],
    ['no longer leader of 研发', 'changed', { memberships: leading(2, true) }, { memberships: leading(2, false) }],
    ['reordered in 研发', 'changed', { memberships: leading(2, false, 1) }, { memberships: leading(2, false, 5) }],
    ['renamed 张三 → 张叁', 'changed', { name: '张三' }, { name: '张叁' }],
    ['named 张叁', 'changed', { name: null }, { name: '张叁' }],
    ['mobile 13800138000 → 13900139000', 'changed', { mobile: '13800138000' }, { mobile: '13900139000' }],
    ['business mail set to a@b.example', 'changed', { bizMail: null }, { bizMail: 'a@b.example' }],
    ['position 工程师 removed', 'changed', { position: '工程师' }, { position: '' }],
    ['disabled', 'changed', { status: 1 }, { status: 2 }],
    ['main department 研发 → 市场', 'changed', { mainDepartment: 2 }, { mainDepartment: 3 }],
    ['direct leaders a → b, c', 'changed', { directLeaders: ['a'] }, { directLeaders: ['b', 'c'] }],
    ['gender not set → female', 'changed', { gender: '0' }, { gender: '2' }],
    ['new avatar; other attributes changed', 'changed', { avatar: 'https://a', extattr: {} }, { avatar: 'https://b', extattr: { attrs: [] } }],
  ])('of a member: %s', (clause, action, before, after) => {
    expect(describeChange(change('member', action, before, after), names)).toBe(clause);
  });

  test.each<readonly [string, ChangeRecord['action'], ChangedValues | null, ChangedValues | null]>([
    ['created under 总部', 'created', null, { name: '研发', parentId: 1 }],
    ['created', 'created', null, { name: '总部', parentId: 0 }],
    ['removed', 'removed', {}, {}],
    ['restored; renamed 研究 → 研发', 'restored', { name: '研究' }, { name: '研发' }],
    ['moved from under 总部 to under 市场', 'changed', { parentId: 1 }, { parentId: 3 }],
    ['reordered; leaders set to a', 'changed', { sortOrder: 1, leaders: [] }, { sortOrder: 2, leaders: ['a'] }],
    ['English name R&D → Research', 'changed', { nameEn: 'R&D' }, { nameEn: 'Research' }],
  ])('of a department: %s', (clause, action, before, after) => {
    expect(describeChange(change('department', action, before, after), names)).toBe(clause);
  });

  test('whatever stands in values that another version wrote', () => {
    expect(describeChange(change('member', 'changed', { memberships: 'odd' }, { memberships: ['odd'], novel: { a: 1 } }), names)).toBe('novel set to {"a":1}');
  });
});

describe('a change concerns a department', () => {
  test.each<readonly [string, boolean, ChangeRecord]>([
    ['when it is the department’s own', true, change('department', 'changed', {}, {})],
    ['when somebody joined it', true, change('member', 'joined', null, { memberships: inside(2) })],
    ['when somebody left it', true, change('member', 'departed', { memberships: inside(2) }, { memberships: [] })],
    ['when somebody became its leader', true, change('member', 'changed', { memberships: leading(2, false) }, { memberships: leading(2, true) })],
    ['but not when somebody stayed in it', false, change('member', 'changed', { memberships: inside(2) }, { memberships: inside(2, 3) })],
    ['but not when somebody was renamed', false, change('member', 'changed', { name: 'a' }, { name: 'b' })],
  ])('%s', (_title, expected, record) => {
    expect(concernsDepartment(record, 2)).toBe(expected);
  });
});
