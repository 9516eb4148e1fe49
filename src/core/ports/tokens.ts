/** Names a token: one per corp and secret. */
export interface TokenKey {
  readonly corpId: string;
  /** A one-way digest of the secret: safe to use as a key's name. */
  readonly secretDigest: string;
}

/** Keeps access tokens (already sealed by their owner: opaque text) for all processes. */
export interface TokenCache {
  get(key: TokenKey): Promise<string | undefined>;
  put(key: TokenKey, sealed: string, ttlMs: number): Promise<void>;
  /** Drops the token only if it is still `sealed`: somebody may have renewed it. */
  dropIf(key: TokenKey, sealed: string): Promise<void>;
  /** What {@link TokenCache.putRefusal} told less than its `ttlMs` ago. */
  refusal(key: TokenKey | null): Promise<string | undefined>;
  /** Tells everybody for `ttlMs` that WeCom refused this corp and secret a token; with null, that it refuses all for now. */
  putRefusal(key: TokenKey | null, text: string, ttlMs: number): Promise<void>;
  /**
   * Runs `fetch` in one process at a time per key, so that one token is fetched however many need it. The others wait,
   * and whoever comes after the first finds its token by {@link TokenCache.get}. Gives up waiting after 15 s and fetches then.
   */
  single<T>(key: TokenKey, signal: AbortSignal, fetch: () => Promise<T>): Promise<T>;
}
