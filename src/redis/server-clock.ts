import type { Clock } from '../core/ports/system.ts';
import type { RedisLink, Reply } from './connect.ts';

/** Bounds this far apart at most are good enough; it is what the pace has to spare. */
const SURE_MS = 100;

/**
 * How far Redis's clock is ahead of ours. Each answer gives bounds, and the narrowest hold: an answer that was held up on
 * its way back, by whatever it was, shifts nothing. So NTP does it (RFC 5905, section 10: the sample of least delay).
 */
export class ServerClock {
  readonly #link: RedisLink;
  readonly #clock: Clock;
  #aheadAtLeast = -Infinity;
  #aheadAtMost = Infinity;
  #asked: Promise<void> | undefined;

  constructor(link: RedisLink, clock: Clock) {
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

  /** Notes that Redis's clock was at `theirs` some time between two moments of ours. */
  note(theirs: number, { askedAt, answeredAt }: { readonly askedAt: number; readonly answeredAt: number }): void {
    const [least, most] = [theirs - answeredAt, theirs - askedAt];
    const wasSet = least > this.#aheadAtMost || most < this.#aheadAtLeast;
    this.#aheadAtLeast = wasSet ? least : Math.max(least, this.#aheadAtLeast);
    this.#aheadAtMost = wasSet ? most : Math.min(most, this.#aheadAtMost);
  }

  /** A moment of Redis's, in ms since 1970, on our monotonic clock. */
  onOurs(theirs: number): number {
    return theirs - (this.#aheadAtLeast + this.#aheadAtMost) / 2;
  }

  async #askTwice(): Promise<void> {
    await this.#ask();
    if (this.#aheadAtMost - this.#aheadAtLeast > SURE_MS) await this.#ask();
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
