import { setMaxListeners } from 'node:events';
import { expect, test } from 'vitest';
import { createRedisTokens } from '../../src/redis/tokens.ts';
import { openRedisProxy, openTestRedis, ownPrefix } from '../support/redis.ts';
import { createTestClock } from '../support/clock.ts';
import { describeTokens } from './tokens.contract.ts';

const never = new AbortController().signal;
setMaxListeners(0, never);
const KEY = { corpId: 'ww1', secretDigest: 'abc' };

describeTokens('in Redis', async (users) => {
  const prefix = ownPrefix();
  const more = Array.from({ length: users - 1 }, () => openTestRedis({ prefix }).tokens);
  return Promise.resolve([openTestRedis({ prefix }).tokens, ...more]);
});

test('whose turn it was and who vanished is waited for fifteen seconds at most', async () => {
  const prefix = ownPrefix();
  const vanished = openTestRedis({ prefix });
  await vanished.tokens.turn(KEY, { signal: never });
  const clock = createTestClock();
  const patient = createRedisTokens(openTestRedis().link, { prefix, clock });
  let waited: number | undefined;
  const done = patient.turn(KEY, { signal: never }).then(() => (waited = clock.monotonic()));
  while (waited === undefined) {
    await new Promise((resolve) => setImmediate(resolve));
    if (clock.sleepers > 0) await clock.advance(50);
  }
  await done;
  expect(waited).toBeLessThanOrEqual(15_000);
  expect(waited).toBeGreaterThan(14_000);
});

test('a turn whose confirmation was lost on the way is still ours', async () => {
  const proxy = await openRedisProxy();
  const { tokens, link } = openTestRedis({ port: proxy.port });
  await link.connect();
  const lost = proxy.loseReply('token-turn');
  await expect(Promise.all([tokens.turn(KEY, { signal: never }), lost])).resolves.toMatchObject([{ is: 'turn' }, undefined]);
});
