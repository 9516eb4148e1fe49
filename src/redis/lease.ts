import { randomUUID } from 'node:crypto';
import { keepLease } from '../core/lease.ts';
import type { Acquired, Holder, Lease, Leases } from '../core/ports/leases.ts';
import type { Clock, Log } from '../core/ports/system.ts';
import { itemsOf } from './connect.ts';
import type { RedisLink, Reply } from './connect.ts';
import { isPassing } from './errors.ts';
import { ACQUIRE, CLAIM, ENTER, RELEASE, RENEW } from './lease-scripts.ts';
import type { ServerClock } from './server-clock.ts';

/** What leases need in addition to the connection. */
export interface LeaseOptions {
  /** What the names of all keys begin with. */
  readonly prefix: string;
  /** This host: it is one contender, however many processes it has. */
  readonly host: string;
  readonly pid: number;
  /** The ttl of a lease without a renewal. */
  readonly ttlMs: number;
  /** The window in which contenders compete; {@link ENTER} explains when it is longer. */
  readonly windowMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** What leases share with the other parts that use the same Redis. */
export interface LeaseParts {
  readonly link: RedisLink;
  /** Is told Redis's time by each grant, so that the pace need not ask for it. */
  readonly serverClock: ServerClock;
}

/** How often one question is sent when the connection breaks, and the pauses in between. */
const ATTEMPTS = 3;
const PAUSE_MS = 150;
/** No further attempt after this time. */
const ASK_FOR_MS = 4_000;
/** The longest wait of a contender for its turn, including the last round trip. */
const PATIENCE_MS = 2_000;
/** How often a loser checks whether another contender has won. */
const LOOK_EVERY_MS = 300;

/** Keeps leases in Redis. Uses an existing link; `close` releases all leases and does not close the link. */
export function createRedisLeases(parts: LeaseParts, options: LeaseOptions): Leases {
  return new RedisLeases(parts, options);
}

/** One process's attempt to get one lease: its keys, and the value that the lease will have. */
interface Wish {
  readonly name: string;
  readonly token: string;
  readonly value: string;
  readonly key: string;
  readonly signal: AbortSignal;
}

type Outcome =
  | { readonly is: 'acquired'; readonly askedAt: number }
  | { readonly is: 'held'; readonly by: Holder | null }
  | { readonly is: 'wait'; readonly ms: number; readonly askedAt: number };

class RedisLeases implements Leases {
  readonly #link: RedisLink;
  readonly #serverClock: ServerClock;
  readonly #options: LeaseOptions;
  readonly #clock: Clock;
  readonly #kept = new Set<Lease>();

  constructor({ link, serverClock }: LeaseParts, options: LeaseOptions) {
    this.#link = link;
    this.#serverClock = serverClock;
    this.#options = options;
    this.#clock = options.clock;
  }

  async acquire(name: string, { signal, fair = false }: { readonly signal: AbortSignal; readonly fair?: boolean }): Promise<Acquired> {
    const wish = this.#wish(name, signal);
    const outcome = fair ? await this.#enter(wish) : await this.#takeAtOnce(wish);
    if (outcome.is === 'held') return outcome;
    if (outcome.is === 'wait') return { is: 'held', by: null };
    const lease = this.#keep(wish, outcome.askedAt);
    if (signal.aborted) await lease.release();
    signal.throwIfAborted();
    return { is: 'acquired', lease };
  }

