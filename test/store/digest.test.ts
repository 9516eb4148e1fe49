import { describe, expect, test } from 'vitest';
import type { Json, MemberFields, SeenMember } from '../../src/core/model.ts';
import { MEMBER_FIELDS } from '../../src/core/model.ts';
import { digestOf } from '../../src/store/organisation/digest.ts';
import { membership, seen } from '../support/organisation.ts';

const FIELDS: MemberFields = {
  name: '张三',
  alias: 'z',
  mobile: '13800138000',
  email: 'z@x',
  bizMail: 'z@y',
  telephone: '1',
  position: 'p',
  gender: '1',
  status: 1,
  mainDepartment: 1,
  directLeaders: ['a', 'b'],
  avatar: 'https://x',
  address: 'here',
  extattr: { attrs: [{ type: 0, name: 'n' }], b: { y: 1, x: [1, 2] } },
  externalPosition: 'q',
};
const MEMBER: SeenMember = { userid: 'ZhangSan', fields: FIELDS, memberships: [membership(1), membership(2, { isLeader: true })] };

describe('the digest of a member', () => {
  test('is 16 bytes, and the same for the same record', () => {
    expect(digestOf(MEMBER)).toMatch(/^[0-9a-f]{32}$/);
    const reversed: Partial<MemberFields> = Object.fromEntries(Object.entries(FIELDS).reverse());
    expect(digestOf({ ...MEMBER, fields: reversed })).toBe(digestOf(MEMBER));
    expect(digestOf({ ...MEMBER, userid: 'zhangsan', memberships: [...(MEMBER.memberships ?? [])].reverse() })).toBe(digestOf(MEMBER));
  });

  test('does not change from one release to the next, or every first run would compare everybody in full', () => {
    const { externalPosition: _later, ...first } = FIELDS;
    expect(digestOf({ ...MEMBER, fields: first })).toBe('18c66f49bf412b2b5ace61af946103fd');
    expect(digestOf(seen('a', { alias: 'z' }))).toBe('fc0d71c0eaaee2e60ce73c3498c72513');
  });

  test.each(MEMBER_FIELDS)('tells a %s that was not sent, is empty, is zero, or differs', (field) => {
    const { [field]: _value, ...others } = FIELDS;
    const variants: readonly (Json | undefined)[] = [undefined, '', '0', 0, [], {}, null, 'other'];
    const digests = variants.map((value) => digestOf({ ...MEMBER, fields: (value === undefined ? others : { ...others, [field]: value }) }));
    expect(new Set([...digests, digestOf(MEMBER)]).size).toBe(variants.length + 1);
  });

  test('tells userids and memberships apart, and none from not sent', () => {
    const { memberships: _none, ...unsent } = MEMBER;
    const variants = [
      MEMBER,
      unsent,
      { ...MEMBER, userid: 'lisi' },
      ...[[{ departmentId: 1 }], [{ departmentId: 1, sortOrder: 0 }], [{ departmentId: 1, isLeader: false }]].map((memberships) => ({ ...MEMBER, memberships })),
      ...[[], [membership(1)], [membership(1), membership(2)], [membership(1, { sortOrder: 1 }), membership(2, { isLeader: true })]].map((memberships) => ({ ...MEMBER, memberships })),
    ];
    expect(new Set(variants.map(digestOf)).size).toBe(variants.length);
  });

  test('does not mix a value with its neighbour', () => {
    expect(digestOf({ userid: 'a', fields: { name: 'x', alias: '' } })).not.toBe(digestOf({ userid: 'a', fields: { name: '', alias: 'x' } }));
    expect(digestOf({ userid: 'a', fields: { name: 'x' } })).not.toBe(digestOf({ userid: 'a', fields: { alias: 'x' } }));
  });
});
