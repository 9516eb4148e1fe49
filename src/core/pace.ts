import type { Limiter, PaceScope } from './ports/slots.ts';
import type { Clock } from './ports/system.ts';

/**
 * Starts are spaced so that `perSecond` of them take this long: a second, and a tenth to spare. That spare time is what a
 * start may be late behind its slot ({@link LATE_MS}), and what packets may differ on their way.
 */
const SECOND_WITH_MARGIN_MS = 1_100;

/** How late after its slot a request may still start: later ones would come too close to the next slot's. */
export const LATE_MS = 25;

/** Where a scope stands: when its next slot begins, on whatever clock the caller counts by. Undefined before the first start. */
export interface Pace {
  readonly nextAt: number;
}

/** Milliseconds between two slots of a scope. */
export function slotMs(perSecond: number): number {
  return SECOND_WITH_MARGIN_MS / perSecond;
}

/** How long until a start is allowed; 0 when it is allowed now. */
export function waitMs(pace: Pace | undefined, now: number): number {
  return Math.max(0, (pace?.nextAt ?? now) - now);
}

/**
 * The pace after a start at `now`. Slots follow each other at even distances (GCRA without bursts), however late within
 * {@link LATE_MS} each was used, so that late timers do not lower the rate: in any sliding second, at most `perSecond`.
 */
export function started(pace: Pace | undefined, now: number, perSecond: number): Pace {
  const slot = Math.max(pace?.nextAt ?? now, now - LATE_MS);
  return { nextAt: slot + slotMs(perSecond) };
}

interface Waiter {
  readonly scopes: readonly PaceScope[];
  readonly start: () => void;
}

/** Creates a limiter for one process: who asked first for a scope starts first, and scopes do not delay each other. */
export function createLimiter(clock: Clock): Limiter {
  return new LocalLimiter(clock);
}

class LocalLimiter implements Limiter {
  readonly #clock: Clock;
  readonly #paces = new Map<string, Pace>();
  /** In order of asking. */
  readonly #waiting = new Set<Waiter>();
  #alarm: { readonly at: number; readonly off: AbortController } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async take(scopes: readonly PaceScope[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(waiter);
        reject(signal.reason as Error);
        this.#serve();
      };
      const start = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const waiter = { scopes, start };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiter);
      this.#serve();
    });
  }

  /** Starts whoever may start now, and sees to it that the next one is served in time. */
  #serve(): void {
    const wait = this.#startWhoMay();
    const at = wait === undefined ? undefined : this.#clock.monotonic() + wait;
    if (this.#alarm !== undefined && at !== undefined && this.#alarm.at <= at) return;
    this.#alarm?.off.abort();
    this.#alarm = undefined;
    if (wait !== undefined && at !== undefined) this.#setAlarm(at, wait);
  }

  #setAlarm(at: number, wait: number): void {
    const alarm = { at, off: new AbortController() };
    this.#alarm = alarm;
    const ring = (): void => {
      if (this.#alarm !== alarm) return;
      this.#alarm = undefined;
      this.#serve();
    };
    this.#clock.sleep(wait, alarm.off.signal).then(ring, ring);
  }

  /** Returns how long until the next waiter may start, if anybody is left. */
  #startWhoMay(): number | undefined {
    const now = this.#clock.monotonic();
    let soonest: number | undefined;
    for (const waiter of this.#waiting) {
      const wait = Math.max(0, ...waiter.scopes.map(({ name }) => waitMs(this.#paces.get(name), now)));
      if (wait > 0) {
        soonest = Math.min(soonest ?? wait, wait);
        continue;
      }
      for (const { name, perSecond } of waiter.scopes) this.#paces.set(name, started(this.#paces.get(name), now, perSecond));
      this.#waiting.delete(waiter);
      waiter.start();
    }
    return soonest;
  }
}
