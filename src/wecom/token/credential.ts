import type { Clock, Log } from '../../core/ports/system.ts';
import type { TokenCache, TokenKey } from '../../core/ports/tokens.ts';
import type { Secret } from '../../core/secret.ts';
import type { WecomError } from '../../errors.ts';
import { untilAborted } from '../../core/abort.ts';
import type { Ban } from '../request/ban.ts';
import type { Token, TokenSource } from '../request/question.ts';
import { barred, isFinal, REFUSED_FOR_MS, refusalOf, refusalText } from './refusals.ts';
import { digestOf, Seal } from './seal.ts';

/** How long before its end a token is no longer used: a request may wait long for its turn. */
const MARGIN_MS = 5 * 60_000;

/** A token as WeCom gave it. */
export interface FreshToken {
  readonly text: string;
  readonly expiresInSeconds: number;
}

/** A token in use. */
interface SharedToken extends Token {
  /** As it lies in the cache. */
  readonly sealed: string;
  /** Wall clock, for other processes read it too; when it is wrong, WeCom says so (42001). */
  readonly expiresAt: number;
}

interface CredentialOptions {
  readonly corpId: string;
  readonly secret: Secret;
  readonly cache: TokenCache;
  /** What a frequency limit on token requests closes. */
  readonly tokenBan: Ban;
  readonly clock: Clock;
  readonly log: Log;
  /** Asks WeCom for a token; throws its refusals as {@link WecomError}. */
  readonly fetch: (signal: AbortSignal) => Promise<FreshToken>;
}

/**
 * One secret of one corp, and the token it gives. The token is shared with all processes through the cache, where it
 * lies sealed; however many need a new one, it is fetched once. A secret that WeCom refused is not tried again by this
 * process, nor for a minute by any: WeCom bars addresses that send wrong secrets, for all corps (P90313, 45009).
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

  /** A token that nobody has called dead. */
  async token(signal: AbortSignal): Promise<Token> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#refusedFor !== undefined) throw this.#refusedFor;
      if (this.#current !== undefined && !this.#isStale(this.#current)) return this.#current;
      const renewal = (this.#renewal ??= this.#startRenewal(signal));
      try {
        return await untilAborted(renewal.token, signal);
      } catch (error) {
        // Whoever began the renewal was told to stop; that does not concern the others.
        if (signal.aborted || !renewal.signal.aborted) throw error;
      }
    }
  }

  /** From now on asks for itself what other processes were refused. */
  doubtOthers(): void {
    this.#doubtsOthers = true;
  }

  /** Whether this is still the token to use. */
  isCurrent(token: Token): boolean {
    return this.#current === token;
  }

  /** WeCom called this token dead: drops it, here and in the cache, unless somebody has renewed it. */
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
    token.catch(() => undefined); // Everyone who waits sees it; when all have gone, nobody has to.
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

  /** As {@link TokenCache.single}, going on alone when the cache itself fails. */
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

  /** What lies in the cache, if it is ours, still good, and not the one that just died. */
  async #cached(): Promise<SharedToken | undefined> {
    const sealed = await this.#withCache(undefined, () => this.#options.cache.get(this.#key));
    if (sealed === undefined || sealed === this.#lastDead?.sealed) return undefined;
    const token = parseToken(this.#seal.open(sealed), sealed);
    return token === undefined || this.#isStale(token) ? undefined : token;
  }

  async #fetch(signal: AbortSignal): Promise<SharedToken> {
    const { clock, cache } = this.#options;
    const fresh = await this.#options.fetch(signal).catch((error: unknown) => this.#remember(error));
    // Short lives keep half of themselves: a margin longer than the life would mean a token for every request.
    const ttlMs = Math.max(fresh.expiresInSeconds * 1000 - MARGIN_MS, fresh.expiresInSeconds * 500);
    const expiresAt = clock.now() + ttlMs;
    const sealed = this.#seal.seal(JSON.stringify({ text: fresh.text, expiresAt }));
    await this.#withCache(undefined, () => cache.put(this.#key, sealed, ttlMs));
    return { text: fresh.text, sealed, expiresAt };
  }

  /** What another process was refused not long ago: with this secret, or with null whatever the secret. */
  async #refusal(key: TokenKey | null): Promise<string | undefined> {
    return this.#withCache(undefined, () => this.#options.cache.refusal(key));
  }

  /** Throws what another process was refused. */
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

  /** The cache is a help, not a need: when it fails, this process goes on without. */
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
