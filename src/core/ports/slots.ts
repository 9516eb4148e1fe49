/** A rate limit that processes share, such as `corp:ww1234567890abcdef` or `address:default`. */
export interface Scope {
  readonly name: string;
  /** The most requests in any sliding second. */
  readonly perSecond: number;
}

/** Asks for the next slots of one corp. */
export interface Ask {
  readonly scope: Scope;
  readonly count: number;
}

/** The answer to an {@link Ask}. Times are moments on this process's monotonic clock. */
export interface Reserved {
  /** When requests may be sent, in order. Fewer than asked for, or none, when the next slots are too far ahead. */
  readonly slots: readonly number[];
  /** Asking again before this time gives no new slots. */
  readonly askAgainAt: number;
}

/** Keeps the schedule of slots for all processes that share it. It does not know which requests wait, or when they were really sent. */
export interface Slots {
  /**
   * Reserves the next free slots of each corp, within the rate limit of the address as well. Returns one answer for each
   * of `asks`, in their order. A reserved slot is used or lost; it cannot be returned.
   *
   * A corp's slots are evenly spaced. The slots of an address may be booked in any order of time, so that no corp waits for
   * a later slot of another corp.
   *
   * Throws OrgsyncError `unavailable` when the schedule cannot be reached. Then nothing may be sent.
   */
  reserve(asks: readonly Ask[], address: Scope): Promise<readonly Reserved[]>;
}
