import { expect, it } from 'vitest';
import { Stats } from '../../src/sandbox/stats.ts';
import { ask, corpOf, tokenFor, withSandbox } from '../support/sandbox.ts';

function arriveAt(...moments: readonly number[]): Stats {
  const stats = new Stats();
  for (const at of moments) stats.arrived({ corpId: 'ww1', endpoint: 'user/list', ip: '', at });
  return stats;
}

it.each([
  [[0, 999], 2],
  [[0, 1000], 1],
  [[0, 500, 999, 1000, 1499], 4],
  [[0, 0, 0, 2000, 2000], 3],
  [[], 0],
])('arrivals at %j are at most %i in any sliding second', (moments, most) => {
  expect(arriveAt(...moments).corp('ww1').maxInOneSecond).toBe(most);
});

it('counts by corp, endpoint and errcode, and the most that were open at once', async () => {
  await withSandbox({ corps: 2, members: 10, departments: 2 }, async (sandbox) => {
    const [one, two] = [corpOf(sandbox, 1), corpOf(sandbox, 2)];
    const access_token = await tokenFor(sandbox.url, one, sandbox.world.secret(one, 'app'));
    await tokenFor(sandbox.url, two, sandbox.world.secret(two, 'app'));
    const hold = sandbox.faults.add({ match: { endpoint: 'user/get' }, times: 3, effect: { kind: 'hold' } });
    const held = [1, 2, 3].map(() => ask(sandbox.url, 'user/get', { access_token, userid: 'nobody' }));
    await sandbox.stats.reached({ corpId: one.id, endpoint: 'user/get', count: 3 });
    await hold.reached(3);
    hold.release();
    await Promise.all(held);
    await expect.poll(() => sandbox.stats.total.inFlight).toBe(0);
    expect(sandbox.stats.corp(one.id)).toMatchObject({
      requests: 4,
      maxInFlight: 3,
      byEndpoint: { gettoken: 1, 'user/get': 3 },
      byErrcode: { '0': 1, '60111': 3 },
    });
    expect(sandbox.stats.corp(two.id)).toMatchObject({ requests: 1, byEndpoint: { gettoken: 1 } });
    expect(sandbox.stats.total.requests).toBe(5);
    sandbox.stats.reset();
    expect(sandbox.stats.total.requests).toBe(0);
  });
});

it('counts requests with a dead token, too, for the corp whose it was', async () => {
  await withSandbox({ corps: 1, members: 1 }, async (sandbox) => {
    const corp = corpOf(sandbox);
    const access_token = await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, 'app'));
    sandbox.killTokens();
    await ask(sandbox.url, 'user/get', { access_token });
    expect(sandbox.stats.corp(corp.id).byErrcode).toEqual({ '0': 1, '40014': 1 });
  });
});
