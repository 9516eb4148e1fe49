import { describe, expect, test, vi } from 'vitest';
import type { MEMBER_FIELD_KINDS } from '../../src/core/member-fields.ts';
import { memberKey, MEMBER_FIELDS, type MemberFields } from '../../src/core/model.ts';
import { digestOf } from '../../src/store/organisation/digest.ts';
import { openHistory } from '../../src/store/organisation/history.ts';
import { seen, snapshot } from '../support/organisation.ts';
import { CORP, mariadbPlace, openBench, organisationRows, rowsOf, sqlitePlace, sync } from '../support/stores.ts';

/** Two more lines in the table of member fields. Their columns, which a migration would add, are added by the test. */
vi.mock('../../src/core/member-fields.ts', async (original) => {
  const real = await original<{ MEMBER_FIELD_KINDS: typeof MEMBER_FIELD_KINDS }>();
  return { MEMBER_FIELD_KINDS: { ...real.MEMBER_FIELD_KINDS, pagerNumber: 'text', deputyUserids: 'userids' } };
});

/** The fields that the compiler does not know. */
function more(pager: string, deputies: readonly string[]): Partial<MemberFields> {
  return { pagerNumber: pager, deputyUserids: deputies } as Partial<MemberFields>;
}

describe.each([['SQLite', sqlitePlace], ['MariaDB', () => mariadbPlace()]])('a member field that is one more line in the table, in %s', (_engine, place) => {
  test('is written, read, compared, recognised, told in the history and erased', async () => {
    const { store, database } = await openBench(place());
    for (const [column, type] of [['pager_number', database.dialect.types.text], ['deputy_userids', database.dialect.types.json]] as const) {
      await database.transaction((connection) => connection.write(`ALTER TABLE members ADD COLUMN ${column} ${type}`));
    }
    expect(MEMBER_FIELDS).toContain('pagerNumber');
    const first = seen('a', more('🦊 1', ['boss', 'b']));
    await sync(store, [first, seen('b'), seen('boss')]);
    expect((await store.findMembers(CORP, [memberKey('a')])).get(memberKey('a'))?.fields).toMatchObject(more('🦊 1', ['boss', 'b']));
    expect((await store.findMembers(CORP, [memberKey('b')])).get(memberKey('b'))?.fields).toMatchObject({ pagerNumber: null, deputyUserids: null });
    expect((await store.readBefore(CORP, snapshot([first]))).same.size).toBe(1);

    const changed = seen('a', more('2', ['boss']));
    expect(digestOf(changed)).not.toBe(digestOf(first));
    expect((await sync(store, [changed, seen('b'), seen('boss')])).committed.counts).toMatchObject({ changed: 1 });
    const [told] = (await openHistory(database).changes({ limit: 9, actions: ['changed'] })).records;
    expect(told).toMatchObject({ oldValues: more('🦊 1', ['boss', 'b']), newValues: more('2', ['boss']) });
    const stored = await rowsOf(database, 'changes', 'id, action, new_values');
    expect(String(stored.find(({ action }) => action === 'changed')?.['new_values'])).toContain('"pager_number"');

    expect(await openHistory(database).erase({ corpId: CORP.id, userid: 'boss' })).toMatchObject({ mentions: 3 });
    expect(JSON.stringify([await organisationRows(database), await rowsOf(database, 'changes')])).not.toContain('boss');
  });

});

test('a field more leaves the digests of those who lack it as they were', () => {
  expect(digestOf(seen('a', { alias: 'z' }))).toBe('fc0d71c0eaaee2e60ce73c3498c72513');
});
