import PQueue from 'p-queue';

/** After how many answers in a row one more request may be open. */
const ANSWERS_TO_RISE = 30;

/** Limits the open requests of one corp. The limit falls when WeCom refuses a request because too many are open, and rises after answers. */
export class OpenRequests {
  readonly #most: number;
  readonly #places: PQueue;
  #loweredAt = -Infinity;
  #answersInARow = 0;

  constructor(most: number) {
    this.#most = most;
    this.#places = new PQueue({ concurrency: most });
  }

  /** The most requests that may be open now. */
  get limit(): number {
    return this.#places.concurrency;
  }

  /** Resolves, in the order of the calls, when one more request may be open. The result must be called when the request has ended. Rejects with `signal.reason` on abort. */
  async enter(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const held = this.#places.add(() => new Promise<void>((leave) => resolve(leave)), { signal });
      held.catch(reject);
    });
  }

  /**
   * Halves the limit after WeCom refused a request because too many are open (45033). All requests that were sent before
   * the last change count as one refusal.
   * @param leftAt when the refused request was sent
   * @param now the time on the same clock
   * @returns whether the limit was lowered
   */
  lower(leftAt: number, now: number): boolean {
    if (leftAt <= this.#loweredAt) return false;
    this.#loweredAt = now;
    this.#answersInARow = 0;
    this.#places.concurrency = Math.max(1, Math.floor(this.#places.concurrency / 2));
    return true;
  }

  /** Counts an answer. After enough of them, the limit rises by one, up to the configured number. */
  answered(): void {
    this.#answersInARow += 1;
    if (this.#answersInARow < ANSWERS_TO_RISE || this.#places.concurrency >= this.#most) return;
    this.#answersInARow = 0;
    this.#places.concurrency += 1;
  }
}
