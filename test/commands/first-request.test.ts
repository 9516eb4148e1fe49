import { expect, inject, onTestFinished, test } from 'vitest';
import { orgsync, start } from '../support/cli.ts';
import { openProxy, type Proxy } from '../support/proxy.ts';
import { ownPrefix } from '../support/redis.ts';
import { setStage } from '../support/stage.ts';

/** Much longer than a process computes between two calls, so that a call that waited for an answer is told from one that did not. */
const ROUND_TRIP_MS = 500;
/** The corp's lease; then the token and the slot at once. Each costs a round trip, and 300 ms are all there is when Redis is 50 ms away. */
const MOST = 2;

/** Counts how many answers of Redis a process has waited for, one after the other. */
function countTrips(proxy: Proxy): { readonly from: (text: string) => Promise<number>; readonly now: () => number } {
  proxy.up.latencyMs = proxy.down.latencyMs = ROUND_TRIP_MS / 2;
  let answered = 0;
  void (async () => {
    for (;;) {
      await proxy.next('up');
      // All that was sent without waiting belongs to one trip.
      const trip = answered + 1;
      setTimeout(() => (answered = Math.max(answered, trip)), ROUND_TRIP_MS).unref();
    }
  })();
  return {
    from: async (text) => {
      await proxy.next('up', text);
      return answered + 1;
    },
    now: () => answered,
  };
}

test('between the lock and the first request a run waits for at most two answers of Redis, whether there is a token or not', async () => {
  const proxy = await openProxy(Number(new URL(inject('redisUrl')).port));
  onTestFinished(() => proxy.close());
  const yaml = `redis: redis://127.0.0.1:${proxy.port}/0\nredis_prefix: "${ownPrefix()}"\nlock: { fair: false }\n`;
  const stage = await setStage({ members: 10, departments: 3, wecom: '  rate: 10\n', yaml });
  // Redis has to know for a while that it did not lose its data: else the first slot is a second ahead.
  expect(await orgsync(['--config', stage.configPath, 'plan'])).toMatchObject({ code: 0 });
  for (const [endpoint, count] of [['department/list', 2], ['gettoken', 2]] as const) {
    if (endpoint === 'gettoken') await dropTokens();
    const trips = countTrips(proxy);
    const locked = trips.from('lease:run');
    const requested = stage.sandbox.stats.reached({ endpoint, count }).then(() => trips.now());
    const running = start(['--config', stage.configPath, 'run']);
    const waited = (await requested) - (await locked);
    expect([endpoint, waited]).toEqual([endpoint, expect.toSatisfy((trip: number) => trip >= 1 && trip <= MOST)]);
    proxy.up.latencyMs = proxy.down.latencyMs = 0;
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
  }

  async function dropTokens(): Promise<void> {
    const { openTestRedis } = await import('../support/redis.ts');
    const prefix = /redis_prefix: "(.*)"/.exec(yaml)?.[1] ?? '';
    await openTestRedis().link.run("for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end", [], [`${prefix}token:*`]);
  }
}, 60_000);
