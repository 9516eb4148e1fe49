import { systemClock } from '../../src/local/clock.ts';
import { createLimiter } from '../../src/core/pace.ts';
import { describeLimiter } from './limiter.contract.ts';

describeLimiter('of one process', async (users) => {
  const limiter = createLimiter(systemClock);
  return Promise.resolve(Array.from({ length: users }, () => limiter));
});
