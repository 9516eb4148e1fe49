import PQueue from 'p-queue';
import type { Pacer, Pass } from '../../core/pacer.ts';
import type { Limiter, PaceScope } from '../../core/ports/slots.ts';
import type { Clock } from '../../core/ports/system.ts';

/** A second's worth of requests is spaced over this long: a tenth is room for jitter on the way to the server. */
const SPREAD_MS = 1100;
/** How long a sent request counts: a second, and half the margin for the way. */
const COUNTED_MS = 1050;
/** How often to look again when only requests still waiting for a connection are in the way. */
const LOOK_AGAIN_MS = 20;

interface Entry {
  sentAt: number | undefined;
}

/**
 * Says when the next request may leave, so that no sliding second holds more than `perSecond` of them at the server.
 *
 * Spacing alone is not enough: a request that waits for its connection arrives late, beside its successors. So a
 * request counts from leaving the gate until a second after it was really sent, and no more than `perSecond` count
 * at any moment: whichever of the requests of one second left last, all others of that second counted then.
 *
 * p-queue's own interval is not used: it spaces the starts of tasks, not their repeats and not what a stalled event
 * loop lets out at once, and it reads the wall clock, which jumps.
 */
export class Gate {
  readonly #most: number;
  readonly #spacingMs: number;
  readonly #clock: Clock;
  #entries: Entry[] = [];
  #lastAt = -Infinity;

  /** @param options.even whether requests are spaced evenly; without, a second's worth may leave at once. */
  constructor({ perSecond, even, clock }: { perSecond: number; even: boolean; clock: Clock }) {
    this.#most = Math.max(1, Math.floor(perSecond));
    // Below one a second, the spacing alone keeps the promise.
    this.#spacingMs = even || perSecond < 1 ? SPREAD_MS / perSecond : 0;
    this.#clock = clock;
  }

  /** How long the next request has to wait at least; 0 when it may leave now. */
  waitMs(): number {
    const now = this.#clock.monotonic();
    const spacing = this.#lastAt + this.#spacingMs - now;
    if (spacing > 0) return spacing;
    this.#entries = this.#entries.filter(({ sentAt }) => sentAt === undefined || sentAt + COUNTED_MS > now);
    if (this.#entries.length < this.#most) return 0;
    const earliest = Math.min(...this.#entries.map(({ sentAt }) => sentAt ?? Infinity));
    return Math.min(earliest + COUNTED_MS - now, earliest === Infinity ? LOOK_AGAIN_MS : Infinity);
  }

  /** Lets one request out; only after {@link waitMs} said 0 in the same turn of the event loop. */
  leave(): Pass {
    const entry: Entry = { sentAt: undefined };
    this.#entries.push(entry);
    this.#lastAt = this.#clock.monotonic();
    const sent = (): void => {
      entry.sentAt ??= this.#clock.monotonic();
    };
    return { at: this.#lastAt, sent, drop: sent };
  }
}

interface CorpPacerOptions {
  readonly corpId: string;
  readonly rate: number;
  readonly limiter: Limiter;
  /** Shared by all corps of this process. */
  readonly total: Gate;
  readonly clock: Clock;
}

/** The pace of one corp: its own gate, that of all corps of this process, and what is shared with other processes. */
export class CorpPacer implements Pacer {
  readonly #turns = new PQueue({ concurrency: 1 });
  readonly #gate: Gate;
  readonly #total: Gate;
  readonly #limiter: Limiter;
  readonly #scopes: readonly PaceScope[];
  readonly #clock: Clock;

  constructor({ corpId, rate, limiter, total, clock }: CorpPacerOptions) {
    this.#gate = new Gate({ perSecond: rate, even: true, clock });
    this.#total = total;
    this.#limiter = limiter;
    this.#scopes = [{ name: `corp:${corpId}`, perSecond: rate }];
    this.#clock = clock;
  }

  async pass(signal: AbortSignal): Promise<Pass> {
    return this.#turns.add(() => this.#leave(signal), { signal });
  }

  async #leave(signal: AbortSignal): Promise<Pass> {
    for (let allowed = false; ; ) {
      signal.throwIfAborted();
      const waitMs = Math.max(this.#gate.waitMs(), this.#total.waitMs());
      if (waitMs > 0) {
        await this.#clock.sleep(Math.ceil(waitMs), signal);
      } else if (allowed) {
        return this.#depart();
      } else {
        // Asked last: an unused grant would delay other processes.
        await this.#limiter.take(this.#scopes, signal);
        allowed = true;
      }
    }
  }

  #depart(): Pass {
    const own = this.#gate.leave();
    const shared = this.#total.leave();
    const sent = (): void => {
      own.sent();
      shared.sent();
    };
    return { at: own.at, sent, drop: sent };
  }
}
