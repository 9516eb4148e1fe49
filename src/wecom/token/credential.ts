import type { Clock, Log } from '../../core/ports/system.ts';
import type { TokenCache, TokenKey, Turn } from '../../core/ports/tokens.ts';
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
  /** Called when a token is looked for: a request follows, for the token or with it. */
  readonly onNeed: () => void;
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
    await this.#withCache(() => this.#options.cache.dropIf(this.#key, dead.sealed));
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
    this.#options.onNeed();
    this.#current = await this.#findOrFetch(signal);
    return this.#current;
  }

  async #findOrFetch(signal: AbortSignal): Promise<SharedToken> {
    for (let dead = this.#lastDead?.sealed; ; ) {
      const turn = await this.#turn(dead, signal);
      if (turn.is === 'found') {
        const token = this.#open(turn.sealed);
        if (token !== undefined) return token;
        dead = turn.sealed;
        continue;
      }
      try {
        if (!this.#doubtsOthers) this.#heedOthers(turn.refused, turn.barred);
        return await this.#fetch(signal);
      } finally {
        await turn.end();
      }
    }
  }

  /** As {@link TokenCache.turn}; when the cache fails, it is our turn without it. */
  async #turn(dead: string | undefined, signal: AbortSignal): Promise<Turn> {
    try {
      return await this.#options.cache.turn(this.#key, { signal, dead });
    } catch (error) {
      if (signal.aborted) throw error;
      this.#warnOfCache(error);
      return { is: 'turn', refused: undefined, barred: undefined, end: () => Promise.resolve() };
    }
  }

  /** Returns a token from the cache, if it is sealed with our secret and still valid. */
  #open(sealed: string): SharedToken | undefined {
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
    await this.#withCache(() => cache.put(this.#key, sealed, ttlMs));
    return { text: fresh.text, sealed, expiresAt };
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
      if (text !== undefined) await this.#withCache(() => this.#options.cache.putRefusal(this.#key, this.#seal.seal(text), REFUSED_FOR_MS));
    }
    throw error;
  }

  /** Uses the cache. When it fails, this process goes on without it. */
  async #withCache(use: () => Promise<void>): Promise<void> {
    try {
      await use();
    } catch (error) {
      this.#warnOfCache(error);
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
