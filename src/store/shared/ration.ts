import { randomBytes } from 'node:crypto';
import type { Booking, Ration, RationTicket } from '../../core/ports/ration.ts';
import type { Clock } from '../../core/ports/system.ts';
import { rationDay } from '../../core/ration.ts';
import type { Connection, Database } from '../engine/database.ts';
import { neededNumber } from '../engine/values.ts';

const DAY_MS = 86_400_000;

/**
 * Keeps the ration in the store, when there is no Redis. A refused number costs only one read. A booking locks the corp's
 * row of the day, so processes book one after the other.
 */
export function createStoreRation(database: Database, clock: Clock): Ration {
  return new StoreRation(database, clock);
}

type Question = Parameters<Ration['book']>[0];

class StoreRation implements Ration {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async book(question: Question): Promise<Booking> {
    const day = rationDay(this.#clock.now());
    const refused = await this.#database.read((connection) => refusal(connection, question, day));
    if (refused !== undefined) return refused;
    const ticket = { corpId: question.corpId, day, id: randomBytes(12).toString('base64url') };
    const earliest = rationDay(this.#clock.now() - DAY_MS);
    return this.#database.transaction((connection) => book(connection, question, ticket, earliest));
  }

  async giveBack(ticket: RationTicket): Promise<void> {
    await this.#database.transaction(async (connection) => {
      await lockDay(connection, ticket);
      const mine = await dropTicket(connection, ticket);
      if (mine) await connection.write('UPDATE ration SET spent = spent - 1 WHERE corp_id = ? AND day = ?', [ticket.corpId, ticket.day]);
    });
  }

  async rememberWrong(ticket: RationTicket, e164: string, forMs: number): Promise<void> {
    await this.#database.transaction(async (connection) => {
      await lockDay(connection, ticket);
      await dropTicket(connection, ticket);
      await writeWrong(connection, ticket.corpId, e164, forMs);
    });
  }

  async forgetNumber(e164: string, corpIds: readonly string[]): Promise<void> {
    await this.#database.transaction(async (connection) => {
      for (const corpId of corpIds) await connection.write('DELETE FROM wrong_numbers WHERE corp_id = ? AND mobile_e164 = ?', [corpId, e164]);
    });
  }

  async spent(corpId: string): Promise<number> {
    return this.#database.read((connection) => spentOn(connection, corpId, rationDay(this.#clock.now())));
  }
}

/** Books a question under the corp's lock of the day. If this is a retry and the first attempt was committed, it finds its ticket. */
async function book(connection: Connection, question: Question, ticket: RationTicket, earliest: string): Promise<Booking> {
  await lockDay(connection, ticket);
  const tickets = await connection.query('SELECT 1 FROM ration_tickets WHERE corp_id = ? AND day = ? AND ticket = ?', ticketKey(ticket));
  if (tickets.length > 0) return { is: 'booked', ticket };
  const { corpId, day } = ticket;
  if (await isKnownWrong(connection, question)) return { is: 'known_wrong' };
  await forgetOld(connection, ticket, earliest);
  const { touched } = await connection.write('UPDATE ration SET spent = spent + 1 WHERE corp_id = ? AND day = ? AND spent < ?', [corpId, day, question.budget]);
  if (touched === 0) return { is: 'spent' };
  await connection.write('INSERT INTO ration_tickets (corp_id, day, ticket) VALUES (?, ?, ?)', ticketKey(ticket));
  return { is: 'booked', ticket };
}

/** Returns a refusal that is known without a lock; undefined when the question may be booked. */
async function refusal(connection: Connection, question: Question, day: string): Promise<Booking | undefined> {
  if (await isKnownWrong(connection, question)) return { is: 'known_wrong' };
  return (await spentOn(connection, question.corpId, day)) < question.budget ? undefined : { is: 'spent' };
}

async function isKnownWrong(connection: Connection, { corpId, e164, held = false }: Question): Promise<boolean> {
  if (held) return false;
  const wrong = `SELECT 1 FROM wrong_numbers WHERE corp_id = ? AND mobile_e164 = ? AND forget_at > ${connection.dialect.now}`;
  return (await connection.query(wrong, [corpId, e164])).length > 0;
}

async function spentOn(connection: Connection, corpId: string, day: string): Promise<number> {
  const [row] = await connection.query('SELECT spent FROM ration WHERE corp_id = ? AND day = ?', [corpId, day]);
  return row === undefined ? 0 : neededNumber(row, 'spent');
}

/** Locks the row of the day by writing it unchanged; creates it if it is missing. */
async function lockDay(connection: Connection, { corpId, day }: RationTicket): Promise<void> {
  const conflict = connection.dialect.onConflict(['corp_id', 'day'], ['day']);
  await connection.write(`INSERT INTO ration (corp_id, day, spent) VALUES (?, ?, 0)${conflict}`, [corpId, day]);
}

async function dropTicket(connection: Connection, ticket: RationTicket): Promise<boolean> {
  const { touched } = await connection.write('DELETE FROM ration_tickets WHERE corp_id = ? AND day = ? AND ticket = ?', ticketKey(ticket));
  return touched > 0;
}

async function writeWrong(connection: Connection, corpId: string, e164: string, forMs: number): Promise<void> {
  const { dialect } = connection;
  const conflict = dialect.onConflict(['corp_id', 'mobile_e164'], ['forget_at']);
  const values = `(?, ?, ${dialect.later(forMs)})`;
  await connection.write(`INSERT INTO wrong_numbers (corp_id, mobile_e164, forget_at) VALUES ${values}${conflict}`, [corpId, e164]);
}

function ticketKey({ corpId, day, id }: RationTicket): readonly string[] {
  return [corpId, day, id];
}

/** The first question of a day deletes the rows of earlier days. */
async function forgetOld(connection: Connection, { corpId, day }: RationTicket, earliest: string): Promise<void> {
  if ((await spentOn(connection, corpId, day)) > 0) return;
  await connection.write('DELETE FROM ration_tickets WHERE corp_id = ? AND day < ?', [corpId, earliest]);
  await connection.write('DELETE FROM ration WHERE corp_id = ? AND day < ?', [corpId, earliest]);
  await connection.write(`DELETE FROM wrong_numbers WHERE corp_id = ? AND forget_at < ${connection.dialect.now}`, [corpId]);
}
