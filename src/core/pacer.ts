import { asOrgsyncError, Interrupted, OrgsyncError } from '../errors.ts';
import type { Ask, Reserved, Scope, Slots } from './ports/slots.ts';
import type { Clock, Log } from './ports/system.ts';
import { SentWindow, SlotQueue } from './slot-queue.ts';
import type { Pass, Waiter } from './slot-queue.ts';

/** Says when the next request of one corp may be sent. */
export interface Pacer {
  /** Resolves when a request may be sent at once, in the order of asking: nothing may be awaited before it is. Rejects with `signal.reason` on abort. */
  pass(signal: AbortSignal): Promise<Pass>;
}

/** The pace of all corps of this process. */
export interface Pacing {
  /** The pacer of one corp; the same one for the same name. Its passes reject with an OrgsyncError when slots cannot be had. */
  pacer(scope: Scope): Pacer;
}

/** What a {@link Pacing} works with. */
export interface PacingOptions {
  readonly slots: Slots;
  /** The budget of all corps together, see `address:` in the configuration. */
  readonly address: Scope;
  readonly clock: Clock;
  readonly log: Log;
  /** How long slots may be out of reach before those who wait are sent away: as long as a lock lives. */
  readonly patienceMs: number;
}

/** After slots could not be had, this long goes by before they are asked for again. */
const ASK_AGAIN_MS = 250;
/** An answer that takes longer is none; and trouble that was not seen for longer is over. */
const SILENCE_MS = 5_000;

/**
 * Creates the one owner of the pace: passes are given at slots that were reserved for their corp, each corp's in the
 * order of asking. Beside the slots it counts what was really sent, as a request that waits for its connection leaves late.
 */
export function createPacing(options: PacingOptions): Pacing {
  return new SlotPacing(options);
}

class SlotPacing implements Pacing {
  readonly #options: PacingOptions;
  readonly #clock: Clock;
  readonly #address: SentWindow;
  /** The one served longest ago first. */
  readonly #queues = new Map<string, SlotQueue>();
  #alarm: { readonly at: number; readonly off: AbortController } | undefined;
  /** When the question under way was asked. */
  #askedAt: number | undefined;
  #askMs = 0;
  #askAgainAt = -Infinity;
  /** Since when slots cannot be had, when that was last tried, and why. */
  #lost: { readonly since: number; readonly triedAt: number; readonly error: OrgsyncError } | undefined;

  constructor(options: PacingOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#address = new SentWindow(options.address.perSecond);
  }

