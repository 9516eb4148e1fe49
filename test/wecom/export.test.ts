import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import type { RuleInput } from '../../src/sandbox/faults.ts';
import { corpOf, withSandbox } from '../support/sandbox.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { mostInASecond } from '../support/sliding.ts';
import { expectTruth } from '../support/recovery.ts';
import { setStage } from '../support/stage.ts';
import { CORP, DEPARTMENTS, keyIn, MEMBERS, openForPretended, pretend, RESULT, seal } from './pretended.ts';
import type { Pretence } from './pretended.ts';
import { firstCorp, membersOf, never, openForSandbox, shapeOf, truthShape } from './support.ts';

const SMALL = { corps: 1, members: 40, departments: 6 };

test('an export holds what a walk would hold, for a request per step and none per department', () =>
  withSandbox({ corps: 1, members: 300, departments: 30 }, async (sandbox) => {
    const corp = firstCorp(sandbox);
    const { directory } = openForSandbox(sandbox, { strategy: 'export' });
    const seen: string[] = [];
    const reading = await directory.read(corp, { signal: never(), progress: { onDepartments: (done, total) => seen.push(`${done}/${total}`) } });
    expect(reading.gaps).toEqual([]);
    expect(shapeOf(reading)).toEqual(truthShape(sandbox, corp.id));
    expect(sandbox.stats.corp(corp.id).byEndpoint).toEqual({ gettoken: 1, [DEPARTMENTS]: 1, [MEMBERS]: 1, [RESULT]: 6 });
    expect(directory.requestsSent(corp)).toBe(sandbox.stats.total.requests + 2);
    const size = corpOf(sandbox).departments.size;
    expect(seen.at(-1)).toBe(`${size}/${size}`);

    const walk = openForSandbox(sandbox).directory;
    const walked = await walk.read(corp, { signal: never() });
    expect(membersOf(reading)).toEqual(membersOf(walked));
    await Promise.all([directory.close(), walk.close()]);
  }));

test('every job has a key of its own, of 43 letters and digits', async () => {
  const wecom = await pretend({ count: 1 });
  const { directory } = openForPretended(wecom);
  for (let round = 0; round < 2; round += 1) await directory.read(CORP, { signal: never() });
  const keys = wecom.heard.filter(({ method }) => method === 'POST').map(({ body }) => keyIn(body));
  expect(new Set(keys).size).toBe(4);
  expect(keys).toEqual(keys.map(() => expect.stringMatching(/^[A-Za-z0-9]{43}$/) as unknown));
});

describe('an export of several files is read whole:', () => {
  test.each([
    ['raw', (bytes: Buffer) => bytes],
    ['base64', (bytes: Buffer) => Buffer.from(bytes.toString('base64'))],
  ] as const)('%s', async (_, encode) => {
    const wecom = await pretend({ count: 3, encode });
    const { directory } = openForPretended(wecom);
    const reading = await directory.read(CORP, { signal: never() });
    expect(reading.gaps).toEqual([]);
    expect(reading.members.map(({ userid }) => userid)).toEqual(['u1', 'u2', 'u3']);
    expect(reading.departments.map(({ id }) => id)).toEqual([1]);
    await directory.close();
  });
});

test('files are fetched without the token', async () => {
  const wecom = await pretend({ count: 2 });
  const { directory } = openForPretended(wecom);
  await directory.read(CORP, { signal: never() });
  const fetched = wecom.heard.map(({ path }) => path).filter((path) => path.startsWith('/files/'));
  expect(fetched.sort()).toEqual(['/files/export/department?sign=s%2F1&n=0', '/files/export/user?sign=s%2F1&n=0', '/files/export/user?sign=s%2F1&n=1']);
  await directory.close();
});

test('requests and files together keep the pace', { timeout: 30_000 }, async () => {
  const wecom = await pretend({ count: 25 });
  const { directory } = openForPretended(wecom, { rate: 10 });
  await directory.read(CORP, { signal: never() });
  expect(wecom.arrivals.length).toBeGreaterThan(25);
  expect(mostInASecond(wecom.arrivals)).toBeLessThanOrEqual(10);
  expect(directory.requestsSent(CORP)).toBe(wecom.arrivals.length);
  await directory.close();
});

