import { createLimiter, LATE_MS, slotMs } from '../core/pace.ts';
import type { Limiter, PaceScope } from '../core/ports/slots.ts';
import type { Clock, Log } from '../core/ports/system.ts';
import { asOrgsyncError } from '../errors.ts';
import type { RedisLink } from './connect.ts';
import { isPassing, redisSilence } from './errors.ts';
import { ServerClock } from './server-clock.ts';

/** No slot lies further ahead than this, so that who loses count can wait until all slots given before have passed. */
const FARTHEST_MS = 1_000;
/** After Redis could not be asked, this long goes by before it is asked again. */
const ALONE_FOR_MS = 1_000;
/** A scope used this long ago is likely to be used again at once. */
const IN_USE_MS = 1_000;

/**
 * Gives the next free slots of all scopes at once, by Redis's own clock: the Lua twin of `started` in core/pace.ts.
 * KEYS since, scope…; ARGV how early at least, how far ahead at most, how many at most, then ms between slots per scope.
 * Returns Redis's time and how far ahead of it each slot is, in µs; when there is none, how long until one comes into
 * sight, as -µs.
 *
 * `since` is when counting began. A scope without a count, where Redis was emptied meanwhile, begins when every slot
 * given before has passed; the same where Redis's clock was set back. Where counting began long ago, it is only unused.
 */
export const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local since = tonumber(redis.call('GET', KEYS[1]))
if not since or since > now then
  since = now
  redis.call('SET', KEYS[1], string.format('%.3f', now))
end
redis.call('PEXPIRE', KEYS[1], 2592000000)
local slot, widest = now + ARGV[1], 0
for i = 2, #KEYS do
  local width = tonumber(ARGV[i + 2])
  local at = tonumber(redis.call('GET', KEYS[i]))
  if not at or at > now + ${FARTHEST_MS} + width then at = since + ${FARTHEST_MS} + width end
  slot = math.max(slot, at)
  widest = math.max(widest, width)
