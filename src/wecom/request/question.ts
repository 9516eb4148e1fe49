import type { Envelope } from './envelope.ts';

/** One question to WeCom, answered by as many requests as it takes. */
export interface Question {
  /** The endpoint, such as `user/list`. */
  readonly request: string;
  readonly params?: Readonly<Record<string, string | number>>;
  /** Sent by POST when given. */
  readonly body?: Readonly<Record<string, string | number>>;
  /** The key that an answer must have: a gateway's `{}` is not an empty department. */
  readonly expects?: string;
  /** How often to repeat at most, where that is not the corp's own number. */
  readonly retries?: number;
  /** Each request may count as a wrong number: one that may have arrived is not repeated, and a frequency limit (45009) concerns this endpoint alone and is not waited for. */
  readonly rationed?: true;
  /** Asks for a token. It uses the slot of the question that waits for the token: a slot of its own could be waiting for that very question. */
  readonly forToken?: true;
  /** Fetches a file instead. */
  readonly file?: FileSource;
}

/** A file that lies at an address of its own and is fetched without a token. */
export interface FileSource {
  /** Its query is a signature: whoever has it has the file. Never to be shown. */
  readonly url: URL;
  /** How many bytes may come at most. */
  readonly maxBytes: number;
  /** Judges what came. */
  readonly open: (status: number, body: Buffer) => Envelope;
}

/** An access token. */
export interface Token {
  readonly text: string;
}

/** Where the tokens of one secret come from. */
export interface TokenSource {
  /** A token that nobody has called dead. Throws why there is none. */
  token(signal: AbortSignal): Promise<Token>;
  /** Whether this is still the token to use. */
  isCurrent(token: Token): boolean;
  /** WeCom called this token dead: the next one is another. */
  drop(token: Token): Promise<void>;
}
