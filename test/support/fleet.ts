import { systemClock } from '../../src/local/clock.ts';
import type { Acquired } from '../../src/core/ports/leases.ts';
import { Secret } from '../../src/core/secret.ts';
import { openRedis, type RedisParts } from '../../src/redis/open.ts';
import { openProxy, type Proxy } from './proxy.ts';

/** A host of a {@link Fleet}. */
export interface FleetHost {
  readonly host: string;
  /** One way to Redis. */
  readonly latencyMs: number;
  readonly redis: RedisParts;
}

/** Hosts on several sites, each site at its own distance from one Redis. */
export interface Fleet {
  readonly hosts: readonly FleetHost[];
  close(): Promise<void>;
}

/** What a fleet is like. */
export interface FleetOptions {
  readonly port: number;
  readonly prefix: string;
  /** One-way latencies, a site each. */
  readonly sites: readonly number[];
  readonly hostsPerSite: number;
  readonly windowMs?: number;
  /** Deterministic jitter: 0 … 1. */
  readonly random?: () => number;
}

/** Opens a fleet whose hosts are not connected yet, as processes that cron has just started. */
export async function openFleet({ port, prefix, sites, hostsPerSite, windowMs = 500, random = seeded(1) }: FleetOptions): Promise<Fleet> {
  const proxies: Proxy[] = [];
  const hosts: FleetHost[] = [];
  for (const [site, latencyMs] of sites.entries()) {
    const proxy = await openProxy(port, random);
    Object.assign(proxy.up, { latencyMs, jitterMs: latencyMs / 10 });
    Object.assign(proxy.down, { latencyMs, jitterMs: latencyMs / 10 });
    proxies.push(proxy);
    for (let i = 0; i < hostsPerSite; i += 1) {
      const host = `site${site}-${i}`;
      const redis = openRedis({
        url: new Secret(`redis://127.0.0.1:${proxy.port}/0`),
        prefix,
        host,
        pid: 1,
        ttlMs: 60_000,
        windowMs,
        clock: systemClock,
        log: () => undefined,
      });
      hosts.push({ host, latencyMs, redis });
    }
  }
  return {
    hosts,
    async close() {
      await Promise.all(hosts.map(({ redis }) => redis.close()));
      await Promise.all(proxies.map((proxy) => proxy.close()));
    },
  };
}

/** All hosts ask for `name` at once; the winner releases when everybody has their answer. Returns who won, and the longest wait. */
export async function playRound(hosts: readonly FleetHost[], name: string, fair: boolean): Promise<{ readonly winners: readonly string[]; readonly longestMs: number }> {
  let longestMs = 0;
  const ask = async ({ redis }: FleetHost): Promise<Acquired> => {
    const askedAt = performance.now();
    const acquired = await redis.leases.acquire(name, { signal: new AbortController().signal, fair });
    longestMs = Math.max(longestMs, performance.now() - askedAt);
    return acquired;
  };
  const answers = await Promise.all(hosts.map(ask));
  const winners = hosts.filter((_, i) => answers[i]?.is === 'acquired').map(({ host }) => host);
  for (const one of answers) if (one.is === 'acquired') await one.lease.release();
  return { winners, longestMs };
}

/** Jain's index of fairness: 1 when all have the same, 1/n when one has everything. */
export function jain(shares: readonly number[]): number {
  const sum = shares.reduce((a, b) => a + b, 0);
  const squares = shares.reduce((a, b) => a + b * b, 0);
  return squares === 0 ? 1 : sum ** 2 / (shares.length * squares);
}

/** Random numbers that are the same every time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
