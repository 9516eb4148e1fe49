import type { OrgsyncError } from '../errors.ts';
import type { Scope } from './ports/slots.ts';
import { AHEAD_MS, LATE_MS, mostAtOnce, stretch, WAY_MS, widthMs } from './schedule.ts';

/** A scope that was used this lately is likely to be used again at once. */
const IN_USE_MS = 1_000;
/** What asking may take longer than the last time. */
const SPARE_MS = 20;

/** Leave to send one request now. */
export interface Pass {
  /** When it was given, on the monotonic clock. */
  readonly at: number;
  /** To be called when the request has been handed to the operating system, or when that can no longer be known. Later calls do nothing. */
  sent(): void;
  /** To be called instead when the request is not sent. */
  drop(): void;
}

/** The requests of one scope that were really sent within the last second, and those that are about to be. */
export class SentWindow {
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

/** One request that waits for its slot. */
export interface Waiter {
  readonly give: (pass: Pass) => void;
  readonly fail: (error: OrgsyncError) => void;
}

/** Those who wait for one corp, and its slots. */
export class SlotQueue {
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