describe('a job that is lost starts over once:', () => {
  const LOST: readonly (readonly [string, RuleInput['effect']])[] = [
    ['40088', { kind: 'errcode', errcode: 40088 }],
    ['40089', { kind: 'errcode', errcode: 40089 }],
    ['status 3', { kind: 'patch', set: { status: 3 } }],
    ['an address that has expired', { kind: 'patch', set: { status: 2, data_list: [gone()] } }],
  ];

  test.each(LOST)('%s', (_, effect) =>
    withSandbox(SMALL, async (sandbox) => {
      sandbox.faults.add({ match: { endpoint: RESULT }, nth: 1, effect: here(sandbox, effect) });
      const { directory } = openForSandbox(sandbox, { strategy: 'export' });
      const reading = await directory.read(firstCorp(sandbox), { signal: never() });
      expect(reading.gaps).toEqual([]);
      expect(shapeOf(reading)).toEqual(truthShape(sandbox, firstCorp(sandbox).id));
      const { [DEPARTMENTS]: ofDepartments = 0, [MEMBERS]: ofMembers = 0 } = sandbox.stats.total.byEndpoint;
      expect(ofDepartments + ofMembers).toBe(3);
      await directory.close();
    }),
  );

  test.each(LOST)('%s, and when it is lost again it is a gap, never an empty corp', (_, effect) =>
    withSandbox(SMALL, async (sandbox) => {
      sandbox.faults.add({ match: { endpoint: RESULT }, effect: here(sandbox, effect) });
      const { directory } = openForSandbox(sandbox, { strategy: 'export' });
      const { gaps } = await directory.read(firstCorp(sandbox), { signal: never() });
      expect(gaps.map(({ what }) => what).sort()).toEqual(['the departments', 'the members']);
      expect(sandbox.stats.total.byEndpoint).toMatchObject({ [DEPARTMENTS]: 2, [MEMBERS]: 2 });
      await directory.close();
    }),
  );
});

describe('what cannot be had or opened is a gap:', () => {
  test.each<readonly [string, Omit<Pretence, 'count'>, RegExp]>([
    ['a file that is cut', { spoil: (bytes) => bytes.subarray(0, -16) }, /a part of the file/],
    ['another file', { spoil: (bytes) => Buffer.alloc(bytes.length) }, /another file/],
    ['a file that goes on and on', { spoil: (bytes) => Buffer.concat([bytes, Buffer.alloc(2_000_000)]) }, /export\/file is larger than 90 bytes/],
    ['a wrong md5', { listed: (file) => ({ ...file, md5: '0'.repeat(32) }) }, /another file/],
    ['a wrong size', { listed: (file) => ({ ...file, size: file.size + 1 }) }, /a part of the file/],
    ['no md5', { listed: ({ url, size }) => ({ url, size }) }, /a file that cannot be fetched/],
    ['a file larger than any answer may be', { listed: (file) => ({ ...file, size: 2 ** 31 }) }, /a file of 2147483648 bytes/],
    ['an address of another kind', { listed: (file) => ({ ...file, url: 'file:///etc/passwd' }) }, /a file that cannot be fetched/],
    ['nobody at the address', { listed: (file) => ({ ...file, url: 'http://127.0.0.1:1/x' }) }, /ECONNREFUSED/],
    ['a redirect', { status: 302 }, /HTTP 302/],
    ['a storage in trouble', { status: 503 }, /HTTP 503/],
    ['another key', { seal: (text) => seal(text, 'A'.repeat(43)) }, /nothing that the key of the export opens/],
    ['a padding of no length', { seal: (text, key) => seal(text, key, Buffer.alloc(32)) }, /nothing that the key of the export opens/],
    ['a padding that only ends like one', { seal: (text, key) => seal(text, key, endsLikePadding(32 - (text.length % 32))) }, /nothing that the key of the export opens/],
    ['no whole blocks', { seal: (text, key) => seal(text, key).subarray(0, -1) }, /nothing that the key of the export opens/],
    ['no JSON', { seal: (_, key) => seal('userid,name', key) }, /nothing that the key of the export opens/],
    ['the other list', { seal: (_, key) => seal('{"others":[]}', key) }, /no list/],
    ['no files at all', { none: true }, /no files/],
  ])('%s', async (_, pretence, why) => {
    const wecom = await pretend({ count: 1, ...pretence });
    const { directory } = openForPretended(wecom, { retries: 1 });
    const { gaps } = await directory.read(CORP, { signal: never() });
    expect(new Set(gaps.map(({ what }) => what))).toEqual(new Set(['the departments', 'the members']));
    for (const gap of gaps) expect(gap.why).toMatch(why);
    expect(JSON.stringify(gaps)).not.toContain('sign=');
    await directory.close();
  });

  test('an export that never ends', () =>
    withSandbox({ ...SMALL, settings: { exportPolls: 1_000_000, exportListsEarly: true } }, async (sandbox) => {
      const { directory } = openForSandbox(sandbox, { strategy: 'export', backoffMs: 0.1 });
      const { gaps } = await directory.read(firstCorp(sandbox), { signal: never() });
      expect(gaps.map(({ why }) => why)).toEqual(Array(2).fill('WeCom has not finished the export in time'));
      await directory.close();
    }));
});

