import { mostAtOnce, stretch, WAY_MS } from './schedule.ts';

/** One request that was given leave: when it counts from; undefined until it is sent. */
export interface Entry {
  countsFrom: number | undefined;
}

/** The requests of one scope that reached the server within the last second, and those that are about to. */
export class SentWindow {
  readonly #most: number;
  readonly #countedMs: number;
  readonly #entries = new Set<Entry>();

  constructor(perSecond: number) {
    this.#most = mostAtOnce(perSecond);
    this.#countedMs = (1_000 + WAY_MS) * stretch(perSecond);
  }

  /** How long until one more may leave: `Infinity` until one of those given leave has been sent. */
  waitMs(now: number): number {
    if (this.#entries.size < this.#most) return 0;
    let first = Infinity;
    for (const entry of this.#entries) {
      const end = (entry.countsFrom ?? Infinity) + this.#countedMs;
      if (end <= now) this.#entries.delete(entry);
      else first = Math.min(first, end);
    }
    return this.#entries.size < this.#most ? 0 : first - now;
  }

  enter(entry: Entry): void {
    this.#entries.add(entry);
  }

  /** The request was not sent. */
  leave(entry: Entry): void {
    this.#entries.delete(entry);
  }
}

/** How many answers tell what is usual. */
const REMEMBERED = 32;
/** Fewer than this tell nothing. */
const FEW = 3;

/**
 * How long answers take, to find out which requests reached the server late: an answer that comes much later than usual
 * may be the answer to a request that was held up on its way.
 */
export class AnswerTimes {
  readonly #times: number[] = [];

  /** Notes how long an answer took. Returns by how much that is more than usual, beyond what differs anyway; 0 mostly. */
  note(ms: number): number {
    const sorted = [...this.#times].sort((a, b) => a - b);
    this.#times.push(ms);
    if (this.#times.length > REMEMBERED) this.#times.shift();
    if (sorted.length < FEW) return 0;
    const middle = sorted[Math.floor(sorted.length / 2)] ?? ms;
    const upper = sorted[Math.floor((sorted.length * 3) / 4)] ?? ms;
    return Math.max(0, ms - middle - Math.max(WAY_MS / 2, 4 * (upper - middle)));
  }
}