end
local given, last = {math.floor(now * 1000)}, nil
while #given <= tonumber(ARGV[3]) and slot <= now + ARGV[2] do
  given[#given + 1] = math.ceil((slot - now) * 1000)
  last, slot = slot, slot + widest
end
if not last then return {given[1], -math.ceil((slot - now - ARGV[2]) * 1000)} end
for i = 2, #KEYS do
  local width = tonumber(ARGV[i + 2])
  redis.call('SET', KEYS[i], string.format('%.3f', last + width), 'PX', math.ceil(2 * width + 60000))
end
return given`;

/** What the limiter needs beside the way to Redis. */
export interface LimiterOptions {
  readonly prefix: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Creates a limiter that all processes with this Redis and prefix share. A slot is a moment on Redis's clock; whoever
 * hears of it too late lets it pass and asks for another, so that hosts at unequal distances keep the rate together.
 * A far Redis does not lower the rate: while a scope is in use, slots are asked for in advance.
 *
 * While Redis cannot be asked, each process keeps the rate by itself, never more: how long it may go on like that is
 * for its lease to say. Where Redis was emptied, everyone pauses for a second.
 */
export function createRedisLimiter(link: RedisLink, options: LimiterOptions): Limiter {
  return new RedisLimiter(link, options);
}

class RedisLimiter implements Limiter {
  readonly #link: RedisLink;
  readonly #options: LimiterOptions;
  /** What this process has started, whoever allowed it: so that nothing bunches up when Redis goes or comes. */
  readonly #own: Limiter;
  readonly #serverClock: ServerClock;
  readonly #queues = new Map<string, Queue>();
  #aloneUntil = -Infinity;

  constructor(link: RedisLink, options: LimiterOptions) {
    this.#link = link;
    this.#options = options;
    this.#own = createLimiter(options.clock);
    this.#serverClock = new ServerClock(link, options.clock);
  }

  async take(scopes: readonly PaceScope[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#options.clock.monotonic() >= this.#aloneUntil) await this.#takeShared(scopes, signal);
    await this.#own.take(scopes, signal);
  }

  async #takeShared(scopes: readonly PaceScope[], signal: AbortSignal): Promise<void> {
    try {
      await this.#serverClock.ready();
      await this.#queue(scopes).take(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!isPassing(error)) throw error;
      this.#aloneUntil = this.#options.clock.monotonic() + ALONE_FOR_MS;
      this.#options.log('warn', 'limiter_alone', 'Redis cannot be asked for the pace: this process keeps it by itself', { error });
    }
  }

  #queue(scopes: readonly PaceScope[]): Queue {
    const name = scopes.map((scope) => `${scope.name}=${scope.perSecond}`).join(' ');
    const queue = this.#queues.get(name) ?? new Queue(this.#link, scopes, { ...this.#options, serverClock: this.#serverClock });
    this.#queues.set(name, queue);
    return queue;
  }
}

interface QueueOptions extends Pick<LimiterOptions, 'prefix' | 'clock'> {
  readonly serverClock: ServerClock;
}

interface Waiter {
  readonly go: () => void;
  readonly fail: (error: unknown) => void;
}

/** Those of this process who wait for the same scopes, in order of asking. */
class Queue {
  readonly #link: RedisLink;
  readonly #clock: Clock;
  readonly #serverClock: ServerClock;
  readonly #keys: readonly string[];
  readonly #widths: readonly number[];
  readonly #waiting = new Set<Waiter>();
  /** Slots that are ours, on our clock, the next one first. */
  #slots: number[] = [];
  #usedAt = -Infinity;
  #asking = false;
  #serving = false;

  constructor(link: RedisLink, scopes: readonly PaceScope[], { prefix, clock, serverClock }: QueueOptions) {
    this.#link = link;
    this.#clock = clock;
    this.#serverClock = serverClock;
    this.#keys = [`${prefix}pace-since`, ...scopes.map(({ name }) => `${prefix}pace:${name}`)];
    this.#widths = scopes.map(({ perSecond }) => slotMs(perSecond));
  }

  async take(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(waiter);
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        end();
        reject(signal.reason as Error);
      };
      const waiter: Waiter = {
        go: () => {
          end();
          resolve();
        },
        fail: (error) => {
          end();
          reject(asOrgsyncError(error));
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiter);
      void this.#serve();
      void this.#ask();
    });
  }

  /** Lets the waiting go at the slots there are. */
  async #serve(): Promise<void> {
    if (this.#serving) return;
    this.#serving = true;
    for (let slot = this.#nextSlot(); slot !== undefined && this.#waiting.size > 0; slot = this.#nextSlot()) {
      const wait = slot - this.#clock.monotonic();
      if (wait > 0) {
        await this.#clock.sleep(wait);
        continue;
      }
      this.#slots.shift();
      this.#usedAt = this.#clock.monotonic();
      for (const waiter of [...this.#waiting].slice(0, 1)) waiter.go();
    }
    this.#serving = false;
    // A slot that was missed must not leave anybody behind.
    void this.#ask();
  }

  /** The next slot that can still be used. */
  #nextSlot(): number | undefined {
    const now = this.#clock.monotonic();
    while (this.#slots[0] !== undefined && this.#slots[0] + LATE_MS < now) this.#slots.shift();
    return this.#slots[0];
  }

  /** Asks for slots until there are enough. */
  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      for (let wanted = this.#wanted(); wanted > 0; wanted = this.#wanted()) {
        const pause = await this.#askOnce(wanted);
        void this.#serve();
        if (pause > 0) await this.#clock.sleep(pause);
      }
    } catch (error) {
      for (const waiter of [...this.#waiting]) waiter.fail(error);
    } finally {
      this.#asking = false;
    }
  }

  /** One for each who waits; and while the queue moves, as many as will be used until the answer to the next question. */
  #wanted(): number {
    this.#nextSlot();
    const inUse = this.#clock.monotonic() - this.#usedAt < IN_USE_MS;
    const ahead = inUse ? Math.floor((2 * this.#link.roundTripMs) / Math.max(...this.#widths)) : 0;
    return this.#waiting.size + ahead - this.#slots.length;
  }

  /** Returns how long to wait before asking again makes sense. */
  async #askOnce(wanted: number): Promise<number> {
    const expected = this.#link.roundTripMs;
    const early = Math.min(FARTHEST_MS, expected / 2);
    const far = Math.min(FARTHEST_MS, early + expected + 2 * Math.max(...this.#widths));
    const askedAt = this.#clock.monotonic();
    const reply = await this.#link.run(TAKE, this.#keys, [early, far, wanted, ...this.#widths]);
    const answeredAt = this.#clock.monotonic();
    if (answeredAt - askedAt > 2 * FARTHEST_MS) throw redisSilence(this.#link.where, 2 * FARTHEST_MS);
    const [theirs = 0, ...given] = (Array.isArray(reply) ? reply : []).map((micros) => Number(micros) / 1_000);
    this.#serverClock.note(theirs, { askedAt, answeredAt });
    this.#slots.push(...given.filter((ms) => ms >= 0).map((ms) => this.#serverClock.onOurs(theirs + ms)));
    return Math.min(FARTHEST_MS, Math.max(0, -(given[0] ?? 0)));
  }
}
