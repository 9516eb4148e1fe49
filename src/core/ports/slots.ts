/** A budget of requests that processes share, such as `corp:ww1234567890abcdef` or `address:default`. */
export interface Scope {
  readonly name: string;
  /** At most so many in any sliding second. */
  readonly perSecond: number;
}

/** How many of a corp's next slots are wanted. */
export interface Ask {
  readonly scope: Scope;
  readonly count: number;
}

/** What came of an {@link Ask}. Times are moments on this process's monotonic clock. */
export interface Reserved {
  /** When requests may be sent, in order; fewer than asked for, or none, where the next ones lie too far ahead. */
  readonly slots: readonly number[];
  /** Asking again before then gives nothing new. */
  readonly askAgainAt: number;
}

/** Keeps the schedule of slots for all processes that share it, and knows nothing of who waits or when a request was really sent. */
export interface Slots {
  /**
   * Reserves the next free slots of each corp, each of them within the address's budget as well. One answer for each
   * of `asks`, in their order. A reserved slot is used or lost; it cannot be given back.
   *
   * A corp's slots follow each other evenly. The address's budget is booked in any order of time, so that no corp waits
   * for another one's later slot.
   *
   * Throws OrgsyncError `unavailable` when the schedule cannot be reached: then nothing may be sent.
   */
  reserve(asks: readonly Ask[], address: Scope): Promise<readonly Reserved[]>;
}
