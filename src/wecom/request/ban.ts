import type { Clock } from '../../core/ports/system.ts';
import type { WecomError } from '../../errors.ts';

/**
 * The ban after a frequency limit (45009). All requests that it concerns wait once, for the length of WeCom's shortest
 * window. If a request is refused after that, the ban is closed and all requests fail: WeCom does not say whether the limit
 * per minute, hour or day was reached (P90312).
 */
export class Ban {
  readonly #waitMs: number;
  readonly #clock: Clock;
  readonly #onRefused: () => void;
  #waitBegan: number | undefined;
  #waitEnds = -Infinity;
  #closedBy: WecomError | undefined;

  /** @param options.onRefused called when the ban begins, and when it is closed */
  constructor({ waitMs, clock, onRefused = () => undefined }: { waitMs: number; clock: Clock; onRefused?: () => void }) {
    this.#waitMs = waitMs;
    this.#clock = clock;
    this.#onRefused = onRefused;
  }

  /** Whether a request has been refused. */
  get isMet(): boolean {
    return this.#waitBegan !== undefined;
  }

  /** Whether requests may be sent. */
  get isOver(): boolean {
    return this.#closedBy === undefined && this.#clock.monotonic() >= this.#waitEnds;
  }

  /** Resolves when requests may be sent. Throws the refusal that closed the ban, and `signal.reason` on abort. */
  async over(signal: AbortSignal): Promise<void> {
    while (!this.isOver) {
      if (this.#closedBy !== undefined) throw this.#closedBy;
      await this.#clock.sleep(Math.ceil(this.#waitEnds - this.#clock.monotonic()), signal);
    }
  }

  /**
   * Notes a refusal.
   * @param sentAt when the refused request was sent, on the monotonic clock
   * @returns whether the request may be retried after the wait
   */
  refused(sentAt: number, error: WecomError): boolean {
    if (this.#closedBy !== undefined) return false;
    if (this.#waitBegan === undefined) {
      this.#waitBegan = this.#clock.monotonic();
      this.#waitEnds = this.#waitBegan + this.#waitMs * (1 + Math.random() * 0.1);
      this.#onRefused();
      return true;
    }
    // This request was sent before the first refusal arrived, so its refusal says nothing new.
    if (sentAt <= this.#waitBegan) return true;
    this.#closedBy = error;
    this.#onRefused();
    return false;
  }
}
