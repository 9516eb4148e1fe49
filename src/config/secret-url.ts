import { Secret } from '../core/secret.ts';
import { isSentinelUrl, maskSentinelUrl, parseSentinelUrl } from '../core/sentinel-url.ts';

/** The secret part of an address: its password, or everything after the host (a webhook, a ping). */
export type Concealed = 'password' | 'path';

/** An address with a secret part: it prints `***` instead of its password, or instead of everything after the host. */
export class SecretUrl extends Secret {
  readonly #shown: string;
  /** The parts that must not appear in any output, as written and decoded. Empty when the address has no password. */
  readonly concealed: readonly string[];

  constructor(url: string, concealed: Concealed = 'password') {
    super(url);
    if (isSentinelUrl(url)) {
      this.concealed = sentinelSecrets(url);
      this.#shown = maskSentinelUrl(url);
      return;
    }
    const parsed = new URL(url);
    this.concealed = concealed === 'path' ? pathSecrets(parsed) : passwordSecrets(parsed);
    if (concealed === 'path' && this.concealed.length > 0) {
      this.#shown = `${parsed.protocol}//${parsed.host}/***`;
    } else {
      if (parsed.password !== '') parsed.password = '***';
      this.#shown = parsed.href.replace(/\/$/, url.endsWith('/') ? '/' : '');
    }
  }

  override toString(): string {
    return this.#shown;
  }

  override toJSON(): string {
    return this.#shown;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.#shown;
  }
}

/** The passwords at Redis and at the Sentinels, as written and decoded. */
function sentinelSecrets(url: string): string[] {
  const parsed = parseSentinelUrl(url);
  if ('problem' in parsed) return [];
  const passwords = [parsed.redis.password, parsed.sentinel.password].flatMap((password) => password ?? []);
  return [...new Set(passwords.flatMap((password) => [password, encodeURIComponent(password)]))];
}

function passwordSecrets(url: URL): string[] {
  return url.password === '' ? [] : [...new Set([url.password, decoded(url.password)])];
}

/** A shorter part of a path or a query is a word (`services`, `v1`), not a key. */
const SHORTEST_KEY = 16;

/** Everything after the host, and each part of it that could be a key, because a message may contain only that part. */
function pathSecrets(url: URL): string[] {
  const path = `${url.pathname}${url.search}`.replace(/^\/$/, '');
  const parts = [...url.pathname.split('/'), ...url.searchParams.values()].filter((part) => part.length >= SHORTEST_KEY);
  return [...passwordSecrets(url), ...(path === '' ? [] : [path]), ...new Set([...parts, ...parts.map(decoded)])];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
