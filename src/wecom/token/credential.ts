import type { Clock, Log } from '../../core/ports/system.ts';
import type { TokenCache, TokenKey } from '../../core/ports/tokens.ts';
import type { Secret } from '../../core/secret.ts';
import type { WecomError } from '../../errors.ts';
import { untilAborted } from '../../core/abort.ts';
import type { Ban } from '../request/ban.ts';
import type { Token, TokenSource } from '../request/question.ts';
import { barred, isFinal, REFUSED_FOR_MS, refusalOf, refusalText } from './refusals.ts';
import { digestOf, Seal } from './seal.ts';

/** A token is no longer used when it has less than this left, because a request may wait a long time before it is sent. */
const MARGIN_MS = 5 * 60_000;

/** A token as WeCom returned it. */
export interface FreshToken {
  readonly text: string;
  readonly expiresInSeconds: number;
}

/** A token in use. */
interface SharedToken extends Token {
  /** As it is stored in the cache. */
  readonly sealed: string;
  /** On the wall clock, because other processes read it too. If a clock is wrong, WeCom answers 42001. */
  readonly expiresAt: number;
}

interface CredentialOptions {
  readonly corpId: string;
  readonly secret: Secret;
  readonly cache: TokenCache;
  /** The ban of token requests. */
  readonly tokenBan: Ban;
  readonly clock: Clock;
  readonly log: Log;
  /** Asks WeCom for a token; throws its refusals as {@link WecomError}. */
  readonly fetch: (signal: AbortSignal) => Promise<FreshToken>;
}

/**
 * One secret of one corp, and its token. All processes share the token through the cache, where it is stored sealed. When
 * several need a new token, only one fetches it. After WeCom refused a secret, this process does not send it again, and
 * other processes do not for a minute: WeCom bars addresses that send wrong secrets, for all corps (P90313, 45009).
 */
export class Credential implements TokenSource {
  readonly #options: CredentialOptions;
  readonly #key: TokenKey;
  readonly #seal: Seal;
  #current: SharedToken | undefined;
  #lastDead: SharedToken | undefined;
  #refusedFor: WecomError | undefined;
  #doubtsOthers = false;
  #renewal: { readonly token: Promise<SharedToken>; readonly signal: AbortSignal } | undefined;

  constructor(options: CredentialOptions) {
    this.#options = options;
    this.#key = { corpId: options.corpId, secretDigest: digestOf(options.corpId, options.secret) };
    this.#seal = new Seal(options.corpId, options.secret);
  }

  /** Returns a token that WeCom has not called invalid. */
  async token(signal: AbortSignal): Promise<Token> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#refusedFor !== undefined) throw this.#refusedFor;
      if (this.#current !== undefined && !this.#isStale(this.#current)) return this.#current;
      const renewal = (this.#renewal ??= this.#startRenewal(signal));
      try {
        return await untilAborted(renewal.token, signal);
      } catch (error) {
        // The caller that started the renewal was aborted. The other callers go on.
        if (signal.aborted || !renewal.signal.aborted) throw error;
      }
    }
  }

  /** From now on, ignores the refusals of other processes, and asks WeCom itself. */
  doubtOthers(): void {
    this.#doubtsOthers = true;
  }

  /** Whether this is still the token to use. */
  isCurrent(token: Token): boolean {
    return this.#current === token;
  }

  /** Drops a token that WeCom called invalid, here and in the cache, unless it has been renewed already. */
  async drop(token: Token): Promise<void> {
    const dead = this.#current;
    if (dead === undefined || dead !== token) return;
    this.#current = undefined;
    this.#lastDead = dead;
    await this.#withCache(undefined, () => this.#options.cache.dropIf(this.#key, dead.sealed));
    const { log, corpId } = this.#options;
    log('info', 'access_token_reset', 'WeCom called the access token invalid or expired: it is renewed', { corp: corpId });
  }

