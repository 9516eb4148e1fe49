import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { diff } from '../../src/core/diff.ts';
import { type Corp, memberKey } from '../../src/core/model.ts';
import type { Engine } from '../../src/store/engine/database.ts';
import { openDatabase as openUnits } from '../../src/store/engine/transaction.ts';
import { openHistory } from '../../src/store/organisation/history.ts';
import { createMigrator } from '../../src/store/schema/migrate.ts';
import { createStore, type Store } from '../../src/store/store.ts';
import { forEveryNth, sampleOf } from '../support/every.ts';
import { type HistoryRow, replay } from '../support/history.ts';
import { department, seen, snapshot } from '../support/organisation.ts';
import { type Bench, mariadbPlace, openBench, sqlitePlace, sync, WRITER } from '../support/stores.ts';
import { watching } from '../support/watching.ts';

const DEPARTMENTS = [department(1, { leaders: ['anna'] })];
const BEFORE = [seen('anna', { mobile: '13800138000' }), seen('bert', { directLeaders: ['anna'] }), seen('carl')];
const AFTER = snapshot([seen('anna', { mobile: '13600136000' }), seen('bert', { directLeaders: ['anna'], alias: 'b' }), seen('dora')], DEPARTMENTS, ['carl']);
const LIVE = seen('anna', { mobile: '13500135000', alias: 'live' });

/** Does one writer's whole work in a corp, by statements of this engine; returns how that ended. */
type Write = (engine: Engine, corp: Corp, asked: () => Promise<void>) => Promise<string>;

/** After everything that a bench has written. */
const LATER = Date.UTC(2026, 2, 2);

/** Every writer there is. `asked` stands for the moments at which a writer waits for WeCom. */
const WRITERS = {
  run: async (engine, corp, asked) => {
    const store = openStore(engine);
    const fence = await store.begin(corp, WRITER);
    await asked();
    const changes = diff(await store.readBefore(corp, AFTER, fence), AFTER, 'CN');
    await asked();
    await store.commit(fence, changes, { requests: 1 });
    return 'committed';
  },
  'failing run': async (engine, corp, asked) => {
    const store = openStore(engine);
    const fence = await store.begin(corp, WRITER);
    await asked();
    await store.finish(fence, { outcome: 'failed', requests: 1, error: 'WeCom is down' });
    return 'failed';
  },
  'live lookup': async (engine, corp, asked) => {
    const store = openStore(engine);
    const mark = await store.mark(corp);
    await asked();
    return await store.commitLive(corp, { phone: '+8613500135000', region: 'CN', found: LIVE, holders: [], losers: [memberKey('bert')] }, { mark, writer: WRITER });
  },
  'live lookup that finds nobody': async (engine, corp, asked) => {
    const store = openStore(engine);
    const mark = await store.mark(corp);
    await asked();
    return await store.commitLive(corp, { phone: '+8613800138000', region: 'CN', holders: [seen('anna', { mobile: '' })], losers: [] }, { mark, writer: WRITER });
  },
  forget: async (engine, corp) => {
    const { members } = await openHistory(openUnits(engine, { clock: systemClock })).erase({ corpId: corp.id, userid: 'anna' });
    return `erased ${members}`;
  },
  migrate: async (engine) => {
    const units = openUnits(engine, { clock: systemClock });
    await units.transaction((connection) => connection.write("DELETE FROM schema_migrations WHERE name <> '0001_first_tables'"));
    await createMigrator(units, () => LATER).migrate();
    return 'migrated';
  },
  prune: async (engine) => {
    const { changes } = await openHistory(openUnits(engine, { clock: systemClock })).prune(new Date(LATER), 2);
    return `pruned ${changes}`;
  },
} satisfies Readonly<Record<string, Write>>;
type WriterName = keyof typeof WRITERS;

/** The others touch no member: of their pairs, every third one is tried where not all cases are asked for. */
const MAIN: readonly WriterName[] = ['run', 'live lookup', 'live lookup that finds nobody', 'forget', 'migrate'];
const NAMES: readonly WriterName[] = ['run', 'failing run', 'live lookup', 'live lookup that finds nobody', 'forget', 'migrate', 'prune'];

function openStore(engine: Engine): Store {
  return createStore(openUnits(engine, { clock: systemClock }), { now: () => LATER, allowTakeover: false });
}

