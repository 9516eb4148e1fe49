/** Who holds a lease. */
export interface Holder {
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly since: Date;
  /** When it ends by itself unless renewed; null when that cannot be known. */
  readonly expiresAt: Date | null;
  /** Tells this lease from the next one of the same name, also of the same process; for {@link Leases.forceRelease} only, and never shown. */
  readonly token: string;
}

/** The right to be the only one at something, for as long as it is renewed; a hint, never a proof: the fence is the proof. */
export interface Lease {
  readonly name: string;
  /**
   * Aborts, with an OrgsyncError `temporary` / `lease_lost`, before the lease can have ended: when it was found taken,
   * or when the local deadline passed, measured on a monotonic clock from before the last successful renewal was sent.
   */
  readonly signal: AbortSignal;
  /** Throws what `signal` aborted, or would abort, with. Looks at the deadline itself: correct in the first turn after a long pause. */
  ensureHeld(): void;
  /** Stops renewing and frees the lease if it is still ours. Idempotent; never throws. */
  release(): Promise<void>;
}

/** What came of asking for a lease. */
export type Acquired =
  | { readonly is: 'acquired'; readonly lease: Lease }
  | { readonly is: 'held'; readonly by: Holder | null };

/** Hands out leases by name (`run`, `run:1/4`, `corp:ww…`). Throws `unavailable` or `refused` when nobody can be asked. */
export interface Leases {
  /**
   * Asks once. A repeat whose reply was lost recognises its own token.
   * @param options.fair contenders of one moment wait for the window, and the host served longest ago wins
   */
  acquire(name: string, options: { readonly signal: AbortSignal; readonly fair?: boolean }): Promise<Acquired>;
  /** Everyone who holds something now, by name. */
  holders(): Promise<readonly Holder[]>;
  /**
   * Frees the very lease that `holder` was seen with; its owner is fenced off by the next taker. False, and nothing is
   * freed, when that lease has ended meanwhile, also where its name is held again.
   */
  forceRelease(holder: Pick<Holder, 'name' | 'token'>): Promise<boolean>;
  close(): Promise<void>;
}
