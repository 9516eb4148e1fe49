import { describe, expect, test } from 'vitest';
import { diff, diffMember } from '../../src/core/diff.ts';
import { type ChangeSet, memberKey, type SeenMember } from '../../src/core/model.ts';
import type { Store } from '../../src/core/ports/store.ts';
import type { Engine, Session, SqlValue } from '../../src/store/engine/database.ts';
import { createMigrator, MIGRATIONS } from '../../src/store/schema/migrate.ts';
import { createStore } from '../../src/store/store.ts';
import { openDatabase as openUnits } from '../../src/store/engine/transaction.ts';
import { department, membership, seen, snapshot } from '../support/organisation.ts';
import { type Bench, CORP, openBench, type OpenEngine, organisationRows, plan, rowsOf, sync, WRITER } from '../support/stores.ts';

const ZHANG = seen('zhangsan', {
  name: '张三',
  alias: 'Zhang',
  mobile: '13800138000',
  email: 'zhangsan@example.com',
  bizMail: 'zhangsan@corp.example',
  telephone: '020-1234',
  position: '工程师',
  gender: '1',
  mainDepartment: 2,
  directLeaders: ['lisi', 'wangwu'],
  avatar: 'https://wework.qpic.cn/wwpic/1/0',
  address: '广州',
  extattr: { attrs: [{ type: 0, name: '爱好', text: { value: '旅游' } }] },
}, [1, 2]);
const LI = seen('lisi', { mobile: '13900139000' });
const DEPARTMENTS = [department(1, { name: '总部' }), department(2, { name: '研发', nameEn: 'R&D', leaders: ['zhangsan'], sortOrder: 4_294_967_295 })];

