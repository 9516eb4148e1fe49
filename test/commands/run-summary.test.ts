import { appendFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { orgsync, start } from '../support/cli.ts';
import { corpOf } from '../support/sandbox.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

/** Takes the root, and most of the members, out of the visible range. */
function shrink({ sandbox }: Stage): void {
  const corp = corpOf(sandbox);
  const part = [...corp.departments.values()].find(({ parentid }) => parentid !== 0);
  sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { range: { departments: [part?.id ?? 0], users: [], tags: [] } } });
}

test.each(ENGINES)('on %s, a corp that was held back shows the stored size, nothing written, and what would change, with the lost root', async (engine) => {
  const stage = await setStage({ engine });
  const [stored] = (await stage.sync()).corps;
  shrink(stage);
  const { code, stdout } = await orgsync(['--config', stage.configPath, 'run', '--json']);
  expect(code).toBe(3);
  expect(JSON.parse(stdout)).toMatchObject({
    corps: [{
      outcome: 'held_back', members: stored?.members, departments: stored?.departments, joined: 0, departed: 0, changed: 0, departments_changed: 0,
      would_change: { joined: 0, departed: expect.any(Number) as number },
      error: { message: expect.stringContaining('the range has lost the root: 应用管理 → 可见范围') as string },
    }],
  });
  const shown = await orgsync(['--config', stage.configPath, 'run', '-v']);
  expect(shown.stdout).toMatch(new RegExp(`held back \\(would: -\\d+.*\\) +│? *${stored?.members} +│? *· +│? *· `, 'u'));
});

test('a range without the root that lost one of its departments says which, in the run and in status', async () => {
  const stage = await setStage({ members: 60, departments: 6 });
  const corp = corpOf(stage.sandbox);
  const [kept, lost] = [...corp.departments.values()].filter(({ parentid }) => parentid === 1);
  const show = (...departments: readonly (number | undefined)[]): unknown =>
    stage.sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { range: { departments: departments.map((id) => id ?? 0), users: [], tags: [] } } });
  show(kept?.id, lost?.id);
  expect(await stage.sync()).toMatchObject({ outcome: 'ok' });
  show(kept?.id);
  const reason = new RegExp(`the range has lost ${lost?.name} \\(${lost?.id}\\), where \\d+ of them were: 应用管理 → 可见范围`, 'u');
  const { code, stderr } = await orgsync(['--config', stage.configPath, 'run']);
  expect([code, stderr]).toEqual([3, expect.stringMatching(reason)]);
  expect((await orgsync(['--config', stage.configPath, 'status'])).stdout).toMatch(reason);
  // Where no limit holds it back, a plan and a run say so of the departures.
  await appendFile(stage.configPath, 'safety: { max_departures: 100%, max_department_removals: 100% }\n');
  for (const args of [['plan'], ['run', '-v']]) expect(await orgsync(['--config', stage.configPath, ...args])).toMatchObject({ code: 0, stdout: expect.stringMatching(reason) });
});

test('a corp that was interrupted shows the stored size', async () => {
  const stage = await setStage();
  const [stored] = (await stage.sync()).corps;
  const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 2, effect: { kind: 'hold' } });
  const running = start(['--config', stage.configPath, 'run', '--json']);
  await held.reached(1);
  running.child.kill('SIGTERM');
  const { stdout } = await running.ended;
  held.remove();
  expect(JSON.parse(stdout)).toMatchObject({ corps: [{ outcome: 'interrupted', members: stored?.members, departments: stored?.departments }] });
});
