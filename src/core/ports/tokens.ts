/** Identifies a token: one for each corp and secret. */
export interface TokenKey {
  readonly corpId: string;
  /** A one-way digest of the secret: safe in the name of a key. */
  readonly secretDigest: string;
}

/** Keeps access tokens (already sealed by their owner: opaque text) for all processes. */
export interface TokenCache {
  get(key: TokenKey): Promise<string | undefined>;
  put(key: TokenKey, sealed: string, ttlMs: number): Promise<void>;
  /** Deletes the token only if it is still `sealed`: another process may have renewed it. */
  dropIf(key: TokenKey, sealed: string): Promise<void>;
  /** The refusal that {@link TokenCache.putRefusal} stored, until its `ttlMs` is over. */
  refusal(key: TokenKey | null): Promise<string | undefined>;
  /** Tells all processes for `ttlMs` that WeCom refused a token for this corp and secret; with null, that it refuses all token requests. */
  putRefusal(key: TokenKey | null, text: string, ttlMs: number): Promise<void>;
  /**
   * Runs `fetch` in one process at a time for each key, so that a token is fetched only once. The other processes wait, and
   * then find the token by {@link TokenCache.get}. A process that has waited for 15 s fetches as well.
   */
  single<T>(key: TokenKey, signal: AbortSignal, fetch: () => Promise<T>): Promise<T>;
}
