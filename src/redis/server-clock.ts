import type { Clock } from '../core/ports/system.ts';
import { RemoteClock } from '../core/remote-clock.ts';
import type { RedisLink, Reply } from './connect.ts';

/** Bounds this far apart at most are good enough: twice the time that a slot may be used late. */
const SURE_MS = 50;

/** Redis's clock, asked for until it is known well enough. */
export class ServerClock extends RemoteClock {
  readonly #link: RedisLink;
  readonly #clock: Clock;
  #asked: Promise<void> | undefined;

  constructor(link: RedisLink, clock: Clock) {
    super();
    this.#link = link;
    this.#clock = clock;
  }

  /** Asks Redis for its time if nobody has; a second time where the answer was held up, or Redis is far. Throws OrgsyncError. */
  async ready(): Promise<void> {
    this.#asked ??= this.#askTwice();
    try {
      await this.#asked;
    } catch (error) {
      this.#asked = undefined;
      throw error;
    }
  }

  async #askTwice(): Promise<void> {
    await this.#ask();
    if (this.spanMs > SURE_MS) await this.#ask();
  }

  async #ask(): Promise<void> {
    const askedAt = this.#clock.monotonic();
    const reply = await this.#link.call('TIME');
    this.note(msOf(reply), { askedAt, answeredAt: this.#clock.monotonic() });
  }
}

/** TIME answers with seconds and microseconds. */
function msOf(reply: Reply): number {
  const [seconds = 0, micros = 0] = Array.isArray(reply) ? reply.map(Number) : [];
  return seconds * 1_000 + micros / 1_000;
}
