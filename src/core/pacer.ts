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
