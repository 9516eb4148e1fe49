/** Identifies a token: one for each corp and secret. */
export interface TokenKey {
  readonly corpId: string;
  /** A one-way digest of the secret: safe in the name of a key. */
  readonly secretDigest: string;
}

/**
 * The answer to {@link TokenCache.turn}: a token, or the turn to fetch one. Then `refused` and `barred` are what
 * {@link TokenCache.putRefusal} told about this token and about all token requests; `end` must be called after the fetch,
 * and never rejects.
 */
export type Turn =
  | { readonly is: 'found'; readonly sealed: string }
  | { readonly is: 'turn'; readonly refused: string | undefined; readonly barred: string | undefined; end(): Promise<void> };

/** Keeps access tokens (already sealed by their owner: opaque text) for all processes. */
export interface TokenCache {
  /**
   * Finds the token, or gets the turn to fetch it, which one process at a time has for each key. The others wait until there
   * is a token, or the turn is theirs; a process that has waited for 15 s gets the turn as well. All in one question, because
   * the cache may be far away.
   * @param options.dead a token that is not to be found again
   */
  turn(key: TokenKey, options: { readonly signal: AbortSignal; readonly dead?: string | undefined }): Promise<Turn>;
  put(key: TokenKey, sealed: string, ttlMs: number): Promise<void>;
  /** Deletes the token only if it is still `sealed`: another process may have renewed it. */
  dropIf(key: TokenKey, sealed: string): Promise<void>;
  /** Tells all processes for `ttlMs` that WeCom refused a token for this corp and secret; with null, that it refuses all token requests. */
  putRefusal(key: TokenKey | null, text: string, ttlMs: number): Promise<void>;
}
