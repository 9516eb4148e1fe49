import { Secret } from '../core/secret.ts';

/** How much of an address is itself a secret: its password, or everything after the host (a webhook, a ping). */
export type Concealed = 'password' | 'path';

/** An address that must not be seen whole: prints with `***` in place of its password, or of all that follows the host. */
export class SecretUrl extends Secret {
  readonly #shown: string;
  /** The parts that must not appear anywhere, as written and decoded. Empty when the address holds no password. */
  readonly concealed: readonly string[];

  constructor(url: string, concealed: Concealed = 'password') {
    super(url);
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

function passwordSecrets(url: URL): string[] {
  return url.password === '' ? [] : [...new Set([url.password, decoded(url.password)])];
}

/** What is shorter than this in a path or a query is a word (`services`, `v1`), and no key. */
const SHORTEST_KEY = 16;

/** All that follows the host, and each part of it that could be a key: messages may hold it without the rest. */
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