  pacer(scope: Scope): Pacer {
    const queue = this.#queues.get(scope.name) ?? new SlotQueue(scope);
    this.#queues.set(scope.name, queue);
    return { pass: (signal) => this.#pass(queue, signal) };
  }

  async #pass(queue: SlotQueue, signal: AbortSignal): Promise<Pass> {
    signal.throwIfAborted();
    return await new Promise<Pass>((resolve, reject) => {
      const end = (): void => {
        queue.waiting.delete(waiter);
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        end();
        reject(signal.reason as Error);
        this.#serve();
      };
      const waiter: Waiter = {
        give: (pass) => {
          end();
          resolve(pass);
        },
        fail: (error) => {
          end();
          reject(error);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      queue.waiting.add(waiter);
      this.#serve();
    });
  }

  /** Gives the passes that are due, asks for slots, and sees to it that the next pass is given in time. */
  #serve(): void {
    const now = this.#clock.monotonic();
    let next = Infinity;
    for (const queue of [...this.#queues.values()]) next = Math.min(next, this.#giveDue(queue, now));
    void this.#ask(now);
    next = Math.min(next, this.#nextAskAt(now), this.#giveUpAt());
    this.#setAlarm(next, now);
  }

  /** Returns when the queue's next pass is due, as far as that is known. */
  #giveDue(queue: SlotQueue, now: number): number {
    for (;;) {
      const slot = queue.nextSlot(now);
      const [waiter] = queue.waiting;
      if (slot === undefined || waiter === undefined) return Infinity;
      const at = Math.max(slot, now + queue.window.waitMs(now), now + this.#address.waitMs(now));
      if (at > now) return at;
      queue.slots.shift();
      queue.usedAt = now;
      this.#queues.delete(queue.scope.name);
      this.#queues.set(queue.scope.name, queue);
      waiter.give(this.#passAt(slot, queue, now));
    }
  }

  #passAt(slot: number, queue: SlotQueue, now: number): Pass {
    const windows = [queue.window, this.#address];
    for (const window of windows) window.enter();
    let isOpen = true;
    const end = (sentAt: number | undefined): void => {
      if (!isOpen) return;
      isOpen = false;
      for (const window of windows) window.leave(sentAt);
      if (sentAt === undefined) queue.slots.unshift(slot);
      else queue.sent(slot, sentAt);
      this.#serve();
    };
    return { at: now, sent: () => end(this.#clock.monotonic()), drop: () => end(undefined) };
  }

  async #ask(now: number): Promise<void> {
    if (this.#askedAt !== undefined || now < this.#askAgainAt) return;
    const queues = [...this.#queues.values()].filter((queue) => queue.wanted(now, this.#askMs) > 0);
    if (queues.length === 0) return;
    const asks = queues.map((queue): Ask => ({ scope: queue.scope, count: queue.wanted(now, this.#askMs) }));
    this.#askedAt = now;
    try {
      const answers = await this.#options.slots.reserve(asks, this.#options.address);
      this.#answered(queues, answers, now);
    } catch (thrown) {
      this.#failed(queues, asOrgsyncError(thrown), now);
    } finally {
      this.#askedAt = undefined;
    }
    this.#serve();
  }

  #answered(queues: readonly SlotQueue[], answers: readonly Reserved[], askedAt: number): void {
    this.#askMs = Math.max(this.#clock.monotonic() - askedAt, this.#askMs * 0.9);
    for (const [index, queue] of queues.entries()) {
      const { slots = [], askAgainAt = askedAt } = answers[index] ?? {};
      queue.slots.push(...slots);
      queue.askAgainAt = askAgainAt;
    }
    if (this.#lost !== undefined) this.#options.log('info', 'pace_back', 'slots can be had again', { lost_ms: Math.round(this.#clock.monotonic() - this.#lost.since) });
    this.#lost = undefined;
  }

  #failed(queues: readonly SlotQueue[], error: OrgsyncError, askedAt: number): void {
    if (!passes(error)) {
      for (const queue of queues) sendAway(queue, error);
      return;
    }
    const triedAt = this.#clock.monotonic();
    const before = this.#lost !== undefined && askedAt - this.#lost.triedAt < SILENCE_MS ? this.#lost : undefined;
    if (before === undefined) this.#options.log('warn', 'pace_lost', 'the shared pace cannot be reached: nothing is sent until it is back', { error });
    this.#lost = { since: before?.since ?? askedAt, triedAt, error };
    this.#askAgainAt = triedAt + ASK_AGAIN_MS;
    if (triedAt >= this.#lost.since + this.#options.patienceMs) this.#giveUp(error);
  }

  /** When an answer has been waited for long enough. */
  #giveUpAt(): number {
    if (this.#askedAt === undefined || ![...this.#queues.values()].some(({ waiting }) => waiting.size > 0)) return Infinity;
    const { patienceMs } = this.#options;
    return Math.max((this.#lost?.since ?? this.#askedAt) + patienceMs, this.#askedAt + Math.min(patienceMs, SILENCE_MS));
  }

  #giveUp(error: OrgsyncError): void {
    const reason = error.kind === 'unavailable' ? error : unavailable(error.message, error);
    for (const queue of this.#queues.values()) if (queue.slots.length === 0) sendAway(queue, reason);
  }

  /** When asking may give something new; `Infinity` while a question is under way, or nothing is wanted. */
  #nextAskAt(now: number): number {
    if (this.#askedAt !== undefined) return Infinity;
    const times = [...this.#queues.values()].filter(({ isBusy, slots }) => isBusy && slots.length === 0).map(({ askAgainAt }) => askAgainAt);
    return Math.max(now, this.#askAgainAt, Math.min(...times));
  }

  #setAlarm(at: number, now: number): void {
    if (this.#alarm?.at === at) return;
    this.#alarm?.off.abort();
    this.#alarm = undefined;
    if (at === Infinity) return;
    const alarm = { at, off: new AbortController() };
    this.#alarm = alarm;
    const ring = (): void => {
      if (this.#alarm !== alarm) return;
      this.#alarm = undefined;
      if (this.#clock.monotonic() >= this.#giveUpAt()) this.#giveUp(this.#lost?.error ?? unavailable('no answer came'));
      this.#serve();
    };
    this.#clock.sleep(Math.ceil(at - now), alarm.off.signal).then(ring, () => undefined);
  }
}

function sendAway({ waiting }: SlotQueue, error: OrgsyncError): void {
  for (const waiter of [...waiting]) waiter.fail(error);
}

/** Whether asking again may help. */
function passes(error: OrgsyncError): boolean {
  return error.kind === 'unavailable' || (error.kind === 'temporary' && !(error instanceof Interrupted));
}

function unavailable(why: string, cause?: OrgsyncError): OrgsyncError {
  return new OrgsyncError('unavailable', {
    code: 'pace_unavailable',
    message: `no slot for a request could be reserved: ${why}`,
    hint: cause?.hint ?? 'check that Redis, or the store where there is no Redis, can be reached; the next run tries again',
    cause,
  });
}
