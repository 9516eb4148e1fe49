import type { OrgsyncError } from '../errors.ts';
import type { Scope } from './ports/slots.ts';
import { AHEAD_MS, LATE_MS, mostAtOnce, WAY_MS, widthMs } from './schedule.ts';
import { AnswerTimes, SentWindow } from './sent-window.ts';

/** A scope that was used within this time will probably be used again soon. */
const IN_USE_MS = 1_000;
/** How much longer the next reservation may take than the last one. */
const SPARE_MS = 20;

/** How many slots to reserve when a request is expected: what is known by then may come a little later than the first slot, and a token is followed by a request. */
const EXPECTED = 2;

/** Slots closer together than so many widths follow each other. */
const NEIGHBOUR = 1.25;
/** For so long no other process must have reserved a slot. */
const ALONE_MS = 1_500;
/** The part of the time until the next slot in which a slot can be used when no other process uses the scope. */
const LASTS = 0.9;

/** The permission to send one request now. */
export interface Pass {
  /** When it was given, on the monotonic clock. */
  readonly at: number;
  /** Call this when the request has been handed to the operating system, or when that can no longer be known. Later calls do nothing. */
  sent(): void;
  /** Call this after that when an answer has come. An answer that took long may be that of a request that arrived late. */
  answered(): void;
  /** Call this instead when the request is not sent. */
  drop(): void;
}

/** One request that waits for its slot. */
export interface Waiter {
  readonly give: (pass: Pass) => void;
  readonly fail: (error: OrgsyncError) => void;
}

/** The requests that wait for one corp's slots, and the slots. */
export class SlotQueue {
  readonly scope: Scope;
  readonly window: SentWindow;
  readonly answerTimes = new AnswerTimes();
  /** In the order of the calls. */
  readonly waiting = new Set<Waiter>();
  /** Reserved and not used yet, the next one first. */
  slots: number[] = [];
  askAgainAt = -Infinity;
  usedAt = -Infinity;
  /** Whether a request will ask for a pass soon. */
  expects = false;
  /** For each request that was sent late, one slot must stay unused; each entry says until when. */
  #debts: number[] = [];
  /** The slot after which each follows the one before: from there on no other process has reserved any. */
  #aloneSince = Infinity;
  #lastReserved = -Infinity;
  readonly #widthMs: number;

  constructor(scope: Scope) {
    this.scope = scope;
    this.window = new SentWindow(scope.perSecond);
    this.#widthMs = widthMs(scope.perSecond);
  }

  /** Whether slots are needed. */
  get isBusy(): boolean {
    return this.waiting.size > 0 || this.expects || (this.#debts.length > 0 && !this.#isAlone);
  }

  /** Whether no other process has used the scope for some time. */
  get #isAlone(): boolean {
    return this.#lastReserved - this.#aloneSince > ALONE_MS;
  }

  /** Adds slots that were reserved. */
  add(slots: readonly number[]): void {
    for (const slot of slots) {
      if (slot - this.#lastReserved > NEIGHBOUR * this.#widthMs) this.#aloneSince = slot;
      this.#lastReserved = slot;
      this.slots.push(slot);
    }
  }

  /**
   * Returns the next slot that can be used. A slot that was missed is dropped: used late, it would be too close to the next
   * one of another process. Where there is no other, what was sent is known, and a slot lasts until the next one.
   */
  nextSlot(now: number): number | undefined {
    this.#debts = this.#debts.filter((until) => until > now);
    const lateMs = this.#isAlone ? Math.max(LATE_MS, this.#widthMs * LASTS) : LATE_MS;
    for (let slot = this.slots[0]; slot !== undefined; slot = this.slots[0]) {
      if (slot + lateMs >= now && (this.#isAlone || this.#debts.length === 0)) return slot;
      this.slots.shift();
      this.#debts.shift();
    }
    return undefined;
  }

  /**
   * Notes when a request was really sent. A request that was sent long after its slot adds to those that other processes
   * send at that time. In return, one of our slots stays unused, if there is one within the same sliding second.
   */
  sent(slot: number, sentAt: number): void {
    if (sentAt > slot + LATE_MS + WAY_MS / 2) this.#debts.push(slot + this.#widthMs * mostAtOnce(this.scope.perSecond));
  }

  /**
   * How many slots to reserve now: one for each waiting request, as far ahead as slots are reserved. When reserving takes
   * long, also the slots that pass before the next answer, because a caller may send one request after the other.
   * @param askMs how long reserving takes
   */
  wanted(now: number, askMs: number): number {
    if (!this.isBusy || now < this.askAgainAt) return 0;
    const inUse = now - this.usedAt < IN_USE_MS && this.waiting.size > 0;
    const most = Math.ceil(AHEAD_MS / this.#widthMs);
    const waiting = Math.max(this.waiting.size, this.expects ? EXPECTED : 0);
    const count = Math.min(waiting + this.#debts.length, most) + (inUse ? Math.floor((2 * askMs) / this.#widthMs) : 0) - this.slots.length;
    const enoughUntil = now + 1.5 * askMs + SPARE_MS + Math.min(this.#widthMs, AHEAD_MS / 5);
    return (this.slots.at(-1) ?? -Infinity) > enoughUntil ? 0 : count;
  }
}
