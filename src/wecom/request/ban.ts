import type { Clock } from '../../core/ports/system.ts';
import type { WecomError } from '../../errors.ts';

/**
 * What a frequency limit (45009) does to everyone behind it: they all wait once, for as long as the shortest window
 * lasts; whoever is refused after that closes it for all, as WeCom does not tell whether a minute, an hour or a
 * day has been used up (P90312).
 */
export class Ban {
  readonly #waitMs: number;
  readonly #clock: Clock;
  readonly #onRefused: () => void;
  #waitBegan: number | undefined;
  #waitEnds = -Infinity;
  #closedBy: WecomError | undefined;

  /** @param options.onRefused hears of each refusal that tells something new */
  constructor({ waitMs, clock, onRefused = () => undefined }: { waitMs: number; clock: Clock; onRefused?: () => void }) {
    this.#waitMs = waitMs;
    this.#clock = clock;
    this.#onRefused = onRefused;
  }

  /** Whether anybody behind it has been refused. */
  get isMet(): boolean {
    return this.#waitBegan !== undefined;
  }

  /** Whether requests may be sent. */
  get isOver(): boolean {
    return this.#closedBy === undefined && this.#clock.monotonic() >= this.#waitEnds;
  }

  /** Resolves when requests may be sent. Throws what closed it, and `signal.reason` on abort. */
  async over(signal: AbortSignal): Promise<void> {
    while (!this.isOver) {
      if (this.#closedBy !== undefined) throw this.#closedBy;
      await this.#clock.sleep(Math.ceil(this.#waitEnds - this.#clock.monotonic()), signal);
    }
  }

  /**
   * Notes a refusal.
   * @param departedAt when the refused request left, on the monotonic clock
   * @returns whether the request may be repeated, after the wait
   */
  refused(departedAt: number, error: WecomError): boolean {
    if (this.#closedBy !== undefined) return false;
    if (this.#waitBegan === undefined) {
      this.#waitBegan = this.#clock.monotonic();
      this.#waitEnds = this.#waitBegan + this.#waitMs * (1 + Math.random() * 0.1);
      this.#onRefused();
      return true;
    }
    // Those that were on their way when the first refusal came tell nothing new.
    if (departedAt <= this.#waitBegan) return true;
    this.#closedBy = error;
    this.#onRefused();
    return false;
  }
}
