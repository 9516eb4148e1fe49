import { expect, test } from 'vitest';
import { forEveryNth } from '../support/every.ts';
import { expectRecovery, organisationOf } from '../support/recovery.ts';
import { corpOf } from '../support/sandbox.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

/** As many requests as may be open at a time. */
const OPEN = 3;
const WECOM = `  rate: 500\n  rate_address: 1000\n  concurrency: ${OPEN}\n  timeout: 1s\n  retries: 1\n  frequency_wait: 20ms\n`;
/** All that a run asks once it has a token: being refused the token itself has tests of its own (test/wecom). */
const ASKED = ['department/list', 'user/list', 'user/get', 'user/list_id'];

/** How many of {@link ASKED} arrived. */
function asked({ sandbox }: Stage): number {
  const { byEndpoint } = sandbox.stats.corp(corpOf(sandbox).id);
  return ASKED.reduce((sum, endpoint) => sum + (byEndpoint[endpoint] ?? 0), 0);
}

/** What stops a corp, the exit code, and how many may be refused: those in flight, and as many again after the one wait or repeat. */
test.each<[string, number, number, number]>([
  ['a frequency limit', 45009, 75, 2 * OPEN],
  ['abnormal traffic', 45036, 75, 4 * OPEN],
  ['an address that is trusted no more', 60020, 77, OPEN],
  ['a corp that was closed', 301007, 77, OPEN],
])('%s (%i) from the n-th request on, for every n, ends the run with %i after %i refusals at most, and nothing is written', async (_, errcode, exitCode, most) => {
  const stage = await setStage({ members: 10, departments: 8, wecom: WECOM });
  await stage.sync();
  stage.sandbox.churn({ seed: 5, departmentRemove: 0 });
  const before = await organisationOf(stage);
  const { of } = await forEveryNth(async (n) => {
    const nth = Array.from({ length: 200 }, (_unused, index) => n + index);
    const rule = stage.sandbox.faults.add({ match: { endpoint: ASKED }, nth, effect: { kind: 'errcode', errcode, lists: true } });
    stage.sandbox.stats.reset();
    const report = await stage.sync();
    rule.remove();
    if (rule.fired === 0) return asked(stage);
    expect([n, report.exitCode, report.corps[0]?.error]).toEqual([n, exitCode, expect.objectContaining({ errcode })]);
    expect(rule.fired).toBeLessThanOrEqual(most);
    expect(await organisationOf(stage)).toEqual(before);
    return undefined;
  }, { step: 3 });
  expect(of).toBeGreaterThan(8);
  await expectRecovery(stage, { allowDepartures: true });
});

test.each(ENGINES)('a secret that is changed at the n-th request, for every n, is tried once more by that run, and nothing is written: %s', async (engine) => {
  const stage = await setStage({ engine, members: 8, departments: 3, wecom: WECOM });
  await stage.sync();
  stage.sandbox.churn({ seed: 5, departmentRemove: 0 });
  const before = await organisationOf(stage);
  const corp = corpOf(stage.sandbox);
  const { secret } = stage.sandbox.world.secret(corp, 'app_pre2022');
  const change = (to: string): { op: 'setSecret'; corp: string; kind: 'app_pre2022'; patch: { secret: string } } => ({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { secret: to } });
  const { of } = await forEveryNth(async (n) => {
    stage.sandbox.stats.reset();
    const changed = stage.sandbox.faults.add({ match: { endpoint: ASKED }, nth: n, effect: { kind: 'change', change: change('another-one-altogether') } });
    const killed = stage.sandbox.faults.add({ match: { endpoint: ASKED }, nth: n, effect: { kind: 'killToken' } });
    const report = await stage.sync();
    for (const rule of [changed, killed]) rule.remove();
    stage.sandbox.change(change(secret));
    if (changed.fired === 0) return asked(stage);
    expect([n, report.exitCode, report.corps[0]?.error]).toEqual([n, 77, expect.objectContaining({ errcode: 40001, code: 'secret_refused' })]);
    expect(stage.sandbox.stats.corp(corp.id).byEndpoint['gettoken']).toBe(2);
    expect(await organisationOf(stage)).toEqual(before);
    return undefined;
  });
  expect(of).toBeGreaterThan(3);
  await expectRecovery(stage, { allowDepartures: true });
});
