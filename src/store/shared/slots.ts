import { randomUUID } from 'node:crypto';
import type { Ask, Reserved, Scope, Slots } from '../../core/ports/slots.ts';
import type { Clock } from '../../core/ports/system.ts';
import { RemoteClock } from '../../core/remote-clock.ts';
import { AddressBook, AHEAD_MS, cellMs, FARTHEST_MS, nextSlots, widthMs } from '../../core/schedule.ts';
import type { Connection, Database, Row } from '../engine/database.ts';
import { neededText, neededTime, textOf, timeOf, timeText } from '../engine/values.ts';

/** The base of a book's digits. One cell can hold at most one less. */
const BASE = 36;
/** How long the first reservation is expected to take. Later, the last ones are measured. */
const FIRST_LEAD_MS = 10;

/**
 * Keeps the schedule in the store's table `paces`, when there is no Redis. One short transaction reserves the next slots of
 * several corps on the database's clock. A corp's row contains its next slot. The address's row contains its book: the time
 * of the first cell, and a digit for each cell.
 */
export function createStoreSlots(database: Database, clock: Clock): Slots {
  return new StoreSlots(database, clock);
}

class StoreSlots implements Slots {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #serverClock = new RemoteClock();
  readonly #me = randomUUID();
  #leadMs = FIRST_LEAD_MS;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async reserve(asks: readonly Ask[], address: Scope): Promise<readonly Reserved[]> {
    const { granted, askedAt } = await this.#database.transaction((connection) => this.#reserveIn(connection, asks, address));
    const answeredAt = this.#clock.monotonic();
    this.#leadMs = Math.min(Math.max((answeredAt - askedAt) * 1.2, this.#leadMs * 0.5), AHEAD_MS);
    return granted.map(({ slots, waitMs }): Reserved => {
      const ours = slots.map((slot) => this.#serverClock.onOurs(slot));
      return { slots: ours, askAgainAt: answeredAt + Math.min(waitMs, FARTHEST_MS) };
    });
  }

  async #reserveIn(connection: Connection, asks: readonly Ask[], address: Scope) {
    const { dialect } = connection;
    const names = [address.name, ...asks.map(({ scope }) => scope.name)].sort();
    // Creates missing rows, and locks all of them in the same order in every process.
    await connection.write(`INSERT INTO paces (scope) VALUES ${names.map(() => '(?)').join(', ')}${dialect.onConflict(['scope'], ['scope'])}`, names);
    const askedAt = this.#clock.monotonic();
    const rows = await connection.query(`SELECT scope, next_at, holder, ${dialect.now} AS now FROM paces WHERE scope IN (${names.map(() => '?').join(', ')})`, names);
    const now = neededTime(rows[0] ?? {}, 'now').getTime();
    this.#serverClock.note(now, { askedAt, answeredAt: this.#clock.monotonic() });
    const row = (name: string): Row => rows.find((one) => neededText(one, 'scope') === name) ?? {};
    const book = readBook(row(address.name), address.perSecond);
    book.forget(now);
    const [from, until] = [Math.ceil(now + this.#leadMs), Math.ceil(now + this.#leadMs + AHEAD_MS)];
    const granted = asks.map(({ scope, count }) => {
      const nextAt = timeOf(row(scope.name), 'next_at')?.getTime();
      // A slot cannot be so far ahead: the database's clock was set back.
      const isWrong = nextAt !== undefined && nextAt > now + 2 * AHEAD_MS + FARTHEST_MS + widthMs(scope.perSecond);
      return nextSlots({ perSecond: scope.perSecond, count, nextAt: isWrong ? undefined : nextAt, from, until }, book);
    });
    const written = asks.flatMap(({ scope }, index) => {
      const { slots, nextAt } = granted[index] ?? { slots: [], nextAt: 0 };
      return slots.length === 0 ? [] : [[scope.name, timeText(Math.ceil(nextAt)), this.#me]];
    });
    if (written.length > 0) {
      const values = [...written, [address.name, ...bookRow(book, address.perSecond)]];
      const sql = `INSERT INTO paces (scope, next_at, holder) VALUES ${values.map(() => '(?, ?, ?)').join(', ')}`;
      await connection.write(`${sql}${dialect.onConflict(['scope'], ['next_at', 'holder'])}`, values.flat());
    }
    return { granted, askedAt };
  }
}

function readBook(row: Row, perSecond: number): AddressBook {
  const book = new AddressBook(perSecond, BASE - 1);
  const first = Math.round((timeOf(row, 'next_at')?.getTime() ?? 0) / cellMs(perSecond));
  const digits = textOf(row, 'holder') ?? '';
  for (let index = 0; index < digits.length; index += 1) {
    const booked = Number.parseInt(digits.charAt(index), BASE);
    if (booked > 0) book.cells.set(first + index, booked);
  }
  return book;
}

/** Returns the values of the columns next_at and holder. */
function bookRow({ cells }: AddressBook, perSecond: number): readonly [string, string] {
  const [first, last] = [Math.min(...cells.keys()), Math.max(...cells.keys())];
  const digits = Array.from({ length: last - first + 1 }, (_, index) => (cells.get(first + index) ?? 0).toString(BASE));
  return [timeText(Math.round(first * cellMs(perSecond))), digits.join('')];
}
