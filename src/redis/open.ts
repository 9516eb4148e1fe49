import type { Leases } from '../core/ports/leases.ts';
import type { Ration } from '../core/ports/ration.ts';
import type { Slots } from '../core/ports/slots.ts';
import type { TokenCache } from '../core/ports/tokens.ts';
import { type LinkOptions, openLink, type RedisLink } from './connect.ts';
import { createRedisLeases, type LeaseOptions } from './lease.ts';
import { createRedisRation } from './ration.ts';
import { ServerClock } from './server-clock.ts';
import { createRedisSlots } from './slots.ts';
import { createRedisTokens } from './tokens.ts';

/** All that Redis does for us, over one connection that is made when it is first needed. */
export interface RedisParts {
  readonly link: RedisLink;
  readonly leases: Leases;
  readonly slots: Slots;
  readonly tokens: TokenCache;
  readonly ration: Ration;
  /** Releases what is still held, and ends the connection. Idempotent. */
  close(): Promise<void>;
}

/** Opens a Redis. Connects to nothing yet; throws `config` for a URL that cannot be read. */
export function openRedis(options: LinkOptions & LeaseOptions): RedisParts {
  const link = openLink(options);
  const serverClock = new ServerClock(link, options.clock);
  const leases = createRedisLeases({ link, serverClock }, options);
  return {
    link,
    leases,
    slots: createRedisSlots({ link, serverClock }, options),
    tokens: createRedisTokens(link, options),
    ration: createRedisRation({ link, ...options }),
    async close() {
      await leases.close();
      link.close();
    },
  };
}