  #isStale(token: SharedToken): boolean {
    return token.expiresAt <= this.#options.clock.now();
  }

  #startRenewal(signal: AbortSignal): { token: Promise<SharedToken>; signal: AbortSignal } {
    const token = this.#renew(signal).finally(() => (this.#renewal = undefined));
    token.catch(() => undefined); // Each waiting caller gets the error. Without one, it must not end the process.
    return { token, signal };
  }

  async #renew(signal: AbortSignal): Promise<SharedToken> {
    this.#current = (await this.#cached()) ?? (await this.#single(signal, () => this.#fetchUnlessTold(signal)));
    return this.#current;
  }

  /** Fetches a token, unless another process has had one, or a refusal, in the meantime. All is asked for at once: the cache may be far away. */
  async #fetchUnlessTold(signal: AbortSignal): Promise<SharedToken> {
    const [cached, refused, barredAll] = await Promise.all([this.#cached(), this.#refusal(this.#key), this.#refusal(null)]);
    if (cached !== undefined) return cached;
    if (!this.#doubtsOthers) this.#heedOthers(refused, barredAll);
    return this.#fetch(signal);
  }

  /** As {@link TokenCache.single}; when the cache fails, it fetches without it. */
  async #single(signal: AbortSignal, fetch: () => Promise<SharedToken>): Promise<SharedToken> {
    const state = { began: false };
    const once = async (): Promise<SharedToken> => {
      state.began = true;
      return fetch();
    };
    try {
      return await this.#options.cache.single(this.#key, signal, once);
    } catch (error) {
      if (state.began || signal.aborted) throw error;
      this.#warnOfCache(error);
      return fetch();
    }
  }

  /** Returns the token in the cache, if it is sealed with our secret, still valid, and not the one that was just dropped. */
  async #cached(): Promise<SharedToken | undefined> {
    const sealed = await this.#withCache(undefined, () => this.#options.cache.get(this.#key));
    if (sealed === undefined || sealed === this.#lastDead?.sealed) return undefined;
    const token = parseToken(this.#seal.open(sealed), sealed);
    return token === undefined || this.#isStale(token) ? undefined : token;
  }

  async #fetch(signal: AbortSignal): Promise<SharedToken> {
    const { clock, cache } = this.#options;
    const fresh = await this.#options.fetch(signal).catch((error: unknown) => this.#remember(error));
    // A short-lived token is used for half its life: a margin longer than its life would mean a token for every request.
    const ttlMs = Math.max(fresh.expiresInSeconds * 1000 - MARGIN_MS, fresh.expiresInSeconds * 500);
    const expiresAt = clock.now() + ttlMs;
    const sealed = this.#seal.seal(JSON.stringify({ text: fresh.text, expiresAt }));
    await this.#withCache(undefined, () => cache.put(this.#key, sealed, ttlMs));
    return { text: fresh.text, sealed, expiresAt };
  }

  /** Returns the refusal that another process received within the last minute: for this secret, or with null for any secret. */
  async #refusal(key: TokenKey | null): Promise<string | undefined> {
    return this.#withCache(undefined, () => this.#options.cache.refusal(key));
  }

  /** Throws the refusal that another process received. */
  #heedOthers(refused: string | undefined, barredAll: string | undefined): void {
    const text = refused === undefined ? undefined : this.#seal.open(refused);
    this.#refusedFor = text === undefined ? undefined : refusalOf(text);
    if (this.#refusedFor !== undefined) throw this.#refusedFor;
    if (!this.#options.tokenBan.isMet && barredAll !== undefined) throw barred();
  }

  async #remember(error: unknown): Promise<never> {
    if (isFinal(error)) {
      this.#refusedFor = error;
      const text = refusalText(error);
      if (text !== undefined) await this.#withCache(undefined, () => this.#options.cache.putRefusal(this.#key, this.#seal.seal(text), REFUSED_FOR_MS));
    }
    throw error;
  }

  /** Uses the cache. When it fails, this process goes on without it. */
  async #withCache<T>(otherwise: T, use: () => Promise<T>): Promise<T> {
    try {
      return await use();
    } catch (error) {
      this.#warnOfCache(error);
      return otherwise;
    }
  }

  #warnOfCache(error: unknown): void {
    const { log, corpId } = this.#options;
    const reason = error instanceof Error ? error.message : String(error);
    log('warn', 'token_cache_failed', 'the shared token cache cannot be used; going on without', { corp: corpId, reason });
  }
}

function parseToken(text: string | undefined, sealed: string): SharedToken | undefined {
  if (text === undefined) return undefined;
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read !== 'object' || read === null || !('text' in read) || !('expiresAt' in read)) return undefined;
    const { text: token, expiresAt } = read;
    return typeof token === 'string' && typeof expiresAt === 'number' ? { text: token, sealed, expiresAt } : undefined;
  } catch {
    return undefined;
  }
}
