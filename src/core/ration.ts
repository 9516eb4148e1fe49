import type { Booking, Clock, Ration, RationTicket } from './ports.ts';

/** WeCom's days begin and end at midnight in China, which has no summer time. */
const SHANGHAI_AHEAD_MS = 8 * 3_600_000;

/** However small the corp: fewer than the about five misses after which small corps report to have been closed. */
const SMALLEST_BUDGET = 3;

/**
 * How many wrong numbers a corp may be asked in one day. WeCom closes `user/getuserid` for the rest of the day when
 * more than 20 % of the corp's member limit were wrong (P95402); the limit is never below the number of members.
 * @param share of the members, 0 … 1
 */
export function rationBudget(memberCount: number, share: number): number {
  return Math.max(SMALLEST_BUDGET, Math.floor(memberCount * share));
}

/** The calendar day of WeCom's counting, `2026-03-01`. */
export function rationDay(nowMs: number): string {
  return new Date(nowMs + SHANGHAI_AHEAD_MS).toISOString().slice(0, 10);
}

/**
 * A ration for one process, where nothing shared may be written. Every budget is cut to `most`, for nobody knows how
 * many such processes there are.
 */
export function createLocalRation(clock: Clock, most: number = SMALLEST_BUDGET): Ration {
  return new LocalRation(clock, most);
}

type Question = Parameters<Ration['book']>[0];

class LocalRation implements Ration {
  readonly #clock: Clock;
  readonly #most: number;
  /** Open or wrong, by corp and day. */
  readonly #spent = new Map<string, Set<string>>();
  /** When a wrong number is forgotten, on the monotonic clock. */
  readonly #wrong = new Map<string, number>();
  #booked = 0;

  constructor(clock: Clock, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  book(question: Question): Promise<Booking> {
    return Promise.resolve(this.#book(question));
  }

  giveBack(ticket: RationTicket): Promise<void> {
    this.#of(ticket).delete(ticket.id);
    return Promise.resolve();
  }

  rememberWrong({ corpId }: RationTicket, e164: string, forMs: number): Promise<void> {
    this.#wrong.set(wrongKey(corpId, e164), this.#clock.monotonic() + forMs);
    return Promise.resolve();
  }

  spent(corpId: string): Promise<number> {
    return Promise.resolve(this.#of({ corpId, day: rationDay(this.#clock.now()) }).size);
  }

  #book({ corpId, e164, budget, held = false }: Question): Booking {
    if (!held && (this.#wrong.get(wrongKey(corpId, e164)) ?? -Infinity) > this.#clock.monotonic()) return { is: 'known_wrong' };
    const ticket = { corpId, day: rationDay(this.#clock.now()), id: String((this.#booked += 1)) };
    const spent = this.#of(ticket);
    if (spent.size >= Math.min(budget, this.#most)) return { is: 'spent' };
    spent.add(ticket.id);
    return { is: 'booked', ticket };
  }

  #of({ corpId, day }: Pick<RationTicket, 'corpId' | 'day'>): Set<string> {
    const key = `${corpId.toLowerCase()} ${day}`;
    const known = this.#spent.get(key) ?? new Set<string>();
    this.#spent.set(key, known);
    return known;
  }
}

function wrongKey(corpId: string, e164: string): string {
  return `${corpId.toLowerCase()} ${e164}`;
}
