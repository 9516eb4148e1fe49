import PQueue from 'p-queue';

/** After how many answers in a row one more request may be open. */
const ANSWERS_TO_RISE = 30;

/** Limits how many requests of one corp are open at once: fewer after WeCom found them too many, more after answers. */
export class OpenRequests {
  readonly #most: number;
  readonly #slots: PQueue;
  #loweredAt = -Infinity;
  #answersInARow = 0;

  constructor(most: number) {
    this.#most = most;
    this.#slots = new PQueue({ concurrency: most });
  }

  /** How many may be open now. */
  get limit(): number {
    return this.#slots.concurrency;
  }

  /** Resolves when one more request may be open, in the order of asking, with what gives the slot back. Rejects with `signal.reason` on abort. */
  async slot(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const held = this.#slots.add(() => new Promise<void>((free) => resolve(free)), { signal });
      held.catch(reject);
    });
  }

  /**
   * WeCom found too many requests open (45033): halves the limit, once for all that were open then.
   * @param leftAt when the refused request left
   * @param now on the same clock
   * @returns whether the limit was lowered
   */
  lower(leftAt: number, now: number): boolean {
    if (leftAt <= this.#loweredAt) return false;
    this.#loweredAt = now;
    this.#answersInARow = 0;
    this.#slots.concurrency = Math.max(1, Math.floor(this.#slots.concurrency / 2));
    return true;
  }

  /** An answer came: after enough of them the limit rises by one, up to the configured number. */
  answered(): void {
    this.#answersInARow += 1;
    if (this.#answersInARow < ANSWERS_TO_RISE || this.#slots.concurrency >= this.#most) return;
    this.#answersInARow = 0;
    this.#slots.concurrency += 1;
  }
}
