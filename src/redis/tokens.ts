import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/ports/system.ts';
import type { TokenCache, TokenKey, Turn } from '../core/ports/tokens.ts';
import { itemsOf } from './connect.ts';
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

/**
 * A retry after a lost answer also gets the turn. KEYS token, turn, refusal, refusal of all; ARGV token, ms, dead token.
 * Returns `found` and the token; or `turn` or `other` (another process has the turn), and both refusals.
 */
const TURN = `
local token = redis.call('GET', KEYS[1])
if token and token ~= ARGV[3] then return {'found', token} end
local refused, barred = redis.call('GET', KEYS[3]), redis.call('GET', KEYS[4])
local other = redis.call('GET', KEYS[2])
if other and other ~= ARGV[1] then return {'other', refused, barred} end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {'turn', refused, barred}`;

/** What the token cache needs in addition to the connection. */
export interface TokenOptions {
  readonly prefix: string;
  readonly clock: Clock;
}

/**
 * Creates a token cache that all processes with this Redis and prefix share. Every method throws `unavailable` or
 * `refused` when Redis cannot be used.
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

  async turn(key: TokenKey, { signal, dead = '' }: { readonly signal: AbortSignal; readonly dead?: string | undefined }): Promise<Turn> {
    const me = randomUUID();
    const giveUpAt = this.#clock.monotonic() + PATIENCE_MS;
    for (let pause = LOOK_AFTER_MS; ; pause = Math.min(pause * 1.5, LOOK_EVERY_MS)) {
      signal.throwIfAborted();
      const [word, first, second] = await this.#askForTurn(key, me, dead);
      if (word === 'found' && typeof first === 'string') return { is: 'found', sealed: first };
      if (word === 'turn' || this.#clock.monotonic() + pause > giveUpAt) {
        return { is: 'turn', refused: textOf(first), barred: textOf(second), end: () => this.#endTurn(key, me) };
      }
      await this.#clock.sleep(pause, signal);
    }
  }

  async #askForTurn(key: TokenKey, me: string, dead: string): Promise<readonly Reply[]> {
    const keys = [this.#key('token', key), this.#key('token-turn', key), this.#key('token-refused', key), this.#key('token-refused', null)];
    const ask = async (): Promise<Reply> => this.#link.run(TURN, keys, [me, PATIENCE_MS, dead]);
    const reply = await ask().catch((error: unknown) => {
      // Perhaps we got the turn and only the answer was lost: free it, so that no process waits for us.
      if (!isPassing(error)) throw error;
      return ask();
    });
    return itemsOf(reply);
  }

  async #endTurn(key: TokenKey, me: string): Promise<void> {
    // If this fails, the turn ends by its ttl.
    await this.#link.run(DROP_IF, [this.#key('token-turn', key)], [me]).catch(() => undefined);
  }

  async put(key: TokenKey, sealed: string, ttlMs: number): Promise<void> {
    await this.#link.call('SET', this.#key('token', key), sealed, 'PX', String(Math.max(1, Math.floor(ttlMs))));
  }

  async dropIf(key: TokenKey, sealed: string): Promise<void> {
    await this.#link.run(DROP_IF, [this.#key('token', key)], [sealed]);
  }

  async putRefusal(key: TokenKey | null, text: string, ttlMs: number): Promise<void> {
    await this.#link.call('SET', this.#key('token-refused', key), text, 'PX', String(Math.max(1, Math.floor(ttlMs))));
  }

  #key(kind: string, key: TokenKey | null): string {
    return `${this.#prefix}${kind}${key === null ? '' : `:${key.corpId.toLowerCase()}:${key.secretDigest}`}`;
  }
}

function textOf(reply: Reply | undefined): string | undefined {
  return typeof reply === 'string' ? reply : undefined;
}
