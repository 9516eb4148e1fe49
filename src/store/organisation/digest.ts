import { hash } from 'node:crypto';
import { MEMBER_FIELDS, memberKey } from '../../core/model.ts';
import type { Json, SeenMember, SeenMembership } from '../../core/model.ts';

/** Part of every digest. Another number makes the next run compare all members in full. */
const EDITION = 1;

/** One bit per field, for the fields that were sent. */
const BITS = MEMBER_FIELDS.map((field, index) => ({ field, bit: 2 ** index }));

/**
 * Returns 32 hexadecimal digits that are the same for the same record, in any order of the memberships. By them, a run
 * recognises an unchanged member without reading the stored fields. A field that was not sent differs from an empty one.
 * Records that mean the same but differ here, such as in the order of an object's keys, are compared in full once. That is
 * correct, and cheaper than sorting the keys of 100,000 records.
 */
export function digestOf({ userid, fields, memberships }: SeenMember): string {
  const values: Json[] = [];
  let sent = 0;
  for (const { field, bit } of BITS) {
    const value = fields[field];
    if (value === undefined) continue;
    sent += bit;
    values.push(value);
  }
  const record = [EDITION, memberKey(userid), sent, values, memberships === undefined ? null : flat(memberships)];
  return hash('sha256', JSON.stringify(record), 'hex').slice(0, 32);
}

function flat(memberships: readonly SeenMembership[]): readonly (number | boolean | null)[] {
  const sorted = memberships.length < 2 ? memberships : [...memberships].sort((a, b) => a.departmentId - b.departmentId);
  const values: (number | boolean | null)[] = [];
  for (const { departmentId, sortOrder = null, isLeader = null } of sorted) values.push(departmentId, sortOrder, isLeader);
  return values;
}