  async holders(): Promise<readonly Holder[]> {
    const start = this.#key('lease', '');
    const holders: Holder[] = [];
    for (const key of await this.#scan(`${start.replace(/[\\*?[\]^]/g, '\\$&')}*`)) {
      const [value, ttl] = await Promise.all([this.#link.call('GET', key), this.#link.call('PTTL', key)]);
      if (typeof value === 'string') holders.push(this.#holder(key.slice(start.length), value, Number(ttl)));
    }
    return holders.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async forceRelease({ name, token }: Pick<Holder, 'name' | 'token'>): Promise<boolean> {
    return (await this.#link.run(RELEASE, [this.#key('lease', name)], [token])) === 1;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#kept].map((lease) => lease.release()));
  }

  #wish(name: string, signal: AbortSignal): Wish {
    const { host, pid } = this.#options;
    const token = randomUUID();
    const value = JSON.stringify({ token, host, pid, since: new Date(this.#clock.now()).toISOString() });
    return { name, token, value, key: this.#key('lease', name), signal };
  }

  #key(kind: string, name: string): string {
    return `${this.#options.prefix}${kind}:${name}`;
  }

  /** A key that all leases share. */
  #shared(kind: string): string {
    return `${this.#options.prefix}${kind}`;
  }

  async #takeAtOnce(wish: Wish): Promise<Outcome> {
    return await this.#ask(wish, ACQUIRE, [wish.key], []);
  }

  /** The lottery: enter, wait until it closes, claim in turn. */
  async #enter(wish: Wish): Promise<Outcome> {
    // Only to measure the distance. An unreachable Redis is noticed by the next question.
    const startedAt = this.#clock.monotonic();
    const connectedIn = await this.#link.connect().catch(() => 0);
    const roundTrip = Math.ceil(this.#link.roundTripMs);
    const reach = Math.ceil(connectedIn + roundTrip / 2);
    const enteredAt = this.#clock.monotonic();
    const keys = [wish.key, this.#key('lottery', wish.name), this.#shared('reach'), this.#shared('distances')];
    const { host, windowMs } = this.#options;
    const entered = await this.#ask(wish, ENTER, keys, [host, wish.token, windowMs, reach, roundTrip], startedAt);
    return entered.is === 'wait' ? await this.#claim(wish, entered, enteredAt + PATIENCE_MS) : entered;
  }

  async #claim(wish: Wish, entered: Outcome & { is: 'wait' }, until: number): Promise<Outcome> {
    const keys = [wish.key, this.#key('lottery', wish.name), this.#key('served', wish.name), this.#shared('distances')];
    const roundTrip = this.#link.roundTripMs;
    // Counted from when the last question was sent: the next one takes the same time to arrive, so it arrives when the wait is over,
    // or a little later, as much as travel times differ.
    const spare = 10 + roundTrip / 10;
    let outcome: Outcome = entered;
    let wait = entered.ms;
    for (let claims = 0; outcome.is === 'wait'; claims += 1) {
      const claimAt: number = Math.max(outcome.askedAt + wait + spare, this.#clock.monotonic());
      if (claimAt + roundTrip > until) return claims > 0 ? outcome : await this.#claimFromAfar(wish, roundTrip);
      await this.#clock.sleep(Math.max(0, claimAt - this.#clock.monotonic()), wish.signal);
      outcome = await this.#ask(wish, CLAIM, keys, [this.#options.host, wish.token, Math.ceil(roundTrip)]);
      if (outcome.is === 'wait') wait = Math.min(outcome.ms, LOOK_EVERY_MS);
    }
    return outcome;
  }

  /**
   * Takes the lease outside the lottery: Redis is so far away that the answer to a claim would come after our patience.
   * Without this, such a host would enter each time and never win, even alone.
   */
  async #claimFromAfar(wish: Wish, roundTrip: number): Promise<Outcome> {
    const message = `Redis answers only after ${Math.round(roundTrip)} ms: the lease is claimed without the lottery, so nearer hosts win more often`;
    this.#options.log('warn', 'lottery_too_far', message, { lease: wish.name, round_trip_ms: Math.round(roundTrip) });
    return await this.#takeAtOnce(wish);
  }

  /** Asks, and asks again with the same token when there was no answer. A script that has already done its work answers the same. */
  async #ask(wish: Wish, script: string, keys: readonly string[], args: readonly (string | number)[], startedAt = this.#clock.monotonic()): Promise<Outcome> {
    const giveUpAt = startedAt + ASK_FOR_MS;
    for (let attempt = 1; ; attempt += 1) {
      wish.signal.throwIfAborted();
      const askedAt = this.#clock.monotonic();
      try {
        const reply = await this.#link.run(script, keys, [wish.value, this.#options.ttlMs, ...args]);
        const times = { askedAt, answeredAt: this.#clock.monotonic() };
        return this.#outcome(wish.name, reply, times);
      } catch (error) {
        const again = attempt < ATTEMPTS && this.#clock.monotonic() < giveUpAt;
        if (!again || !isPassing(error)) throw error;
      }
      await this.#clock.sleep(PAUSE_MS * attempt, wish.signal);
    }
  }

  #outcome(name: string, reply: Reply, times: { readonly askedAt: number; readonly answeredAt: number }): Outcome {
    const [word, first, second] = itemsOf(reply);
    const { askedAt } = times;
    if (word === 'acquired' || word === 'wait') {
      // The grant of a retry does not contain the time.
      if (typeof first === 'number') this.#serverClock.note(first / 1_000, times);
      return word === 'acquired' ? { is: 'acquired', askedAt } : { is: 'wait', ms: Number(second), askedAt };
    }
    return { is: 'held', by: typeof first === 'string' ? this.#holder(name, first, Number(second)) : null };
  }

  #holder(name: string, value: string, ttlMs: number): Holder {
    const { host, pid, since } = parseValue(value);
    // The whole value: a value that another program wrote may have no token.
    return { name, host, pid, since, expiresAt: ttlMs < 0 ? null : new Date(this.#clock.now() + ttlMs), token: value };
  }

  #keep({ name, key, value }: Wish, askedAt: number): Lease {
    const { ttlMs, clock, log } = this.#options;
    const lease = keepLease(
      {
        name,
        keeper: `Redis at ${this.#link.where}`,
        ttlMs,
        askedAt,
        renew: async () => (await this.#link.run(RENEW, [key], [value, ttlMs])) === 1,
        free: async () => {
          this.#kept.delete(lease);
          await this.#link.run(RELEASE, [key], [value]);
        },
      },
      clock,
      log,
    );
    this.#kept.add(lease);
    return lease;
  }

  async #scan(pattern: string): Promise<readonly string[]> {
    const keys = new Set<string>();
    let cursor = '0';
    do {
      const reply = await this.#link.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000');
      const [next, found] = itemsOf(reply);
      for (const key of itemsOf(found)) keys.add(String(key));
      cursor = String(next ?? '0');
    } while (cursor !== '0');
    return [...keys];
  }
}

/** Reads a value that {@link RedisLeases}, or another program, wrote. */
function parseValue(value: string): { readonly host: string; readonly pid: number; readonly since: Date } {
  try {
    const { host, pid, since } = JSON.parse(value) as Record<string, unknown>;
    return { host: String(host), pid: Number(pid), since: new Date(String(since)) };
  } catch {
    return { host: 'unknown', pid: 0, since: new Date(0) };
  }
}