test('a damaged file that comes whole the next time is no gap', async () => {
  let spoiled = 0;
  const wecom = await pretend({ count: 2, spoil: (bytes) => ((spoiled += 1) <= 2 ? bytes.subarray(1) : bytes) });
  const { directory } = openForPretended(wecom);
  const reading = await directory.read(CORP, { signal: never() });
  expect([reading.gaps, reading.members.length]).toEqual([[], 2]);
  await directory.close();
});

test.each([48001, 48009])('under `export` a refusal of it (%i) fails the corp', (errcode) =>
  withSandbox(SMALL, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: MEMBERS }, effect: { kind: 'errcode', errcode } });
    const { directory } = openForSandbox(sandbox, { strategy: 'export' });
    await expect(directory.read(firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({ kind: 'refused', errcode });
    await directory.close();
  }));

test('after a gap nobody is asked for one by one', () =>
  withSandbox(SMALL, async (sandbox) => {
    sandbox.faults.add({ match: { endpoint: RESULT }, effect: { kind: 'errcode', errcode: 40088 } });
    const contactsSecret = new Secret(sandbox.world.secret(corpOf(sandbox), 'contacts').secret);
    const { directory } = openForSandbox(sandbox, { strategy: 'export', contactsSecret });
    await directory.read(firstCorp(sandbox), { signal: never() });
    expect(sandbox.stats.total.byEndpoint).not.toHaveProperty('user/get');
    await directory.close();
  }));

test.each(['walk', 'export', 'auto'] as const)('under `%s` who is put in one by one, and who was missed, is read by userid', (strategy) =>
  withSandbox({ corps: 1, members: 200, departments: 20 }, async (sandbox) => {
    const world = corpOf(sandbox);
    const [, , part = 0, ...rest] = world.departmentIds;
    const outside = [...world.members.values()].filter(({ places }) => places.every(({ department }) => rest.includes(department)));
    const one = outside[0]?.userid ?? '';
    sandbox.change({ op: 'setSecret', corp: world.id, kind: 'app_pre2022', patch: { range: { departments: [part], users: [one], tags: [] } } });
    const { agentId } = sandbox.world.secret(world, 'app_pre2022');
    const contactsSecret = new Secret(sandbox.world.secret(world, 'contacts').secret);
    const { directory, events } = openForSandbox(sandbox, { agentId, contactsSecret, strategy });
    const reading = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(shapeOf(reading)).toEqual(truthShape(sandbox, world.id));
    expect(membersOf(reading).has(one.toLowerCase())).toBe(true);
    expect(events()).toContain('cross_checked');
    await directory.close();
  }));