/** What every store promises, whatever is under it. `place` makes room for one test's store. */
export function describeStore(name: string, place: () => Promise<OpenEngine>): void {
  const open = (): Promise<Bench> => openBench(place());

  describe(`a run into ${name}`, () => {
    test('stores every field as WeCom sent it, and reads it back the same', async () => {
      const { store } = await open();
      const { committed } = await sync(store, [ZHANG, LI], { departments: DEPARTMENTS });
      expect(committed).toEqual({ counts: { joined: 2, departed: 0, changed: 0, departmentsChanged: 2 }, memberCount: 2, departmentCount: 2 });
      const found = await store.findMembers(CORP, [memberKey('zhangsan'), memberKey('nobody')]);
      expect([...found.keys()]).toEqual(['zhangsan']);
      expect(found.get(memberKey('zhangsan'))).toEqual({ ...ZHANG, mobileE164: '+8613800138000', departed: false });
      const before = await store.readBefore(CORP, snapshot([]));
      expect(before.departments.get(2)).toEqual({ id: 2, parentId: 1, sortOrder: 4_294_967_295, name: '研发', nameEn: 'R&D', leaders: ['zhangsan'], removed: false });
    });

    test('keeps what was never sent apart from what was sent empty', async () => {
      const { store, database } = await open();
      await sync(store, [seen('a'), seen('b', { mobile: '', gender: '0', directLeaders: [], extattr: {} })]);
      const found = await store.findMembers(CORP, [memberKey('a'), memberKey('b')]);
      expect(found.get(memberKey('a'))?.fields).toMatchObject({ mobile: null, gender: null, directLeaders: null, extattr: null });
      expect(found.get(memberKey('b'))?.fields).toMatchObject({ mobile: '', gender: '0', directLeaders: [], extattr: {} });
      const rows = await rowsOf(database, 'members', 'userid, mobile, mobile_e164, alias');
      expect(rows).toEqual([{ userid: 'a', mobile: null, mobile_e164: null, alias: null }, { userid: 'b', mobile: '', mobile_e164: null, alias: null }]);
    });

    test.each([
      ['emoji', '👩‍👩‍👧 🦊'],
      ['CJK extension B', '𠮷野家 𡈽'],
      ['quotes and backslashes', String.raw`O'Brien "x" \ \' \" %_ ; -- /* */ ?`],
      ['line breaks and tabs', 'a\r\nb\tc\u2028d'],
      ['a NUL', 'before\u0000after'],
      ['64 wide characters', '好'.repeat(64)],
      ['text that looks like a number', '0013'],
    ])('stores %s exactly', async (_what, text) => {
      const { store } = await open();
      const odd = seen('odd', { name: text, alias: text, position: text, address: text, avatar: text, extattr: { [text]: [text] }, directLeaders: [text] });
      await sync(store, [odd], { departments: [department(1, { name: text, nameEn: text })] });
      expect((await store.findMembers(CORP, [memberKey('odd')])).get(memberKey('odd'))).toMatchObject(odd);
      expect((await store.readBefore(CORP, snapshot([]))).departments.get(1)).toMatchObject({ name: text, nameEn: text });
      const again = await sync(store, [odd], { departments: [department(1, { name: text, nameEn: text })] });
      expect(again.changes).toEqual({ departments: [], members: [], reseen: [] });
    });

    test('holds ids beyond 2^31 and orders up to 2^32-1', async () => {
      const { store } = await open();
      const huge = 2 ** 53 - 1;
      const departments = [department(1), department(2 ** 31), department(huge, { parentId: 2 ** 31 })];
      const member = { ...seen('a', { mainDepartment: huge }), memberships: [membership(2 ** 31), membership(huge, { sortOrder: 2 ** 32 - 1, isLeader: true })] };
      await sync(store, [member], { departments });
      expect((await store.findMembers(CORP, [memberKey('a')])).get(memberKey('a'))).toMatchObject(member);
      expect([...(await store.readBefore(CORP, snapshot([]))).departments.keys()].sort((a, b) => a - b)).toEqual([1, 2 ** 31, huge]);
    });

    test('takes two spellings of a userid for one member, and keeps the first', async () => {
      const { store, database } = await open();
      await sync(store, [seen('ZhangSan')]);
      const { changes } = await sync(store, [seen('zhangsan')]);
      expect(changes.members).toEqual([]);
      await sync(store, [seen('ZHANGSAN', { alias: 'z' }, [1, 3])]);
      expect(await rowsOf(database, 'members', 'userid, alias')).toEqual([{ userid: 'ZhangSan', alias: 'z' }]);
      expect(await rowsOf(database, 'memberships', 'userid, department_id')).toHaveLength(2);
      expect((await store.findMembers(CORP, [memberKey('zhangSAN')])).size).toBe(1);
    });

    test('tells corps apart', async () => {
      const { store } = await open();
      const other = { id: 'ww0000000000000002', name: 'Other' };
      await sync(store, [ZHANG]);
      await sync(store, [LI], { corp: other });
      expect((await store.readBefore(other, snapshot([ZHANG]))).members.size).toBe(1);
      expect((await store.findMembers(other, [memberKey('zhangsan')])).size).toBe(0);
    });

    test('writes more members than fit in one statement', async () => {
      const { store } = await open();
      const many = Array.from({ length: 1_203 }, (_, index) => seen(`user${index}`, { extattr: { text: 'x'.repeat(2_000) } }, [1, index % 7]));
      expect((await sync(store, many)).committed.memberCount).toBe(1_203);
      const before = await store.readBefore(CORP, snapshot(many));
      expect([before.same.size, before.members.size, before.memberCount]).toEqual([1_203, 0, 1_203]);
      const changed = many.map((member, index) => (index % 2 === 0 ? member : { ...member, memberships: [membership(9)] }));
      const { committed } = await sync(store, changed);
      expect(committed.counts.changed).toBe(601);
      expect([...(await store.findMembers(CORP, [memberKey('user1'), memberKey('user2')])).values()].map(({ memberships }) => memberships.length)).toEqual([1, 2]);
    });
  });

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

  describe(`the times in ${name}`, () => {
    test('tell when somebody was created, changed, departed and came back, and move only when something differs', async () => {
      const { store, database, clock } = await open();
      const times = async (): Promise<readonly unknown[]> => {
        const [row] = await rowsOf(database, 'members', 'userid, created_at, updated_at, departed_at');
        return [row?.['created_at'], row?.['updated_at'], row?.['departed_at']].map((at) => (at === null ? null : String(at).slice(11, 16)));
      };
      await sync(store, [LI]);
      clock.now += 3_600_000;
      await sync(store, [LI]);
      expect(await times()).toEqual(['08:00', '08:00', null]);
      await sync(store, [seen('lisi', { alias: 'x' })]);
      expect(await times()).toEqual(['08:00', '09:00', null]);
      clock.now += 3_600_000;
      await sync(store, [], { left: ['lisi'] });
      expect(await times()).toEqual(['08:00', '10:00', '10:00']);
      clock.now += 3_600_000;
      await sync(store, [LI]);
      expect(await times()).toEqual(['08:00', '11:00', null]);
    });

    test('are UTC to the millisecond', async () => {
      const { store, database, clock } = await open();
      clock.now = Date.UTC(2026, 6, 31, 23, 59, 59, 7);
      await sync(store, [LI]);
      expect(await rowsOf(database, 'corps', 'id, last_success_at')).toEqual([{ id: CORP.id, last_success_at: '2026-07-31 23:59:59.007' }]);
      expect((await store.corps())[0]?.lastSuccessAt?.getTime()).toBe(clock.now);
    });
  });

  describe(`a commit to ${name}`, () => {
    test('repeated with the same changes, changes no row and tells no change a second time', async () => {
      const { store, database, clock } = await open();
      const first = await sync(store, [ZHANG, LI, seen('gone')], { departments: DEPARTMENTS });
      const second = await sync(store, [ZHANG, seen('lisi', { alias: 'new' }, [2])], { departments: [department(1)], left: ['gone'] });
      const rows = await organisationRows(database);
      const history = await rowsOf(database, 'changes');
      clock.now += 60_000;
      const fence = await store.begin(CORP, WRITER);
      const again = await store.commit(fence, second.changes, { requests: 1 });
      expect(again.counts).toEqual({ joined: 0, departed: 0, changed: 0, departmentsChanged: 0 });
      expect(again.memberCount).toBe(2);
      expect(await organisationRows(database)).toEqual(rows);
      expect(await rowsOf(database, 'changes')).toEqual(history);
      expect(first.changes.members).toHaveLength(3);
    });

    test('whose fence is old writes nothing at all and says so', async () => {
      const { store, database, another } = await open();
      await sync(store, [ZHANG, LI]);
      const paused = await store.begin(CORP, WRITER);
      const changes = await plan(store, [seen('zhangsan', { name: 'OLD' }), seen('new')]);
      await sync(another(), [seen('zhangsan', { name: 'NEW' }), LI]);
      const rows = await organisationRows(database);
      const [corps, runs, history] = [await rowsOf(database, 'corps'), await rowsOf(database, 'runs'), await rowsOf(database, 'changes')];
      await expect(store.commit(paused, changes, { requests: 1 })).rejects.toMatchObject({ kind: 'temporary', code: 'fenced_off' });
      expect(await organisationRows(database)).toEqual(rows);
      expect([await rowsOf(database, 'corps'), await rowsOf(database, 'runs'), await rowsOf(database, 'changes')]).toEqual([corps, runs, history]);
    });

    test('that failed at any statement leaves the organisation as it was, and works when it is run again', async () => {
      const { store, database, openEngine, clock } = await open();
      await sync(store, [ZHANG, LI], { departments: DEPARTMENTS });
      const rows = await organisationRows(database);
      const next = [seen('zhangsan', { name: 'x' }, [2]), seen('new')];
      const changes = await plan(store, next, { left: ['lisi'] });
      let failures = 0;
      for (let statement = 1; ; statement += 1) {
        const fence = await store.begin(CORP, WRITER);
        const broken = createStore(openUnits(failingAt(openEngine(), statement)), { now: () => clock.now, allowTakeover: false });
        const outcome = await broken.commit(fence, changes, { requests: 1 }).then(() => 'done', () => 'failed');
        if (outcome === 'done') break;
        failures += 1;
        expect(await organisationRows(database)).toEqual(rows);
      }
      expect(failures).toBeGreaterThan(12);
      expect((await store.readBefore(CORP, snapshot(next))).same.size).toBe(2);
    });

    test('asked for twice with one fence does its work once, and tells of it twice', async () => {
      const { store, database } = await open();
      const { fence, changes, committed } = await sync(store, [ZHANG, LI], { departments: DEPARTMENTS });
      expect(await store.commit(fence, changes, { requests: 7 })).toEqual(committed);
      expect(await rowsOf(database, 'changes')).toHaveLength(4);
      await store.begin(CORP, WRITER);
      expect(await store.commit(fence, changes, { requests: 7 })).toEqual(committed);
    });

    test('knows since when a corp is tried that never succeeded, and no longer asks once it has', async () => {
      const { store, clock } = await open();
      const triedSince = new Date(clock.now);
      for (let times = 0; times < 3; times += 1) {
        await store.finish(await store.begin(CORP, WRITER), { outcome: 'failed', requests: 3, error: 'no answer' });
        clock.now += 60_000;
      }
      await store.begin({ id: 'ww2', name: 'Later' }, WRITER);
      expect(await store.corps()).toMatchObject([{ corp: CORP, lastSuccessAt: null, triedSince }, { corp: { id: 'ww2' }, triedSince: new Date(clock.now) }]);
      await sync(store, [ZHANG], { departments: DEPARTMENTS });
      expect((await store.corps())[0]).toMatchObject({ lastSuccessAt: new Date(clock.now), triedSince: null });
    });

    test('closes the run and moves the last success, which nothing else does', async () => {
      const { store, clock } = await open();
      const failing = await store.begin(CORP, WRITER);
      clock.now += 1_000;
      await store.finish(failing, { outcome: 'failed', requests: 3, error: 'no answer' });
      await store.finish(failing, { outcome: 'held_back', requests: 9, error: 'too late' });
      expect((await store.corps())[0]).toMatchObject({ lastSuccessAt: null, fence: 1, lastRunId: failing.runId, writerVersion: null });
      const { fence } = await sync(store, [ZHANG], { departments: DEPARTMENTS });
      await store.finish(fence, { outcome: 'interrupted', requests: 9, error: 'too late' });
      await store.begin(CORP, WRITER);
      expect((await store.corps())[0]).toMatchObject({ corp: CORP, lastSuccessAt: new Date(clock.now), fence: 3, writerVersion: '1.4.2', memberCount: 1, departmentCount: 2 });
      expect(await store.runs(CORP.id, 9)).toEqual([
        expect.objectContaining({ outcome: 'interrupted', finishedAt: null, startedAt: new Date(clock.now) }),
        expect.objectContaining({ id: fence.runId, outcome: 'ok', requests: 7, counts: { joined: 1, departed: 0, changed: 0, departmentsChanged: 2 }, error: null, host: 'host-1', version: '1.4.2' }),
        expect.objectContaining({ id: failing.runId, corpId: CORP.id, outcome: 'failed', requests: 3, error: 'no answer', finishedAt: new Date(clock.now) }),
      ]);
      expect(await store.runs(CORP.id, 1)).toHaveLength(1);
      expect(await store.runs(CORP.id, 1, fence.runId)).toMatchObject([{ id: failing.runId }]);
      expect(await store.runs(CORP.id, 9, failing.runId)).toEqual([]);
    });

    test('writes rows in order of their keys', async () => {
      const { store, openEngine, clock } = await open();
      const written: SqlValue[][] = [];
      const watched = watching(openEngine(), (sql, values) => {
        if (sql.startsWith('INSERT INTO members ')) written.push([...values]);
      });
      const fence = await store.begin(CORP, WRITER);
      const changes = await plan(store, ['c', 'B', 'a', 'D'].map((userid) => seen(userid)));
      await createStore(openUnits(watched), { now: () => clock.now, allowTakeover: false }).commit(fence, changes, { requests: 1 });
      const userids = written.flat().filter((value) => ['a', 'B', 'c', 'D'].includes(String(value)));
      expect(userids).toEqual(['a', 'B', 'c', 'D']);
    });

    test('touches only the memberships that differ', async () => {
      const { store, openEngine, clock } = await open();
      await sync(store, [seen('a', {}, [1, 2, 3]), LI]);
      const writes: string[] = [];
      const watched = watching(openEngine(), (sql, values) => {
        if (sql.includes('memberships') && !sql.startsWith('SELECT')) writes.push(`${sql.slice(0, 6)} ${values.slice(1).join(' ')}`);
      });
      const fence = await store.begin(CORP, WRITER);
      const changes = await plan(store, [{ ...seen('a'), memberships: [membership(1), membership(3, { isLeader: true }), membership(4)] }, LI]);
      await createStore(openUnits(watched), { now: () => clock.now, allowTakeover: false }).commit(fence, changes, { requests: 1 });
      expect(writes).toEqual(['DELETE a 2', `INSERT a 3 0 1 ${CORP.id} a 4 0 0`]);
    });

    test('records every change under the columns’ names', async () => {
      const { store, database } = await open();
      const { fence } = await sync(store, [seen('a', { bizMail: 'a@x' })], { departments: [department(1)] });
      const second = await sync(store, [{ ...seen('a', { bizMail: 'b@x' }), memberships: [membership(1, { isLeader: true })] }], { departments: [department(1, { nameEn: 'HQ' })] });
      await sync(store, [], { left: ['a'], departments: [department(1, { nameEn: 'HQ' })] });
      const rows = (await rowsOf(database, 'changes')).map((row) => ({ ...row, old_values: parsed(row['old_values']), new_values: parsed(row['new_values']) }));
      const common = { corp_id: CORP.id, at: '2026-03-01 08:00:00.000' };
      const [plain, leading] = [0, 1].map((leader) => ({ department_id: 1, sort_order: 0, is_leader: leader === 1 }));
      expect(rows).toMatchObject([
        { run_id: fence.runId, ...common, entity: 'department', entity_id: '1', action: 'created', old_values: null, new_values: { parent_id: 0, sort_order: 0 } },
        { run_id: fence.runId, entity: 'member', entity_id: 'a', action: 'joined', old_values: null, new_values: { biz_mail: 'a@x', status: 1, memberships: [plain] } },
        { run_id: second.fence.runId, entity: 'department', action: 'changed', old_values: { name_en: null }, new_values: { name_en: 'HQ' } },
        { entity: 'member', action: 'changed', old_values: { biz_mail: 'a@x', memberships: [plain] }, new_values: { biz_mail: 'b@x', memberships: [leading] } },
        { entity: 'member', action: 'departed', old_values: { memberships: [leading] }, new_values: { memberships: [] } },
      ]);
    });
  });

  describe(`the fence in ${name}`, () => {
    test('grows with each taker, and two who take it at once get different ones', async () => {
      const { store, another } = await open();
      const taken = await Promise.all([store, another(), another(), another()].map((one) => one.begin(CORP, WRITER)));
      expect(taken.map(({ token }) => token).sort()).toEqual([1, 2, 3, 4]);
      expect(new Set(taken.map(({ runId }) => runId)).size).toBe(4);
    });

    test('is refused to an older version, unless that is allowed, and leaves no trace', async () => {
      const { store, another, database } = await open();
      await sync(store, [LI]);
      const rows = [await rowsOf(database, 'corps'), await rowsOf(database, 'runs')];
      for (const version of ['1.3.9', '0.9.0']) {
        await expect(store.begin(CORP, { ...WRITER, version })).rejects.toMatchObject({ kind: 'refused', code: 'newer_writer', message: expect.stringMatching(`1\\.4\\.2.*${version}`) as string, hint: expect.stringContaining('ORGSYNC_ALLOW_TAKEOVER=1') as string });
      }
      expect([await rowsOf(database, 'corps'), await rowsOf(database, 'runs')]).toEqual(rows);
      for (const version of ['1.4.0', '1.4.2', '1.10.0', '2.0.0']) await store.begin(CORP, { ...WRITER, version });
      await another({ allowTakeover: true }).begin(CORP, { ...WRITER, version: '0.9.0' });
    });

    test('is refused to another environment, unless that is allowed', async () => {
      const { store, another } = await open();
      const production = { ...WRITER, environment: 'SCHEDULE_ENV=production' };
      const fence = await store.begin(CORP, production);
      await store.commit(fence, { departments: [], members: [], reseen: [] }, { requests: 0 });
      const other = { ...WRITER, environment: 'SCHEDULE_ENV=pre', accepts: (environment: string) => environment === 'SCHEDULE_ENV=pre' };
      await expect(store.begin(CORP, other)).rejects.toMatchObject({ kind: 'refused', code: 'other_environment', message: expect.stringMatching('production.*pre') as string });
      await another({ allowTakeover: true }).begin(CORP, other);
      await store.begin(CORP, production);
    });

    test('passed by hand leaves the corp to the environment that it had', async () => {
      const { store } = await open();
      const commit = async (environment: string | null): Promise<unknown> =>
        await store.commit(await store.begin(CORP, { ...WRITER, environment }), { departments: [], members: [], reseen: [] }, { requests: 0 });
      await commit('SCHEDULE_ENV=production');
      await commit(null);
      const other = { ...WRITER, environment: 'SCHEDULE_ENV=pre', accepts: (environment: string) => environment === 'SCHEDULE_ENV=pre' };
      await expect(store.begin(CORP, other)).rejects.toMatchObject({ code: 'other_environment', message: expect.stringContaining('production') as string });
    });

    test('takes a gate of any length', async () => {
      const { store } = await open();
      const fence = await store.begin(CORP, { ...WRITER, environment: `REGION=${'x'.repeat(5_000)}` });
      await store.commit(fence, { departments: [], members: [], reseen: [] }, { requests: 0 });
    });
  });

  describe(`a live lookup into ${name}`, () => {
    const sighting = async (store: Store, member: SeenMember): Promise<ChangeSet> => {
      const stored = (await store.findMembers(CORP, [memberKey(member.userid)])).get(memberKey(member.userid));
      const change = diffMember(stored, member, 'CN');
      return { departments: [], members: change === undefined ? [] : [change], reseen: change === undefined ? [member] : [] };
    };

    test('is refused to an older version and to another environment, unless that is allowed', async () => {
      const { store, another, database } = await open();
      const fence = await store.begin(CORP, { ...WRITER, environment: 'SCHEDULE_ENV=production' });
      await store.commit(fence, { departments: [], members: [], reseen: [] }, { requests: 0 });
      const changes = await sighting(store, LI);
      const older = { ...WRITER, version: '0.9.0' };
      await expect(store.commitLive(CORP, changes, older)).rejects.toMatchObject({ kind: 'refused', code: 'newer_writer' });
      await expect(store.commitLive(CORP, changes, { ...WRITER, accepts: () => false })).rejects.toMatchObject({ kind: 'refused', code: 'other_environment' });
      expect(await rowsOf(database, 'members')).toEqual([]);
      await another({ allowTakeover: true }).commitLive(CORP, changes, older);
      expect(await rowsOf(database, 'members')).toHaveLength(1);
    });

    test('survives the run that began before it, whoever it saw: changed, new, or unchanged', async () => {
      const { store, another, database } = await open();
      await sync(store, [ZHANG, LI, seen('wangwu')]);
      const slow = await store.begin(CORP, WRITER);
      const live = another();
      await live.commitLive(CORP, await sighting(live, seen('zhangsan', { mobile: '13700137000' }, [1, 2])), WRITER);
      await live.commitLive(CORP, await sighting(live, seen('new', { name: 'live' })), WRITER);
      await live.commitLive(CORP, await sighting(live, LI), WRITER);
      const rows = await organisationRows(database);
      const old = await staleChanges();
      const committed = await store.commit(slow, old, { requests: 1 });
      expect(committed.counts).toEqual({ joined: 0, departed: 1, changed: 0, departmentsChanged: 0 });
      expect(committed.memberCount).toBe(3);
      const now = await organisationRows(database);
      expect(now['members']?.filter(({ userid }) => userid !== 'wangwu')).toEqual(rows['members']?.filter(({ userid }) => userid !== 'wangwu'));
    });

    test('is compared in full by the next run, which may change it', async () => {
      const { store, another } = await open();
      await sync(store, [ZHANG, LI]);
      const live = seen('zhangsan', { mobile: '13700137000' }, [1, 2]);
      await another().commitLive(CORP, await sighting(store, live), WRITER);
      for (const member of [ZHANG, live]) expect((await store.readBefore(CORP, snapshot([member, LI]))).members.size).toBe(1);
      const { committed } = await sync(store, [ZHANG, LI]);
      expect(committed.counts.changed).toBe(1);
      expect((await store.findMembers(CORP, [memberKey('zhangsan')])).get(memberKey('zhangsan'))?.fields.mobile).toBe('13800138000');
    });

    test('leaves changes without a run, says where the number came from, and writes nothing twice', async () => {
      const { store, database, clock } = await open();
      await sync(store, [LI, ZHANG]);
      clock.now += 60_000;
      const changes = await sighting(store, seen('lisi', { mobile: '13700137000' }));
      await store.commitLive(CORP, changes, WRITER);
      const rows = await organisationRows(database);
      clock.now += 60_000;
      await store.commitLive(CORP, changes, WRITER);
      expect(await organisationRows(database)).toEqual(rows);
      const history = await rowsOf(database, 'changes', 'id, run_id, entity_id, action');
      expect(history.filter(({ run_id: run }) => run === null)).toMatchObject([{ entity_id: 'lisi', action: 'changed' }]);
      expect(await rowsOf(database, 'members', 'userid, mobile_source, mobile_seen_at')).toEqual([
        { userid: 'lisi', mobile_source: 'lookup', mobile_seen_at: '2026-03-01 08:01:00.000' },
        { userid: 'zhangsan', mobile_source: 'run', mobile_seen_at: '2026-03-01 08:00:00.000' },
      ]);
      expect((await store.corps())[0]?.lastSuccessAt).toEqual(new Date(clock.now - 120_000));
    });

    test('may be the first that a corp is heard of', async () => {
      const { store } = await open();
      await store.commitLive(CORP, await sighting(store, ZHANG), WRITER);
      expect((await store.corps())[0]).toMatchObject({ corp: CORP, fence: 0, lastSuccessAt: null, triedSince: null, memberCount: 1 });
      expect((await sync(store, [])).committed.memberCount).toBe(1);
    });

    /** What a run would write that read WeCom before the lookup. */
    async function staleChanges(): Promise<ChangeSet> {
      const scratch = await open();
      await sync(scratch.store, [ZHANG, LI, seen('wangwu')]);
      const after = snapshot([seen('zhangsan', { mobile: '13100131000' }), seen('new', { name: 'stale' })], [department(1)], ['lisi', 'wangwu']);
      return diff(await scratch.store.readBefore(CORP, after), after, 'CN');
    }
  });

  describe(`a phone number in ${name}`, () => {
    const NUMBER = '+8613800138000';
    const SUBSIDIARY = { id: 'ww0000000000000002', name: '分公司' };

    test('finds everyone who has it, in all corps or the named ones, with their way through the organisation', async () => {
      const { store } = await open();
      await sync(store, [ZHANG, LI], { departments: [department(1, { name: '总部' }), department(2, { name: '研发', parentId: 5 }), department(5, { name: '技术', parentId: 1 })] });
      await sync(store, [seen('z3', { mobile: '+86 138-0013-8000' })], { corp: SUBSIDIARY });
      const found = await store.findByPhones([NUMBER, '+8613900139000', '+85290000000']);
      expect([...found.keys()].sort()).toEqual([NUMBER, '+8613900139000']);
      expect(found.get(NUMBER)?.map(({ corp, member }) => [corp.name, member.userid])).toEqual([['Head office', 'zhangsan'], ['分公司', 'z3']]);
      expect(found.get(NUMBER)?.[0]).toMatchObject({ member: { ...ZHANG, departed: false }, departedAt: null, updatedAt: new Date(Date.UTC(2026, 2, 1, 8)) });
      expect(found.get(NUMBER)?.[0]?.departments).toEqual([
        { id: 1, name: '总部', path: ['总部'] },
        { id: 2, name: '研发', path: ['总部', '技术', '研发'] },
      ]);
      const inOne = await store.findByPhones([NUMBER], [SUBSIDIARY.id]);
      expect(inOne.get(NUMBER)?.map(({ member }) => member.userid)).toEqual(['z3']);
      expect((await store.findByPhones([NUMBER], [])).size).toBe(0);
      expect((await store.findByPhones([])).size).toBe(0);
    });

    test('shows the departed after the present, the latest first, with the departments they were in last', async () => {
      const { store, clock } = await open();
      const people = ['a', 'b', 'c'].map((userid) => seen(userid, { mobile: '13800138000' }, [1, 2]));
      await sync(store, people, { departments: DEPARTMENTS });
      clock.now += 1_000;
      await sync(store, people.slice(1), { departments: DEPARTMENTS, left: ['a'] });
      clock.now += 1_000;
      await sync(store, people.slice(2), { departments: [department(1, { name: '总部' })], left: ['b'] });
      const found = (await store.findByPhones([NUMBER])).get(NUMBER) ?? [];
      expect(found.map(({ member, departedAt }) => [member.userid, departedAt?.getTime()])).toEqual([['c', undefined], ['b', clock.now], ['a', clock.now - 1_000]]);
      expect(found[2]?.departments).toEqual([{ id: 1, name: '总部', path: ['总部'] }, { id: 2, name: '研发', path: ['总部', '研发'] }]);
      expect(found[2]?.member.memberships).toEqual([]);
    });

    test('does not mind departments in a circle, without a name, or unknown', async () => {
      const { store } = await open();
      const { name: _none, ...nameless } = department(6, { parentId: 5 });
      await sync(store, [seen('a', { mobile: '13800138000' }, [5, 6, 7, 99])], {
        departments: [department(5, { name: '五', parentId: 7 }), nameless, department(7, { name: '七', parentId: 5 })],
      });
      expect((await store.findByPhones([NUMBER])).get(NUMBER)?.[0]?.departments).toEqual([
        { id: 5, name: '五', path: ['七', '五'] },
        { id: 6, name: '6', path: ['七', '五', '6'] },
        { id: 7, name: '七', path: ['五', '七'] },
        { id: 99, name: '99', path: ['99'] },
      ]);
    });

    test('is one of thousands asked for at once', async () => {
      const { store } = await open();
      const numbers = Array.from({ length: 1_201 }, (_, index) => `+861380000${String(index).padStart(4, '0')}`);
      await sync(store, numbers.map((number, index) => seen(`user${index}`, { mobile: number }, [1, 2])), { departments: DEPARTMENTS });
      const found = await store.findByPhones([...numbers, ...numbers]);
      expect(found.size).toBe(1_201);
      expect([...found.values()].every((matches) => matches.length === 1 && matches[0]?.departments.length === 2)).toBe(true);
    });
  });

  describe(`the tables of ${name}`, () => {
    test('are said to be missing, outdated or too new', async () => {
      const { database, openEngine } = await open();
      const store = createStore(openUnits(openEngine()), { now: () => 0, allowTakeover: false });
      await store.ensureReady();
      await database.transaction((connection) => connection.write("INSERT INTO schema_migrations (name, applied_at) VALUES ('9999_future', '2030-01-01 00:00:00.000')"));
      await expect(store.ensureReady()).rejects.toMatchObject({ kind: 'refused', code: 'tables_too_new', message: expect.stringContaining('9999_future') as string });
      await expect(createMigrator(database, () => 0).migrate()).rejects.toMatchObject({ kind: 'refused', code: 'tables_too_new' });
      await database.transaction((connection) => connection.write("UPDATE schema_migrations SET name = '0000_ancient'"), ).catch(() => undefined);
      await database.transaction((connection) => connection.write('DELETE FROM schema_migrations'));
      await expect(store.ensureReady()).rejects.toMatchObject({ kind: 'config', code: 'tables_missing', hint: 'run `orgsync migrate`' });
      await database.transaction((connection) => connection.write('DROP TABLE schema_migrations'));
      await expect(store.ensureReady()).rejects.toMatchObject({ kind: 'config', code: 'tables_missing', hint: 'run `orgsync migrate`' });
    });

    test('are made once by two who migrate at the same time, and a second migration does nothing', async () => {
      const openEngine = await place();
      const migrators = [1, 2, 3].map(() => createMigrator(openUnits(openEngine()), () => 0));
      const applied = await Promise.all(migrators.map((migrator) => migrator.migrate()));
      expect(applied.flat()).toEqual(MIGRATIONS.map(({ name: migration }) => migration));
      expect(await migrators[0]?.migrate()).toEqual([]);
    });

    test('are the same when a DBA runs the printed SQL', async () => {
      const openEngine = await place();
      const database = openUnits(openEngine());
      const migrator = createMigrator(database, () => 0);
      const statements = migrator.sql().split(/;\n/).filter((statement) => statement.trim() !== '');
      await database.alone(async (connection) => {
        for (const statement of statements) await connection.write(statement);
      });
      expect(await migrator.migrate()).toEqual([]);
      const store = createStore(database, { now: () => 0, allowTakeover: false });
      await store.ensureReady();
      await sync(store, [ZHANG], { departments: DEPARTMENTS });
    });
  });

  describe(`${name} opened for reading only`, () => {
    test('answers lookups, and refuses to write anything', async () => {
      const { store, another, database } = await open();
      await sync(store, [ZHANG]);
      const reader = another({ readOnly: true });
      await reader.ensureReady();
      expect((await reader.findByPhones(['+8613800138000'])).size).toBe(1);
      const rows = await rowsOf(database, 'corps');
      const changes = await plan(store, [LI]);
      await expect(reader.begin(CORP, WRITER)).rejects.toMatchObject({ code: 'read_only', hint: expect.any(String) as string });
      await expect(reader.commitLive(CORP, changes, WRITER)).rejects.toMatchObject({ code: 'read_only' });
      expect(await rowsOf(database, 'corps')).toEqual(rows);
    });
  });
}

