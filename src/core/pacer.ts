import { asOrgsyncError, Interrupted, OrgsyncError } from '../errors.ts';
import type { Ask, Reserved, Scope, Slots } from './ports/slots.ts';
import type { Clock, Log } from './ports/system.ts';
import { type Entry, SentWindow } from './sent-window.ts';
import { SlotQueue } from './slot-queue.ts';
import type { Pass, Waiter } from './slot-queue.ts';

/** Says when the next request of one corp may be sent. */
export interface Pacer {
  /** Resolves, in the order of the calls, when one request may be sent. The request must be sent before anything else is awaited. Rejects with `signal.reason` on abort. */
  pass(signal: AbortSignal): Promise<Pass>;
  /** Says that a pass will be asked for as soon as something else is known, so that its slot is reserved meanwhile. */
  expect(): void;
}

/** The pacers of all corps of this process. */
export interface Pacing {
  /** Returns the pacer of one corp; the same pacer for the same name. `pass` rejects with an OrgsyncError when no slots can be reserved. */
  pacer(scope: Scope): Pacer;
}

export interface PacingOptions {
  readonly slots: Slots;
  /** The rate limit of all corps together; see `address:` in the configuration. */
  readonly address: Scope;
  readonly clock: Clock;
  readonly log: Log;
  /** How long reserving may fail before waiting requests fail: the ttl of the run lease. */
  readonly patienceMs: number;
}

/** How long to wait after reserving has failed. */
const ASK_AGAIN_MS = 250;
/** The longest wait for an answer. Also: two failures that are further apart than this are separate incidents. */
const SILENCE_MS = 5_000;

/**
 * Creates the pacers of this process. A pass is given at a slot that was reserved for its corp; the passes of one corp are
 * given in the order of the calls. In addition to the slots, it counts the requests that were really sent, because a
 * request that waits for its connection leaves late.
 */
export function createPacing(options: PacingOptions): Pacing {
  return new SlotPacing(options);
}

class SlotPacing implements Pacing {
  readonly #options: PacingOptions;
  readonly #clock: Clock;
  readonly #address: SentWindow;
  /** The queue that was served longest ago comes first. */
  readonly #queues = new Map<string, SlotQueue>();
  #alarm: { readonly at: number; readonly off: AbortController } | undefined;
  /** When the reservation was asked for whose answer is pending. */
  #askedAt: number | undefined;
  #askMs = 0;
  #askAgainAt = -Infinity;
  /** Since when reserving has failed, when it was last tried, and why it failed. */
  #lost: { readonly since: number; readonly triedAt: number; readonly error: OrgsyncError } | undefined;

  constructor(options: PacingOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#address = new SentWindow(options.address.perSecond);
  }

  pacer(scope: Scope): Pacer {
    const queue = this.#queues.get(scope.name) ?? new SlotQueue(scope);
    this.#queues.set(scope.name, queue);
    return {
      pass: (signal) => this.#pass(queue, signal),
      expect: () => {
        queue.expects = true;
        this.#serve();
      },
    };
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
        // The signal has aborted, so this rejects with its reason.
        resolve(this.#pass(queue, signal));
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

  /** Gives the passes that are due, reserves slots, and sets the alarm for the next pass. */
  #serve(): void {
    const now = this.#clock.monotonic();
    let next = Infinity;
    for (const queue of [...this.#queues.values()]) next = Math.min(next, this.#giveDue(queue, now));
    void this.#ask(now);
    next = Math.min(next, this.#nextAskAt(now), this.#giveUpAt());
    this.#setAlarm(next, now);
  }

  /** Gives the queue's passes that are due. Returns when the next one is due, or Infinity when that is not known. */
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
    const entry: Entry = { countsFrom: undefined };
    for (const window of windows) window.enter(entry);
    let state: 'given' | 'sent' | 'over' = 'given';
    let sentAt = now;
    return {
      at: now,
      sent: () => {
        if (state !== 'given') return;
        state = 'sent';
        sentAt = this.#clock.monotonic();
        entry.countsFrom = sentAt;
        queue.sent(slot, sentAt);
        this.#serve();
      },
      answered: () => {
        if (state !== 'sent') return;
        state = 'over';
        entry.countsFrom = sentAt + queue.answerTimes.note(this.#clock.monotonic() - sentAt);
      },
      drop: () => {
        if (state !== 'given') return;
        state = 'over';
        for (const window of windows) window.leave(entry);
        queue.slots.unshift(slot);
        this.#serve();
      },
    };
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
      queue.add(slots);
      queue.expects = false;
      queue.askAgainAt = askAgainAt;
    }
    if (this.#lost !== undefined) this.#options.log('info', 'pace_back', 'slots can be had again', { lost_ms: Math.round(this.#clock.monotonic() - this.#lost.since) });
    this.#lost = undefined;
  }

  #failed(queues: readonly SlotQueue[], error: OrgsyncError, askedAt: number): void {
    for (const queue of queues) queue.expects = false;
    if (!isPassing(error)) {
      for (const queue of queues) failAll(queue, error);
      return;
    }
    const triedAt = this.#clock.monotonic();
    const before = this.#lost !== undefined && askedAt - this.#lost.triedAt < SILENCE_MS ? this.#lost : undefined;
    if (before === undefined) this.#options.log('warn', 'pace_lost', 'the shared pace cannot be reached: nothing is sent until it is back', { error });
    this.#lost = { since: before?.since ?? askedAt, triedAt, error };
    this.#askAgainAt = triedAt + ASK_AGAIN_MS;
    if (triedAt >= this.#lost.since + this.#options.patienceMs) this.#giveUp(error);
  }

  /** When waiting requests fail if no answer comes. */
  #giveUpAt(): number {
    if (this.#askedAt === undefined || ![...this.#queues.values()].some(({ waiting }) => waiting.size > 0)) return Infinity;
    const { patienceMs } = this.#options;
    return Math.max((this.#lost?.since ?? this.#askedAt) + patienceMs, this.#askedAt + Math.min(patienceMs, SILENCE_MS));
  }

  #giveUp(error: OrgsyncError): void {
    const reason = error.kind === 'unavailable' ? error : unavailable(error.message, error);
    for (const queue of this.#queues.values()) if (queue.slots.length === 0) failAll(queue, reason);
  }

  /** When to ask for slots next; `Infinity` while an answer is pending, or when no slots are needed. */
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

function failAll({ waiting }: SlotQueue, error: OrgsyncError): void {
  for (const waiter of [...waiting]) waiter.fail(error);
}

/** Whether a retry may help. */
function isPassing(error: OrgsyncError): boolean {
  if (error.code === 'redis_too_far') return false;
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