describe.each([['SQLite', sqlitePlace], ['MariaDB', () => mariadbPlace()]])('two writers of one corp in %s', (_engine, place) => {
  test.each(NAMES)('a %s, and before each of its statements another run, lookup, erasure, migration or pruning: history and erasure stay true', async (first) => {
    const bench = await openBench(place());
    let corps = 0;
    const both = MAIN.includes(first) ? MAIN : [];
    for (const second of [...both, ...sampleOf(NAMES.filter((name) => !both.includes(name)), 3)]) {
      const { of } = await forEveryNth(async (n) => await collide(bench, { id: `ww${(corps += 1)}`, name: 'corp' }, { first, second, n }), { step: 3 });
      expect(of).toBeGreaterThan(3);
    }
  });
});

/** The second writer begins before the n-th statement, or question, of the first; returns how many there are when there is none. */
async function collide({ store, database, openEngine }: Bench, corp: Corp, { first, second, n }: { readonly first: WriterName; readonly second: WriterName; readonly n: number }): Promise<number | undefined> {
  await sync(store, BEFORE, { corp, departments: DEPARTMENTS });
  const past = await historyOf(database, corp);
  let count = 0;
  const asking = { first: false, before: false };
  let other: Promise<string> | undefined;
  const step = async (): Promise<void> => {
    count += 1;
    if (count !== n) return;
    asking.before = asking.first;
    const engine = openEngine();
    other = ended(WRITERS[second](engine, corp, () => Promise.resolve())).finally(() => engine.close());
    // It is through, or waits for a lock of the first.
    await Promise.race([other, sleep(20)]);
  };
  const engine = openEngine();
  const asked = async (): Promise<void> => {
    asking.first = true;
    await step();
  };
  const end = await ended(WRITERS[first](watching(engine, step), corp, asked));
  await engine.close();
  const otherEnd = await other;
  const where = `${first} ${end}, ${second} ${otherEnd} at ${n}`;
  const kept = await historyOf(database, corp);
  const history = [first, second].includes('prune') ? [...past.filter(({ id }) => !kept.some((row) => row.id === id)), ...kept] : kept;
  expect([where, replay(history).sins]).toEqual([where, []]);
  await expectErased({ database, corp, where, asked: asking.before && second === 'forget' });
  await expectReplayed({ store, corp, where, history });
  return count < n ? count : undefined;
}

async function historyOf(database: Bench['database'], corp: Corp): Promise<readonly (HistoryRow & { readonly id: number })[]> {
  const rows = await database.read((connection) => connection.query('SELECT id, entity, entity_id, action, old_values, new_values FROM changes WHERE corp_id = ? ORDER BY id', [corp.id]));
  return rows.map((row) => ({ id: Number(row['id']), entity: row['entity'], entityId: row['entity_id'], action: row['action'], oldValues: parsed(row['old_values']), newValues: parsed(row['new_values']) }) as HistoryRow & { id: number });
}

/** What was read before an erasure must not come back after it. */
async function expectErased({ database, corp, where, asked }: { readonly database: Bench['database']; readonly corp: Corp; readonly where: string; readonly asked: boolean }): Promise<void> {
  if (!asked || !where.includes('erased 1')) return;
  const traces = await database.read(async (connection) => [
    await connection.query('SELECT userid, direct_leaders FROM members WHERE corp_id = ?', [corp.id]),
    await connection.query('SELECT userid FROM memberships WHERE corp_id = ?', [corp.id]),
    await connection.query('SELECT entity_id, old_values, new_values FROM changes WHERE corp_id = ?', [corp.id]),
    await connection.query('SELECT leaders FROM departments WHERE corp_id = ?', [corp.id]),
  ]);
  expect([where, JSON.stringify(traces).includes('anna')]).toEqual([where, false]);
}

/** The history leads to what is stored, and the corp's last run is there. */
async function expectReplayed({ store, corp, where, history }: { readonly store: Bench['store']; readonly corp: Corp; readonly where: string; readonly history: readonly HistoryRow[] }): Promise<void> {
  expect([where, (await store.runs(corp.id, 1)).length]).toEqual([where, 1]);
  const { lives } = replay(history);
  const stored = await store.findMembers(corp, ['anna', 'bert', 'carl', 'dora'].map(memberKey));
  for (const [key, { fields, departed }] of stored) {
    const life = lives.get(`member ${key}`);
    expect([where, key, life?.present, life?.values['mobile'] ?? null, life?.values['alias'] ?? null]).toEqual([where, key, !departed, fields.mobile, fields.alias]);
  }
}

async function ended(work: Promise<string>): Promise<string> {
  return await work.catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'fenced_off') return 'fenced off';
    throw error;
  });
}

function parsed(value: unknown): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value;
}