function parsed(value: SqlValue | undefined): unknown {
  return typeof value === 'string' ? JSON.parse(value) : value;
}

/** The engine, telling of every statement before it is sent. */
export function watching(engine: Engine, look: (sql: string, values: readonly SqlValue[]) => void | Promise<void>): Engine {
  const open = async (purpose: 'read' | 'write'): Promise<Session> => {
    const session = await engine.open(purpose);
    const send = async <T>(sql: string, values: readonly SqlValue[] | undefined, go: () => Promise<T>): Promise<T> => {
      await look(sql, values ?? []);
      return await go();
    };
    return {
      dialect: session.dialect,
      query: (sql, values) => send(sql, values, () => session.query(sql, values)),
      tuples: (sql, values) => send(sql, values, () => session.tuples(sql, values)),
      write: (sql, values) => send(sql, values, () => session.write(sql, values)),
      begin: () => send('BEGIN', [], () => session.begin()),
      commit: () => send('COMMIT', [], () => session.commit()),
      rollback: () => session.rollback(),
      close: () => session.close(),
    };
  };
  return { ...engine, open };
}

/** The engine, failing instead of sending its n-th statement. */
function failingAt(engine: Engine, statement: number): Engine {
  let sent = 0;
  return watching(engine, () => {
    sent += 1;
    if (sent === statement) throw new Error('planted');
  });
}
