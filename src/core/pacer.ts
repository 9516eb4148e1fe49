import { asOrgsyncError, Interrupted, OrgsyncError } from '../errors.ts';
import type { Ask, Reserved, Scope, Slots } from './ports/slots.ts';
import type { Clock, Log } from './ports/system.ts';
import { AHEAD_MS, LATE_MS, mostAtOnce, stretch, WAY_MS, widthMs } from './schedule.ts';

/** Leave to send one request now. */
export interface Pass {
  /** When it was given, on the monotonic clock. */
  readonly at: number;
  /** To be called when the request has been handed to the operating system, or when that can no longer be known. Later calls do nothing. */
  sent(): void;
  /** To be called instead when the request is not sent. */
  drop(): void;
}

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
/** A scope that was used this lately is likely to be used again at once. */
const IN_USE_MS = 1_000;
/** An answer that takes longer is none; and trouble that was not seen for longer is over. */
const SILENCE_MS = 5_000;
/** What asking may take longer than the last time. */
const SPARE_MS = 20;

/**
 * Creates the one owner of the pace: passes are given at slots that were reserved for their corp, each corp's in the
 * order of asking. Beside the slots it counts what was really sent, as a request that waits for its connection leaves late.
 */
export function createPacing(options: PacingOptions): Pacing {
  return new SlotPacing(options);
}

/** The requests of one scope that were really sent within the last second, and those that are about to be. */
class SentWindow {
  readonly #most: number;
  readonly #countedMs: number;
  /** In order of time. */
  readonly #sentAt: number[] = [];
  #unsent = 0;

  constructor(perSecond: number) {
    this.#most = mostAtOnce(perSecond);
    this.#countedMs = (1_000 + WAY_MS) * stretch(perSecond);
  }

  /** How long until one more may leave: `Infinity` until one of those given leave has been sent. */
  waitMs(now: number): number {
    while (this.#sentAt[0] !== undefined && this.#sentAt[0] + this.#countedMs <= now) this.#sentAt.shift();
    if (this.#unsent + this.#sentAt.length < this.#most) return 0;
    return (this.#sentAt[0] ?? Infinity) + this.#countedMs - now;
  }

  enter(): void {
    this.#unsent += 1;
  }

  /** @param sentAt undefined when it was not sent */
  leave(sentAt: number | undefined): void {
    this.#unsent -= 1;
    if (sentAt !== undefined) this.#sentAt.push(sentAt);
  }
}

interface Waiter {
  readonly give: (pass: Pass) => void;
  readonly fail: (error: OrgsyncError) => void;
}

/** Those who wait for one corp, and its slots. */
class Queue {
  readonly scope: Scope;
  readonly window: SentWindow;
  /** In the order of asking. */
  readonly waiting = new Set<Waiter>();
  /** Reserved and not used, the next one first. */
  slots: number[] = [];
  askAgainAt = -Infinity;
  usedAt = -Infinity;
  /** Until when a slot has to be left unused for each request that was sent late. */
  #debts: number[] = [];
  readonly #widthMs: number;

  constructor(scope: Scope) {
    this.scope = scope;
    this.window = new SentWindow(scope.perSecond);
    this.#widthMs = widthMs(scope.perSecond);
  }

  /** Whether there is something to do. */
  get isBusy(): boolean {
    return this.waiting.size > 0 || this.#debts.length > 0;
  }

  /** The next slot that can still be used. One that was missed is lost: used later, it would be too close to the next one. */
  nextSlot(now: number): number | undefined {
    this.#debts = this.#debts.filter((until) => until > now);
    for (let slot = this.slots[0]; slot !== undefined; slot = this.slots[0]) {
      if (slot + LATE_MS >= now && this.#debts.length === 0) return slot;
      this.slots.shift();
      this.#debts.shift();
    }
    return undefined;
  }

  /**
   * Notes that a request was really sent. Sent long after its slot, it comes beside those that other processes send at
   * theirs: a slot of ours is left unused instead, within the span in which the two could meet.
   */
  sent(slot: number, sentAt: number): void {
    if (sentAt > slot + LATE_MS + WAY_MS / 2) this.#debts.push(slot + this.#widthMs * mostAtOnce(this.scope.perSecond));
  }

  /**
   * How many slots to ask for now: one for each waiter, as far ahead as slots are given. Where asking takes long, also
   * those that go by until the answer to the next question, as a sender may send one request after the other.
   * @param askMs how long asking takes
   */
  wanted(now: number, askMs: number): number {
    if (!this.isBusy || now < this.askAgainAt) return 0;
    const inUse = now - this.usedAt < IN_USE_MS && this.waiting.size > 0;
    const most = Math.ceil(AHEAD_MS / this.#widthMs);
    const count = Math.min(this.waiting.size + this.#debts.length, most) + (inUse ? Math.floor((2 * askMs) / this.#widthMs) : 0) - this.slots.length;
    const enoughUntil = now + 1.5 * askMs + SPARE_MS + Math.min(this.#widthMs, AHEAD_MS / 5);
    return (this.slots.at(-1) ?? -Infinity) > enoughUntil ? 0 : count;
  }
}

class SlotPacing implements Pacing {
  readonly #options: PacingOptions;
  readonly #clock: Clock;
  readonly #address: SentWindow;
  /** The one served longest ago first. */
  readonly #queues = new Map<string, Queue>();
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
    const queue = this.#queues.get(scope.name) ?? new Queue(scope);
    this.#queues.set(scope.name, queue);
    return { pass: (signal) => this.#pass(queue, signal) };
  }

  async #pass(queue: Queue, signal: AbortSignal): Promise<Pass> {
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
  #giveDue(queue: Queue, now: number): number {
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

  #passAt(slot: number, queue: Queue, now: number): Pass {
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

  #answered(queues: readonly Queue[], answers: readonly Reserved[], askedAt: number): void {
    this.#askMs = Math.max(this.#clock.monotonic() - askedAt, this.#askMs * 0.9);
    for (const [index, queue] of queues.entries()) {
      const { slots = [], askAgainAt = askedAt } = answers[index] ?? {};
      queue.slots.push(...slots);
      queue.askAgainAt = askAgainAt;
    }
    if (this.#lost !== undefined) this.#options.log('info', 'pace_back', 'slots can be had again', { lost_ms: Math.round(this.#clock.monotonic() - this.#lost.since) });
    this.#lost = undefined;
  }

  #failed(queues: readonly Queue[], error: OrgsyncError, askedAt: number): void {
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

function sendAway({ waiting }: Queue, error: OrgsyncError): void {
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
