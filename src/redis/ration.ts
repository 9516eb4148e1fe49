import { createHash, randomBytes } from 'node:crypto';
import type { Booking, Ration, RationTicket } from '../core/ports/ration.ts';
import type { Clock } from '../core/ports/system.ts';
import { rationDay } from '../core/ration.ts';
import type { Reply } from './connect.ts';

const DAY_MS = 86_400_000;
/** The tickets of a day are kept after its end, for hosts whose clock is behind. */
const KEEP_TICKETS_MS = 2 * DAY_MS;

/** What the ration needs of a {@link RedisLink}. */
interface Scripts {
  run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply>;
}

/** Where the ration is stored. */
export interface RedisRationOptions {
  readonly link: Scripts;
  /** What the names of all keys begin with. */
  readonly prefix: string;
  readonly clock: Clock;
}

/**
 * Keeps the ration in Redis. The tickets of a day are a set, and its size is what was used, so a ticket that is sent twice
 * counts once. Numbers are stored only as digests.
 */
export function createRedisRation(options: RedisRationOptions): Ration {
  return new RedisRation(options);
}

class RedisRation implements Ration {
  readonly #link: Scripts;
  readonly #prefix: string;
  readonly #clock: Clock;

  constructor({ link, prefix, clock }: RedisRationOptions) {
    this.#link = link;
    this.#prefix = prefix;
    this.#clock = clock;
  }

  async book({ corpId, e164, budget, held = false }: Parameters<Ration['book']>[0]): Promise<Booking> {
    const ticket = { corpId, day: rationDay(this.#clock.now()), id: randomBytes(12).toString('base64url') };
    const keys = [this.#ticketsKey(ticket), this.#wrongKey(corpId, e164)];
    const answer = await this.#link.run(BOOK, keys, [ticket.id, budget, KEEP_TICKETS_MS, held ? 1 : 0]);
    if (answer === 'booked') return { is: 'booked', ticket };
    return { is: answer === 'known_wrong' ? 'known_wrong' : 'spent' };
  }

  async giveBack(ticket: RationTicket): Promise<void> {
    await this.#link.run(GIVE_BACK, [this.#ticketsKey(ticket)], [ticket.id]);
  }

  async rememberWrong({ corpId }: RationTicket, e164: string, forMs: number): Promise<void> {
    await this.#link.run(REMEMBER, [this.#wrongKey(corpId, e164)], [Math.ceil(forMs)]);
  }

  async forgetNumber(e164: string, corpIds: readonly string[]): Promise<void> {
    for (const corpId of corpIds) await this.#link.run(FORGET, [this.#wrongKey(corpId, e164)], []);
  }

  async spent(corpId: string): Promise<number> {
    const day = rationDay(this.#clock.now());
    return Number(await this.#link.run(COUNT, [this.#ticketsKey({ corpId, day })], []));
  }

  #ticketsKey({ corpId, day }: Pick<RationTicket, 'corpId' | 'day'>): string {
    return `${this.#prefix}ration:${corpId.toLowerCase()}:${day}`;
  }

  #wrongKey(corpId: string, e164: string): string {
    const digest = createHash('sha256').update(e164).digest('base64url').slice(0, 22);
    return `${this.#prefix}wrong:${corpId.toLowerCase()}:${digest}`;
  }
}

const BOOK = `
if ARGV[4] == '0' and redis.call('EXISTS', KEYS[2]) == 1 then return 'known_wrong' end
if redis.call('SCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 'spent' end
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 'booked'`;

const GIVE_BACK = `return redis.call('SREM', KEYS[1], ARGV[1])`;

const REMEMBER = `return redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])`;

const FORGET = `return redis.call('DEL', KEYS[1])`;

const COUNT = `return redis.call('SCARD', KEYS[1])`;
