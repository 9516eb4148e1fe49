/** Who holds a lease. */
export interface Holder {
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly since: Date;
  /** When it ends without a renewal; null when unknown. */
  readonly expiresAt: Date | null;
  /** Identifies this lease; the next one of the same name has another. Only for {@link Leases.forceRelease}; never shown. */
  readonly token: string;
}

/** The right to be the only process that does something, as long as it is renewed. It is a hint, not a proof: the fence is the proof. */
export interface Lease {
  readonly name: string;
  /**
   * Aborts, with an OrgsyncError `temporary` / `lease_lost`, before the lease can have ended: when it was found taken,
   * or when the local deadline passed, measured on a monotonic clock from before the last successful renewal was sent.
   */
  readonly signal: AbortSignal;
  /** Throws the reason of `signal` if the lease is lost. Checks the deadline itself, so it is correct directly after a long pause of the process. */
  ensureHeld(): void;
  /** Stops renewing, and frees the lease if this process still has it. Idempotent; never throws. */
  release(): Promise<void>;
}

/** The result of asking for a lease. */
export type Acquired =
  | { readonly is: 'acquired'; readonly lease: Lease }
  | { readonly is: 'held'; readonly by: Holder | null };

/** Grants leases by name (`run`, `run:1/4`, `corp:ww…`). Throws `unavailable` or `refused` when their keeper cannot be asked. */
export interface Leases {
  /**
   * Asks once. A retry after a lost reply recognises its own token.
   * @param options.fair contenders wait until the window closes, and the host that was served longest ago gets the lease
   */
  acquire(name: string, options: { readonly signal: AbortSignal; readonly fair?: boolean }): Promise<Acquired>;
  /** All current holders, by name of the lease. */
  holders(): Promise<readonly Holder[]>;
  /**
   * Frees exactly the lease of `holder`; the fence of the next holder stops the old one. False, and nothing is freed, when
   * that lease has already ended, even if another process now has a lease of this name.
   */
  forceRelease(holder: Pick<Holder, 'name' | 'token'>): Promise<boolean>;
  close(): Promise<void>;
}
