import type { Clock } from '../core/ports/system.ts';
import { RemoteClock } from '../core/remote-clock.ts';
import { FARTHEST_MS } from '../core/schedule.ts';
import { itemsOf } from './connect.ts';
import type { RedisLink, Reply } from './connect.ts';
import { redisTooFar } from './errors.ts';

/** The clock is known well enough when its bounds are at most this far apart: twice the time that a slot may be used late. */
const SURE_MS = 50;

/** So many answers tell as much as can be known. */
const ENOUGH = 2;

/** Redis's clock, compared with our own. Every answer that contains Redis's time tells it, whatever was asked. */
export class ServerClock extends RemoteClock {
  readonly #link: RedisLink;
  readonly #clock: Clock;
  #asked: Promise<void> | undefined;
  #answers = 0;

  constructor(link: RedisLink, clock: Clock) {
    super();
    this.#link = link;
    this.#clock = clock;
  }

  override note(...told: Parameters<RemoteClock['note']>): void {
    this.#answers += 1;
    super.note(...told);
  }

  /**
   * Asks Redis for its time, unless earlier answers have told it well enough.
   * @throws OrgsyncError; `redis_too_far` when every answer takes longer than a slot lasts: asking again does not help
   */
  async ready(): Promise<void> {
    if (this.#isKnown && !this.#isTooFar) return;
    this.#asked ??= this.#askEnough();
    try {
      await this.#asked;
    } catch (error) {
      if (!this.#isTooFar) this.#asked = undefined;
      throw error;
    }
  }

  get #isKnown(): boolean {
    return this.#answers >= ENOUGH || this.spanMs <= SURE_MS;
  }

  /** A slot is at most {@link FARTHEST_MS} ahead, and an answer needs half of the span to come back. */
  get #isTooFar(): boolean {
    return this.#answers > 0 && this.spanMs > 2 * FARTHEST_MS;
  }

  async #askEnough(): Promise<void> {
    while (!this.#isKnown) await this.#ask();
    // The earlier answers may have been held up, by this process or on their way.
    if (this.#isTooFar) await this.#ask();
    if (this.#isTooFar) throw redisTooFar(this.#link.where, this.spanMs);
  }

  async #ask(): Promise<void> {
    const askedAt = this.#clock.monotonic();
    const reply = await this.#link.call('TIME');
    this.note(msOf(reply), { askedAt, answeredAt: this.#clock.monotonic() });
  }
}

/** TIME answers with seconds and microseconds. */
function msOf(reply: Reply): number {
  const [seconds = 0, micros = 0] = itemsOf(reply).map(Number);
  return seconds * 1_000 + micros / 1_000;
}
