import { randomBytes } from 'node:crypto';
import { expect, inject, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { Secret } from '../../src/core/secret.ts';
import { openLink } from '../../src/redis/connect.ts';
import { createRedisRation } from '../../src/redis/ration.ts';
import { createTestClock } from '../support/clock.ts';
import { describeRation } from './ration.contract.ts';

function link() {
  const opened = openLink({ url: new Secret(inject('redisUrl')), clock: systemClock });
  onTestFinished(() => opened.close());
  return opened;
}

function prefix(): string {
  return `test-ration-${randomBytes(6).toString('hex')}:`;
}

describeRation('Redis', async () => {
  const own = prefix();
  return Promise.resolve((clock) => createRedisRation({ link: link(), prefix: own, clock }));
});

it('nothing of the ration in Redis stays for ever, holds a phone number, or lies outside the prefix', async () => {
  const own = prefix();
  const redis = link();
  const ration = createRedisRation({ link: redis, prefix: own, clock: createTestClock() });
  const booking = await ration.book({ corpId: 'ww1', e164: '+8613800138000', budget: 3 });
  if (booking.is !== 'booked') throw new Error(booking.is);
  await ration.rememberWrong(booking.ticket, '+8613800138000', 60_000);
  const keys = await redis.call('KEYS', `*${own}*`);
  expect(keys).toHaveLength(2);
  for (const key of Array.isArray(keys) ? keys : []) {
    expect(key).toMatch(new RegExp(`^${own}`));
    expect(key).not.toContain('13800138000');
    expect(Number(await redis.call('PTTL', String(key)))).toBeGreaterThan(0);
  }
});
