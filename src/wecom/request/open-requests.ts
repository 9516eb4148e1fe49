import PQueue from 'p-queue';
import type { Limiter, PaceScope } from '../../core/ports/slots.ts';
import type { Clock } from '../../core/ports/system.ts';
import type { Ban } from './ban.ts';
import { Gate } from './pacer.ts';
import type { Departure } from './pacer.ts';

/** After how many answers in a row one more request may be open again. */
const ANSWERS_TO_RISE = 30;

interface LaneOptions {
  readonly corpId: string;
  readonly rate: number;
  readonly concurrency: number;
  readonly limiter: Limiter;
  /** Shared by all corps of this process. */
  readonly total: Gate;
  readonly clock: Clock;
}

/**
 * The way of one corp's requests to WeCom: each takes a slot (how many may be open), then its turn at the gate
 * (how often one may leave), and every attempt does so anew.
 */
export class Lane {
  readonly #slots: PQueue;
  readonly #turns = new PQueue({ concurrency: 1 });
  readonly #gate: Gate;
  readonly #total: Gate;
  readonly #limiter: Limiter;
  readonly #scopes: readonly PaceScope[];
  readonly #clock: Clock;
  readonly #concurrency: number;
  #loweredAt = -Infinity;
  #answersInARow = 0;

  constructor({ corpId, rate, concurrency, limiter, total, clock }: LaneOptions) {
    this.#concurrency = concurrency;
    this.#slots = new PQueue({ concurrency });
    this.#gate = new Gate({ perSecond: rate, even: true, clock });
    this.#total = total;
    this.#limiter = limiter;
    this.#scopes = [{ name: `corp:${corpId}`, perSecond: rate }];
    this.#clock = clock;
  }

  /** How many may be open now. */
  get openAtMost(): number {
    return this.#slots.concurrency;
  }

  /** Resolves, with what frees it again, when one more request may be open. */
  async slot(signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const held = this.#slots.add(() => new Promise<void>((free) => resolve(free)), { signal });
      held.catch(reject);
    });
  }

  /** Resolves when the next request may leave at once, in the order of asking; throws what closed one of `bans`. */
  async pass(bans: readonly Ban[], signal: AbortSignal): Promise<Departure> {
    return this.#turns.add(() => this.#leave(bans, signal), { signal });
  }

  async #leave(bans: readonly Ban[], signal: AbortSignal): Promise<Departure> {
    for (let allowed = false; ; ) {
      signal.throwIfAborted();
      const waitMs = Math.max(this.#gate.waitMs(), this.#total.waitMs(), ...bans.map((ban) => ban.waitMs()));
      if (waitMs > 0) {
        await this.#clock.sleep(Math.ceil(waitMs), signal);
      } else if (allowed) {
        return this.#depart();
      } else {
        // The last to be asked, for its leave must not lie about while others pass.
        await this.#limiter.take(this.#scopes, signal);
        allowed = true;
      }
    }
  }

  #depart(): Departure {
    const own = this.#gate.leave();
    const shared = this.#total.leave();
    return {
      at: own.at,
      sent: () => {
        own.sent();
        shared.sent();
      },
    };
  }

  /** WeCom found too many requests open (45033): halves how many may be, once for all that were open then. */
  lower(departedAt: number): boolean {
    if (departedAt <= this.#loweredAt) return false;
    this.#loweredAt = this.#clock.monotonic();
    this.#answersInARow = 0;
    this.#slots.concurrency = Math.max(1, Math.floor(this.#slots.concurrency / 2));
    return true;
  }

  /** An answer came: after enough of them, one more request may be open, up to the configured number. */
  answered(): void {
    this.#answersInARow += 1;
    if (this.#answersInARow < ANSWERS_TO_RISE || this.#slots.concurrency >= this.#concurrency) return;
    this.#answersInARow = 0;
    this.#slots.concurrency += 1;
  }
}
