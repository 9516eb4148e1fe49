import type { Clock } from '../core/ports/system.ts';
import { RemoteClock } from '../core/remote-clock.ts';
import { itemsOf } from './connect.ts';
import type { RedisLink, Reply } from './connect.ts';

/** The clock is known well enough when its bounds are at most this far apart: twice the time that a slot may be used late. */
const SURE_MS = 50;

/** Redis's clock, compared with our own. */
export class ServerClock extends RemoteClock {
  readonly #link: RedisLink;
  readonly #clock: Clock;
  #asked: Promise<void> | undefined;

  constructor(link: RedisLink, clock: Clock) {
    super();
    this.#link = link;
    this.#clock = clock;
  }

  /** Asks Redis for its time at the first call; asks a second time when the first answer was slow. Throws OrgsyncError. */
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
  const [seconds = 0, micros = 0] = itemsOf(reply).map(Number);
  return seconds * 1_000 + micros / 1_000;
}
