import { describe, expect, it } from 'vitest';
import type { Booking, Ration, RationTicket } from '../../src/core/ports/ration.ts';
import type { Clock } from '../../src/core/ports/system.ts';
import { createTestClock } from '../support/clock.ts';

/** Opens one more user of the same ration. */
export type OpenRation = (clock: Clock) => Ration;

const CORP = 'ww00000000000000a1';
const PHONE = '+8613800138000';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Late in the evening of the first of March in Shanghai, still in the afternoon of London. */
const LATE = Date.UTC(2026, 2, 1, 15, 59, 59);

/** What every ration keeps, wherever it lives. `prepare` makes an empty one for a test. */
export function describeRation(name: string, prepare: () => Promise<OpenRation>): void {
  describe(`the ration in ${name}`, () => {
    it('books no more questions than the budget allows', async () => {
      const ration = (await prepare())(createTestClock());
      const answers: Booking['is'][] = [];
      for (let i = 0; i < 5; i += 1) answers.push((await ask(ration, number(i))).is);
      expect(answers).toEqual(['booked', 'booked', 'booked', 'spent', 'spent']);
      expect(await ration.spent(CORP)).toBe(3);
    });

    it('is not overspent by forty who ask at once', async () => {
      const open = await prepare();
      const answers = await Promise.all(Array.from({ length: 40 }, async (_, i) => ask(open(createTestClock()), number(i), 7)));
      expect(answers.filter(({ is }) => is === 'booked')).toHaveLength(7);
      expect(await open(createTestClock()).spent(CORP)).toBe(7);
    });

    it('takes a question back, once', async () => {
      const ration = (await prepare())(createTestClock());
      const ticket = ticketOf(await ask(ration, PHONE));
      ticketOf(await ask(ration, PHONE));
      await ration.giveBack(ticket);
      await ration.giveBack(ticket);
      expect(await ration.spent(CORP)).toBe(1);
    });

    it('takes many questions back at once', async () => {
      const ration = (await prepare())(createTestClock());
      const tickets = await Promise.all(Array.from({ length: 10 }, async (_, i) => ticketOf(await ask(ration, number(i), 20))));
      await Promise.all(tickets.map((ticket) => ration.giveBack(ticket)));
      expect(await ration.spent(CORP)).toBe(0);
    });

    it('remembers a wrong number for everyone, leaves it spent, and books it no more', async () => {
      const open = await prepare();
      const ration = open(createTestClock());
      const ticket = ticketOf(await ask(ration, PHONE));
      await ration.rememberWrong(ticket, PHONE, HOUR_MS);
      await ration.giveBack(ticket);
      expect((await ask(open(createTestClock()), PHONE)).is).toBe('known_wrong');
      expect((await ask(ration, number(1))).is).toBe('booked');
    });

    it('books a wrong number again when somebody is known to have it by now', async () => {
      const ration = (await prepare())(createTestClock());
      await ration.rememberWrong(ticketOf(await ask(ration, PHONE)), PHONE, HOUR_MS);
      expect((await ration.book({ corpId: CORP, e164: PHONE, budget: 3, held: true })).is).toBe('booked');
      expect((await ask(ration, PHONE)).is).toBe('known_wrong');
    });

    it('forgets a number in every corp when it is told to, and no other', async () => {
      const ration = (await prepare())(createTestClock());
      const corps = [CORP, 'ww00000000000000a2'];
      for (const corpId of corps) {
        for (const e164 of [PHONE, number(1)]) await ration.rememberWrong(ticketOf(await ration.book({ corpId, e164, budget: 9 })), e164, HOUR_MS);
      }
      await ration.forgetNumber(PHONE, corps);
      await ration.forgetNumber(number(1), []);
      await ration.forgetNumber('+8613800138099', corps);
      for (const corpId of corps) {
        expect((await ration.book({ corpId, e164: PHONE, budget: 9 })).is).toBe('booked');
        expect((await ration.book({ corpId, e164: number(1), budget: 9 })).is).toBe('known_wrong');
      }
    });

    it('counts a wrong number even when it is settled twice', async () => {
      const ration = (await prepare())(createTestClock());
      const ticket = ticketOf(await ask(ration, PHONE));
      await ration.rememberWrong(ticket, PHONE, HOUR_MS);
      await ration.rememberWrong(ticket, PHONE, HOUR_MS);
      expect(await ration.spent(CORP)).toBe(1);
    });

    it('says of a wrong number that it is known, also when the budget is spent', async () => {
      const ration = (await prepare())(createTestClock());
      await ration.rememberWrong(ticketOf(await ask(ration, PHONE, 1)), PHONE, HOUR_MS);
      expect((await ask(ration, PHONE, 1)).is).toBe('known_wrong');
      expect((await ask(ration, number(1), 1)).is).toBe('spent');
    });

    it('counts each corp for itself, whatever the case of its id', async () => {
      const ration = (await prepare())(createTestClock());
      await ration.rememberWrong(ticketOf(await ask(ration, PHONE, 1)), PHONE, HOUR_MS);
      expect((await ration.book({ corpId: 'ww00000000000000b2', e164: PHONE, budget: 1 })).is).toBe('booked');
      expect((await ration.book({ corpId: CORP.toUpperCase(), e164: number(2), budget: 1 })).is).toBe('spent');
    });

    it('begins anew at midnight in Shanghai, and gives back what belongs to the day before', async () => {
      const open = await prepare();
      const clock = createTestClock(LATE);
      const ration = open(clock);
      const late = ticketOf(await ask(ration, number(1), 1));
      expect((await ask(ration, number(2), 1)).is).toBe('spent');
      clock.jump(1_000);
      expect((await ask(ration, number(2), 1)).is).toBe('booked');
      await ration.giveBack(late);
      expect(await ration.spent(CORP)).toBe(1);
      expect(await open(createTestClock(LATE)).spent(CORP)).toBe(0);
    });

    it('works on after many days', async () => {
      const clock = createTestClock(LATE);
      const ration = (await prepare())(clock);
      for (let day = 0; day < 5; day += 1) {
        expect((await ask(ration, number(day), 1)).is).toBe('booked');
        expect((await ask(ration, number(day), 1)).is).toBe('spent');
        clock.jump(DAY_MS);
      }
    });
  });
}

async function ask(ration: Ration, e164: string, budget = 3): Promise<Booking> {
  return ration.book({ corpId: CORP, e164, budget });
}

function ticketOf(booking: Booking): RationTicket {
  if (booking.is !== 'booked') throw new Error(`not booked: ${booking.is}`);
  return booking.ticket;
}

function number(n: number): string {
  return `+861390000${String(n).padStart(4, '0')}`;
}
