import type { Corp } from './corp.ts';
import { createRandom, type Random } from './random.ts';
import type { Secret } from './secrets.ts';
import type { Settings } from './settings.ts';

/** The state of a token. A dead one still has its corp, for the counters. */
export type TokenCheck =
  | { readonly is: 'good'; readonly corp: Corp; readonly secret: Secret }
  | { readonly is: 'dead'; readonly corp: Corp; readonly secret: Secret; readonly errcode: number }
  | { readonly is: 'unknown' };

interface Issued {
  readonly token: string;
  readonly corp: Corp;
  readonly secret: Secret;
  readonly expiresAt: number;
  killedAs: number | undefined;
}

/** The errcodes of a dead token: invalid, or expired. */
export type Death = 40014 | 42001;

/** Issues access tokens, one kind per (corp, secret), and remembers the dead ones. */
export class TokenDesk {
  readonly #issued = new Map<string, Issued>();
  readonly #latest = new Map<Secret, Issued>();
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = createRandom(`tokens/${seed}`);
  }

  /** A token for this secret: the current one while it is valid, or a new one for each call when the settings say so. */
  issue(corp: Corp, secret: Secret, settings: Settings, now: number): { readonly token: string; readonly expiresInS: number } {
    const latest = this.#latest.get(secret);
    if (!settings.newTokenEachTime && latest !== undefined && latest.killedAs === undefined && latest.expiresAt > now) {
      return { token: latest.token, expiresInS: Math.ceil((latest.expiresAt - now) / 1000) };
    }
    if (latest !== undefined && !settings.oldTokensSurvive) latest.killedAs ??= 40014;
    const token = this.#random.hex(settings.tokenLength);
    const issued: Issued = { token, corp, secret, expiresAt: now + settings.tokenLifetimeS * 1000, killedAs: undefined };
    this.#issued.set(token, issued);
    this.#latest.set(secret, issued);
    return { token, expiresInS: settings.tokenLifetimeS };
  }

  check(token: string, now: number): TokenCheck {
    const issued = this.#issued.get(token);
    if (issued === undefined) return { is: 'unknown' };
    const { corp, secret } = issued;
    const errcode = issued.killedAs ?? (issued.expiresAt <= now ? 42001 : undefined);
    return errcode === undefined ? { is: 'good', corp, secret } : { is: 'dead', corp, secret, errcode };
  }

  /** Invalidates tokens: all of them, those of one corp, or one by its text. Returns how many. */
  kill(which: { readonly corpId?: string | undefined; readonly token?: string | undefined }, as: Death = 40014): number {
    let killed = 0;
    for (const issued of this.#issued.values()) {
      const meant = (which.corpId ?? issued.corp.id) === issued.corp.id && (which.token ?? issued.token) === issued.token;
      if (!meant || issued.killedAs !== undefined) continue;
      issued.killedAs = as;
      killed += 1;
    }
    return killed;
  }
}
