import { inject } from 'vitest';
import { openTestRedis, ownPrefix } from '../support/redis.ts';
import { describeLeases } from './lease.contract.ts';

describeLeases('Redis', async () => {
  const prefix = ownPrefix();
  return Promise.resolve({
    open: (options) => openTestRedis({ prefix, ...options }).leases,
    child: { redis: inject('redisUrl'), prefix },
  });
});
