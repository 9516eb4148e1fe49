import { randomUUID } from 'node:crypto';
import { keepLease } from '../../core/lease.ts';
import type { Acquired, Holder, Lease, Leases } from '../../core/ports/leases.ts';
import type { Clock, Log } from '../../core/ports/system.ts';
import type { Connection, Database, Row } from '../engine/database.ts';
import { neededNumber, neededText, neededTime, textOf, timeOf } from '../engine/values.ts';

/** What leases need in addition to the database. */
export interface StoreLeaseOptions {
  readonly host: string;
  readonly pid: number;
  /** The ttl of a lease without a renewal. */
  readonly ttlMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Keeps leases in the store's table `leases`, when there is no Redis. Times are those of the database. The first process to
 * ask gets the lease: `fair` has no effect, because all hosts wait for the same row. `close` releases the leases, and does
 * not close the database.
 */
export function createStoreLeases(database: Database, options: StoreLeaseOptions): Leases {
  return new StoreLeases(database, options);
}

const COLUMNS = 'name, token, host, pid, acquired_at, expires_at';

class StoreLeases implements Leases {
  readonly #database: Database;
  readonly #options: StoreLeaseOptions;
  readonly #kept = new Set<Lease>();

  constructor(database: Database, options: StoreLeaseOptions) {
    this.#database = database;
    this.#options = options;
  }

  async acquire(name: string, { signal }: { readonly signal: AbortSignal }): Promise<Acquired> {
    signal.throwIfAborted();
    const token = randomUUID();
    const attempts = { lastAt: 0 };
    const holder = await this.#database.transaction(async (connection) => {
      attempts.lastAt = this.#options.clock.monotonic();
      return await this.#take(connection, name, token);
    }, { urgent: true });
    if (holder !== undefined) return { is: 'held', by: holder };
    const lease = this.#keep(name, token, attempts.lastAt);
    if (signal.aborted) await lease.release();
    signal.throwIfAborted();
    return { is: 'acquired', lease };
  }

  async holders(): Promise<readonly Holder[]> {
    return await this.#database.read(async (connection) => {
      const held = `SELECT ${COLUMNS} FROM leases WHERE token IS NOT NULL AND expires_at > ${connection.dialect.now} ORDER BY name`;
      return (await connection.query(held)).map(holderOf);
    });
  }

  async forceRelease({ name, token }: Pick<Holder, 'name' | 'token'>): Promise<boolean> {
    return await this.#database.transaction(async (connection) => {
      const free = `UPDATE leases SET token = NULL WHERE name = ? AND token = ? AND expires_at > ${connection.dialect.now}`;
      return (await connection.write(free, [name, token])).touched > 0;
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#kept].map((lease) => lease.release()));
  }

  /** Takes the lease, or returns its holder. A retry after a lost answer also gets the lease. */
  async #take(connection: Connection, name: string, token: string): Promise<Holder | undefined> {
    const { dialect } = connection;
    const { host, pid, ttlMs } = this.#options;
    // Creates the row if it is missing, and locks it.
    await connection.write(`INSERT INTO leases (name) VALUES (?)${dialect.onConflict(['name'], ['name'])}`, [name]);
    const held = `SELECT ${COLUMNS} FROM leases WHERE name = ? AND token <> ? AND expires_at > ${dialect.now}${dialect.updateLock}`;
    const [other] = await connection.query(held, [name, token]);
    if (other !== undefined) return holderOf(other);
    const take = `UPDATE leases SET token = ?, host = ?, pid = ?, acquired_at = ${dialect.now}, expires_at = ${dialect.later(ttlMs)} WHERE name = ?`;
    await connection.write(take, [token, host, pid, name]);
    return undefined;
  }

  #keep(name: string, token: string, askedAt: number): Lease {
    const { ttlMs, clock, log } = this.#options;
    const change = async (set: (connection: Connection) => string, options?: { readonly tidiesUp: boolean }): Promise<boolean> =>
      await this.#database.transaction(async (connection) => {
        const update = `UPDATE leases SET ${set(connection)} WHERE name = ? AND token = ?`;
        return (await connection.write(update, [name, token])).touched > 0;
      }, { urgent: true, ...options });
    const lease = keepLease(
      {
        name,
        keeper: 'the store',
        ttlMs,
        askedAt,
        renew: async () => await change(({ dialect }) => `expires_at = ${dialect.later(ttlMs)}`),
        free: async () => {
          this.#kept.delete(lease);
          await change(() => 'token = NULL', { tidiesUp: true });
        },
      },
      clock,
      log,
    );
    this.#kept.add(lease);
    return lease;
  }
}

function holderOf(row: Row): Holder {
  return {
    name: neededText(row, 'name'),
    host: textOf(row, 'host') ?? 'unknown',
    pid: neededNumber(row, 'pid'),
    since: neededTime(row, 'acquired_at'),
    expiresAt: timeOf(row, 'expires_at'),
    token: neededText(row, 'token'),
  };
}
