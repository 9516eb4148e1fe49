import { randomUUID } from 'node:crypto';
import { createLimiter, LATE_MS, slotMs } from '../../core/pace.ts';
import type { Limiter, PaceScope } from '../../core/ports/slots.ts';
import type { Clock, Log } from '../../core/ports/system.ts';
import { asOrgsyncError } from '../../errors.ts';
import type { Connection, Database } from '../engine/database.ts';
import { neededTime, textOf, timeOf, timeText } from '../engine/values.ts';

/** No queue of processes is as long: a slot further away was written by a clock that has been set back since. */
const FARTHEST_MS = 60_000;
/** How long this process goes on by itself after the store could not be asked. */
const ALONE_FOR_MS = 5_000;
/**
 * A process sees its own delays and makes up for them, but not another's: after a slot of somebody else's there is this
 * much more room, so that a start that was held up on its way for a quarter of a second does no harm.
 */
export const ROOM_FOR_OTHERS = 1.2;
/** A scope that somebody else used so lately is shared. */
const SHARED_FOR_MS = 2_000;
/** How long before its slot a start is reserved at first; later as long as reserving takes. */
const FIRST_LEAD_MS = 10;

/** What a limiter in the store works with. */
export interface StoreLimiterOptions {
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Shares the pace through the store's table `paces`, for those who have no Redis: each start reserves the next slot of
 * its scopes, by the database's clock, in a small transaction. Where the store cannot be asked, this process keeps the
 * pace by itself, which it does all the time: never faster than the rate, though several processes may then be.
 */
export function createStoreLimiter(database: Database, options: StoreLimiterOptions): Limiter {
  return new StoreLimiter(database, options);
}

class StoreLimiter implements Limiter {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #own: Limiter;
  readonly #me = randomUUID();
  #leadMs = FIRST_LEAD_MS;
  #aloneUntil = -Infinity;

  constructor(database: Database, { clock, log }: StoreLimiterOptions) {
    this.#database = database;
    this.#clock = clock;
    this.#log = log;
    this.#own = createLimiter(clock);
  }

  async take(scopes: readonly PaceScope[], signal: AbortSignal): Promise<void> {
    await this.#own.take(scopes, signal);
    while (this.#clock.monotonic() >= this.#aloneUntil) {
      const slotAt = await this.#reserve(scopes);
      if (slotAt === undefined) return;
      await this.#clock.sleep(Math.max(0, slotAt - this.#clock.monotonic()), signal);
      // A start too long after its slot would come too close to the next one: somebody else's.
      if (this.#clock.monotonic() <= slotAt + LATE_MS) return;
    }
  }

  /** When the reserved slot begins, on our monotonic clock; undefined when the store cannot be asked. */
  async #reserve(scopes: readonly PaceScope[]): Promise<number | undefined> {
    const beganAt = this.#clock.monotonic();
    try {
      const reserved = await this.#database.transaction((connection) => this.#nextSlot(connection, scopes));
      const tookMs = this.#clock.monotonic() - reserved.askedAt;
      this.#leadMs = Math.min(Math.max(tookMs * 1.5, this.#leadMs * 0.9), 1_000);
      return reserved.slotAt;
    } catch (thrown) {
      this.#aloneUntil = this.#clock.monotonic() + ALONE_FOR_MS;
      const { code } = asOrgsyncError(thrown);
      this.#log('warn', 'limiter_alone', 'the store cannot be asked for the pace: this process keeps it by itself', { code, after_ms: this.#clock.monotonic() - beganAt });
      return undefined;
    }
  }

  async #nextSlot(connection: Connection, scopes: readonly PaceScope[]): Promise<{ readonly slotAt: number; readonly askedAt: number }> {
    const { dialect } = connection;
    const names = scopes.map(({ name }) => name).sort();
    // Makes the rows where there are none, and locks them, in one order for all.
    for (const name of names) await connection.write(`INSERT INTO paces (scope) VALUES (?)${dialect.onConflict(['scope'], ['scope'])}`, [name]);
    const askedAt = this.#clock.monotonic();
    const [now] = await connection.query(`SELECT ${dialect.now} AS now`);
    const [here, there] = [(askedAt + this.#clock.monotonic()) / 2, neededTime(now ?? {}, 'now').getTime()];
    const rows = await connection.query(`SELECT scope, next_at, holder FROM paces WHERE scope IN (${names.map(() => '?').join(', ')})`, names);
    const waiting = rows.map((row) => timeOf(row, 'next_at')?.getTime() ?? there).filter((at) => at - there < FARTHEST_MS);
    const isShared = rows.some((row) => textOf(row, 'holder') !== this.#me && there - (timeOf(row, 'next_at')?.getTime() ?? 0) < SHARED_FOR_MS);
    const slot = Math.ceil(Math.max(there + this.#leadMs, ...waiting));
    for (const { name, perSecond } of scopes) {
      const nextAt = slot + slotMs(perSecond) * (isShared ? ROOM_FOR_OTHERS : 1);
      await connection.write('UPDATE paces SET next_at = ?, holder = ? WHERE scope = ?', [timeText(Math.ceil(nextAt)), this.#me, name]);
    }
    return { slotAt: here + slot - there, askedAt };
  }
}
