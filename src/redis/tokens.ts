import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/ports/system.ts';
import type { TokenCache, TokenKey } from '../core/ports/tokens.ts';
import type { RedisLink, Reply } from './connect.ts';
import { isPassing } from './errors.ts';

/** How long to wait while another process fetches. After the same time, a process that died while fetching is ignored. */
const PATIENCE_MS = 15_000;
/** The first and the longest pause between checks whether the other process has finished. */
const LOOK_AFTER_MS = 20;
const LOOK_EVERY_MS = 100;

const DROP_IF = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/** A retry after a lost answer also gets the turn. KEYS turn; ARGV token, ms. */
const TAKE_TURN = `
local other = redis.call('GET', KEYS[1])
if other and other ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

/** What the token cache needs in addition to the connection. */
export interface TokenOptions {
  readonly prefix: string;
  readonly clock: Clock;
}

/**
 * Creates a token cache that all processes with this Redis and prefix share. Every method throws `unavailable` or
 * `refused` when Redis cannot be used; `single` throws these only before it calls `fetch`.
 */
export function createRedisTokens(link: RedisLink, options: TokenOptions): TokenCache {
  return new RedisTokens(link, options);
}

class RedisTokens implements TokenCache {
  readonly #link: RedisLink;
  readonly #prefix: string;
  readonly #clock: Clock;

  constructor(link: RedisLink, { prefix, clock }: TokenOptions) {
    this.#link = link;
    this.#prefix = prefix;
    this.#clock = clock;
  }

  async get(key: TokenKey): Promise<string | undefined> {
    const sealed = await this.#link.call('GET', this.#key('token', key));
    return typeof sealed === 'string' ? sealed : undefined;
  }

  async put(key: TokenKey, sealed: string, ttlMs: number): Promise<void> {
    await this.#link.call('SET', this.#key('token', key), sealed, 'PX', String(Math.max(1, Math.floor(ttlMs))));
  }

  async dropIf(key: TokenKey, sealed: string): Promise<void> {
    await this.#link.run(DROP_IF, [this.#key('token', key)], [sealed]);
  }

  async refusal(key: TokenKey | null): Promise<string | undefined> {
    const text = await this.#link.call('GET', this.#key('token-refused', key));
    return typeof text === 'string' ? text : undefined;
  }

  async putRefusal(key: TokenKey | null, text: string, ttlMs: number): Promise<void> {
    await this.#link.call('SET', this.#key('token-refused', key), text, 'PX', String(Math.max(1, Math.floor(ttlMs))));
  }

  async single<T>(key: TokenKey, signal: AbortSignal, fetch: () => Promise<T>): Promise<T> {
    const turn = this.#key('token-turn', key);
    const me = randomUUID();
    await this.#awaitTurn(turn, me, signal);
    try {
      return await fetch();
    } finally {
      // If this fails, the turn ends by its ttl.
      await this.#link.run(DROP_IF, [turn], [me]).catch(() => undefined);
    }
  }

  async #awaitTurn(turn: string, me: string, signal: AbortSignal): Promise<void> {
    const giveUpAt = this.#clock.monotonic() + PATIENCE_MS;
    for (let pause = LOOK_AFTER_MS; ; pause = Math.min(pause * 1.5, LOOK_EVERY_MS)) {
      signal.throwIfAborted();
      if (await this.#takeTurn(turn, me)) return;
      if (this.#clock.monotonic() + pause > giveUpAt) return;
      await this.#clock.sleep(pause, signal);
    }
  }

  async #takeTurn(turn: string, me: string): Promise<boolean> {
    const ask = async (): Promise<Reply> => this.#link.run(TAKE_TURN, [turn], [me, PATIENCE_MS]);
    const reply = await ask().catch((error: unknown) => {
      // Perhaps we got the turn and only the answer was lost: free it, so that no process waits for us.
      if (!isPassing(error)) throw error;
      return ask();
    });
    return reply === 1;
  }

  #key(kind: string, key: TokenKey | null): string {
    return `${this.#prefix}${kind}${key === null ? '' : `:${key.corpId.toLowerCase()}:${key.secretDigest}`}`;
  }
}