describe('auto', () => {
  const LARGE = { corps: 1, members: 150, departments: 101 };

  test('walks through a hundred departments, and has one more exported', async () => {
    for (const [departments, endpoint] of [[100, 'user/list'], [101, MEMBERS]] as const) {
      await withSandbox({ ...LARGE, departments }, async (sandbox) => {
        expect(corpOf(sandbox).departments.size).toBe(departments);
        const { directory, events } = openForSandbox(sandbox, { strategy: 'auto' });
        const reading = await directory.read(firstCorp(sandbox), { signal: never() });
        expect(shapeOf(reading)).toEqual(truthShape(sandbox, firstCorp(sandbox).id));
        const { byEndpoint } = sandbox.stats.total;
        expect(Object.keys(byEndpoint)).toEqual(['gettoken', 'department/list', endpoint, ...(endpoint === MEMBERS ? [RESULT] : [])]);
        expect(byEndpoint['department/list']).toBe(1);
        expect(events()).not.toContain('export_failed');
        await directory.close();
      });
    }
  });

  test.each<readonly [string, string, RuleInput['effect']]>([
    ['48002', MEMBERS, { kind: 'errcode', errcode: 48002 }],
    ['48009', MEMBERS, { kind: 'errcode', errcode: 48009 }],
    ['40058', MEMBERS, { kind: 'errcode', errcode: 40058 }],
    ['a web page', MEMBERS, { kind: 'html' }],
    ['40088', RESULT, { kind: 'errcode', errcode: 40088 }],
    ['status 3', RESULT, { kind: 'patch', set: { status: 3 } }],
    ['no files', RESULT, { kind: 'patch', set: { status: 2, data_list: [] } }],
    ['an address that has expired', RESULT, { kind: 'patch', set: { status: 2, data_list: [gone()] } }],
  ])('walks after all, with one line in the log, when the export comes to nothing: %s', (_, endpoint, effect) =>
    withSandbox(LARGE, async (sandbox) => {
      sandbox.faults.add({ match: { endpoint }, effect: here(sandbox, effect) });
      const { directory, logged } = openForSandbox(sandbox, { strategy: 'auto', retries: 1 });
      const reading = await directory.read(firstCorp(sandbox), { signal: never() });
      expect(reading.gaps).toEqual([]);
      expect(shapeOf(reading)).toEqual(truthShape(sandbox, firstCorp(sandbox).id));
      expect(logged.filter(({ event }) => event === 'export_failed')).toEqual([expect.objectContaining({ level: 'warn', facts: expect.objectContaining({ corp: firstCorp(sandbox).id }) })]);
      expect(sandbox.stats.total.byEndpoint['department/list']).toBe(1);
      await directory.close();
    }),
  );

  test('an abort while the export is awaited ends the reading', () =>
    withSandbox({ ...LARGE, settings: { exportPolls: 1_000 } }, async (sandbox) => {
      const { directory } = openForSandbox(sandbox, { strategy: 'auto', backoffMs: 50 });
      const stop = new AbortController();
      const reading = directory.read(firstCorp(sandbox), { signal: stop.signal });
      void sandbox.stats.reached({ endpoint: RESULT, count: 3 }).then(() => stop.abort(new Error('stop')));
      await expect(reading).rejects.toThrow('stop');
      expect(sandbox.stats.total.byEndpoint).not.toHaveProperty('user/list');
      await directory.close();
    }));
});

test('with `wecom.strategy: export` the store equals the source, first and after an ordinary week', async () => {
  const stage = await setStage({ settings: { exportPolls: 0 }, wecom: '  rate: 300\n  strategy: export\n' });
  for (let round = 0; round < 2; round += 1) {
    const report = await stage.sync();
    expect(report.corps.map(({ outcome, error }) => [outcome, error])).toEqual([['ok', null]]);
    await expectTruth(stage);
    stage.sandbox.churn({ seed: 7 });
  }
  expect(stage.sandbox.stats.total.byEndpoint).not.toHaveProperty('user/list');
  const report = await stage.sync({ allowDepartures: true });
  expect(report.corps.map(({ outcome }) => outcome)).toEqual(['ok']);
  await expectTruth(stage);
});

/** As many bytes as a padding would have, of which only the last is what it should be; JSON would not mind them. */
function endsLikePadding(length: number): Buffer {
  return Buffer.concat([Buffer.alloc(length - 1, ' '), Buffer.of(length)]);
}

/** An address at the sandbox where no file is. */
function gone(): { readonly url: string; readonly size: number; readonly md5: string } {
  return { url: 'SANDBOX/export/jobid_gone/0', size: 64, md5: '0'.repeat(32) };
}

/** The effect with the address of this sandbox in it. */
function here(sandbox: Sandbox, effect: RuleInput['effect']): RuleInput['effect'] {
  return JSON.parse(JSON.stringify(effect).replaceAll('SANDBOX', sandbox.url)) as RuleInput['effect'];
}
