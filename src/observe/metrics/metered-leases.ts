import type { Leases } from '../../core/ports/leases.ts';
import type { Meter } from '../../core/ports/meter.ts';
import type { Clock } from '../../core/ports/system.ts';

/** Wraps leases so that they report to a meter how long it took to get the run lease or a refusal. */
export function meteredLeases(leases: Leases, { meter, clock }: { readonly meter: Meter; readonly clock: Clock }): Leases {
  return {
    acquire: async (name, options) => {
      const asked = clock.monotonic();
      const acquired = await leases.acquire(name, options);
      const seconds = (clock.monotonic() - asked) / 1000;
      if (/^run\b/.test(name)) meter.leaseAsked({ acquired: acquired.is === 'acquired', seconds });
      return acquired;
    },
    holders: () => leases.holders(),
    forceRelease: (holder) => leases.forceRelease(holder),
    close: () => leases.close(),
  };
}
