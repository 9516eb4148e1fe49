import type { Envelope } from './envelope.ts';

/** One question to WeCom. It can take several requests, because failed ones are retried. */
export interface Question {
  /** The endpoint, such as `user/list`. */
  readonly request: string;
  readonly params?: Readonly<Record<string, string | number>>;
  /** When given, it is sent by POST. */
  readonly body?: Readonly<Record<string, string | number>>;
  /** A key that the answer must have. Without it, a gateway's `{}` would look like an empty department. */
  readonly expects?: string;
  /** The most retries, when it differs from the corp's setting. */
  readonly retries?: number;
  /** Each request may count as a wrong number. A request that may have arrived is not retried. A frequency limit (45009) concerns only this endpoint, and nothing waits for its end. */
  readonly rationed?: true;
  /** Asks for a token, for another question that waits and already has a place among the open requests. A second place is not taken, because that could deadlock. */
  readonly forToken?: true;
  /** Fetches this file instead of calling the API. */
  readonly file?: FileSource;
}

/** A file with its own URL, fetched without a token. */
export interface FileSource {
  /** The query is a signature that gives access to the file. It must never be shown. */
  readonly url: URL;
  /** The most bytes of the response. */
  readonly maxBytes: number;
  /** Checks the response. */
  readonly open: (status: number, body: Buffer) => Envelope;
}

/** An access token. */
export interface Token {
  readonly text: string;
}

/** Provides the tokens of one secret. */
export interface TokenSource {
  /** Returns a token that WeCom has not called invalid. Throws when there is none. */
  token(signal: AbortSignal): Promise<Token>;
  /** Whether this is still the token to use. */
  isCurrent(token: Token): boolean;
  /** Call this when WeCom called the token invalid: {@link TokenSource.token} then returns another one. */
  drop(token: Token): Promise<void>;
}
