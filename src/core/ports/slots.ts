/** A budget of requests: evenly spaced, `perSecond` at most in any sliding second. */
export interface PaceScope {
  /** Such as `corp:ww1234567890abcdef`. */
  readonly name: string;
  readonly perSecond: number;
}

/** Says when the next request may start. */
export interface Limiter {
  /** Resolves when a request may start in every one of `scopes`; rejects with `signal.reason` on abort. Over all users of a scope, never more than its rate in any sliding second. */
  take(scopes: readonly PaceScope[], signal: AbortSignal): Promise<void>;
}
