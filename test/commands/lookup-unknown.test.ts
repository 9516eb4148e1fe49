import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { orgsync } from '../support/cli.ts';
import type { Ended } from '../support/cli.ts';
import { tamper } from '../support/recovery.ts';
import { corpOf } from '../support/sandbox.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage, StageOptions } from '../support/stage.ts';

const NOBODY = '19900000000';

const ask = async ({ configPath }: Stage, args: readonly string[], input?: string): Promise<Ended> =>
  await orgsync(['--config', configPath, 'lookup', ...args], input === undefined ? {} : { input });

async function unknownOf(stage: Stage, args: readonly string[]): Promise<readonly [code: number | null, unknown: unknown]> {
  const { code, stdout } = await ask(stage, [...args, '--json']);
  return [code, (JSON.parse(stdout) as { readonly unknown: unknown }).unknown];
}

function mobileOf(stage: Stage, nth = 1): string {
  const found = [...corpOf(stage.sandbox, nth).members.values()].find(({ mobile, status, places }) => mobile?.startsWith('1') === true && status !== 5 && places.length > 0);
  return found?.mobile ?? '';
}

async function syncedStage(options: StageOptions): Promise<Stage> {
  const stage = await setStage({ members: 20, ...options });
  expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
  return stage;
}

describe.each(ENGINES)('a lookup on %s', (engine) => {
  test('ends with 2 and names the corp that was never synced, until WeCom has answered for it', async () => {
    const stage = await setStage({ engine, members: 20 });
    const { id, name } = corpOf(stage.sandbox);
    expect(await unknownOf(stage, [NOBODY])).toEqual([2, [{ corp_id: id, corp_name: name, why: 'never_synced', last_success_at: null }]]);
    const { code, stdout } = await ask(stage, [NOBODY]);
    expect([code, stdout]).toEqual([2, `no current member is known to have +86${NOBODY}\nnot known in ${name}: never synced (orgsync run)\n`]);
    expect(await unknownOf(stage, [NOBODY, '--live'])).toEqual([1, []]);
    // The wrong number is remembered, and not sent again.
    expect(await unknownOf(stage, [NOBODY, '--live'])).toEqual([1, []]);
    expect(await unknownOf(stage, [mobileOf(stage), '--live'])).toEqual([0, []]);
    expect(await unknownOf(stage, [mobileOf(stage)])).toMatchObject([0, [{ why: 'never_synced' }]]);
  });

  test('ends with 2 when the last success is older than alerts.stale_after', async () => {
    const stage = await syncedStage({ engine, corps: 2 });
    const { id, name } = corpOf(stage.sandbox);
    expect(await unknownOf(stage, [NOBODY])).toEqual([1, []]);
    await tamper(stage, `UPDATE corps SET last_success_at = '2026-01-02 03:04:05.000' WHERE id = '${id}'`);
    expect(await unknownOf(stage, [NOBODY])).toEqual([2, [{ corp_id: id, corp_name: name, why: 'stale', last_success_at: '2026-01-02T03:04:05.000Z' }]]);
    expect((await ask(stage, [NOBODY])).stdout).toContain(`not known in ${name} (2026-01-0`);
    expect(await unknownOf(stage, [NOBODY, '--corp', corpOf(stage.sandbox, 2).id])).toEqual([1, []]);
    expect(await unknownOf(stage, [mobileOf(stage, 2)])).toMatchObject([0, [{ why: 'stale' }]]);
  });

  test('ends with 2 when the application is shown no mobiles, also after lookups have learned some', async () => {
    const stage = await setStage({ engine, members: 20 });
    const corp = corpOf(stage.sandbox);
    const text = await readFile(stage.configPath, 'utf8');
    const [old, hiding] = (['app_pre2022', 'app'] as const).map((kind) => stage.sandbox.world.secret(corp, kind));
    await writeFile(stage.configPath, text.replace(old?.secret ?? '', hiding?.secret ?? '').replace(`agent_id: ${old?.agentId}`, `agent_id: ${hiding?.agentId}`));
    expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
    expect(await unknownOf(stage, [NOBODY])).toMatchObject([2, [{ corp_id: corp.id, why: 'no_mobiles', last_success_at: expect.stringMatching(/Z$/) as string }]]);
    expect(await ask(stage, [mobileOf(stage), '--live'])).toMatchObject({ code: 0 });
    expect(await ask(stage, [NOBODY])).toMatchObject({ code: 2, stdout: expect.stringContaining('the application is not shown mobiles (--live asks WeCom)') as string });
  });

  test('ends with 2 when the last run left out members whom it could not read, until WeCom has answered, or a run could read them', async () => {
    const stage = await syncedStage({ engine });
    const { id, name } = corpOf(stage.sandbox);
    const odd = stage.sandbox.faults.add({ match: { endpoint: 'user/list', department: 1 }, effect: { kind: 'patch', set: { userlist: [null] } } });
    expect(await stage.sync()).toMatchObject({ outcome: 'partial' });
    odd.remove();
    expect(await unknownOf(stage, [NOBODY])).toEqual([2, [{ corp_id: id, corp_name: name, why: 'members_unreadable', last_success_at: expect.stringMatching(/Z$/) as string }]]);
    expect((await ask(stage, [NOBODY])).stdout).toContain(`not known in ${name}: its last run could not read some members`);
    expect(await unknownOf(stage, [NOBODY, '--live'])).toEqual([1, []]);
    const unshown = stage.sandbox.faults.add({ match: { endpoint: 'user/getuserid' }, effect: { kind: 'body', body: '{"errcode":0,"userid":"王·五"}' } });
    const live = await ask(stage, ['19900000001', '--live', '--json']);
    expect([live.code, JSON.parse(live.stdout)]).toMatchObject([2, { live: [{ answer: 'unreadable', userid: '王·五' }], unknown: [{ why: 'holder_unreadable' }] }]);
    expect((await ask(stage, ['19900000001', '--live'])).stdout).toContain('the userid 王·五 has this number');
    expect((await ask(stage, ['--file', '-', '--live'], '19900000001\n')).stdout).toMatch(/unknown: .* has it with the userid 王·五\n/);
    unshown.remove();
    expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
    expect(await unknownOf(stage, [NOBODY])).toEqual([1, []]);
  });

  test('shows a member of a corp that is no longer configured, marked, and ends with 2', async () => {
    const stage = await syncedStage({ engine, corps: 2 });
    const { id, name } = corpOf(stage.sandbox, 2);
    const mobile = mobileOf(stage, 2);
    const text = await readFile(stage.configPath, 'utf8');
    await writeFile(stage.configPath, text.replace(new RegExp(`  - id: ${id}\\n(    .*\\n)+`), ''));
    const { code, stdout } = await ask(stage, [mobile, '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ matches: [{ corp_id: id, configured: false }], unknown: [{ corp_id: id, corp_name: name, why: 'not_configured', last_success_at: expect.any(String) as string }] });
    const shown = await ask(stage, [mobile]);
    expect([shown.code, shown.stdout]).toEqual([2, expect.stringContaining(`${name} (${id}), no longer configured`)]);
    expect(shown.stdout).toContain('no current member is known to have');
    expect(await unknownOf(stage, [NOBODY])).toEqual([1, []]);
  });

  test('of a file ends with the gravest of 2, 1 and 0, and sums up what could not be known', async () => {
    const stage = await syncedStage({ engine });
    const { id, name } = corpOf(stage.sandbox);
    const input = `${mobileOf(stage)}\n${NOBODY}\n`;
    expect(await ask(stage, ['--file', '-'], input)).toMatchObject({ code: 1 });
    await tamper(stage, `UPDATE corps SET last_success_at = NULL WHERE id = '${id}'`);
    const { code, stdout, stderr } = await ask(stage, ['--file', '-'], input);
    expect(code).toBe(2);
    expect(stdout).toMatch(/^\+8619900000000 +unknown$/m);
    expect(stderr).toBe(`orgsync: 2 numbers: 1 found, 0 left, 0 nobody, 1 unknown\n  not known in ${name}: never synced (orgsync run)\n`);
    expect(await ask(stage, ['--file', '-'], mobileOf(stage))).toMatchObject({ code: 0 });
    expect(await ask(stage, ['--file', '-'], 'hello')).toMatchObject({ code: 64 });
  });
});
