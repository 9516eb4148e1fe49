import got, { CancelError } from 'got';
import { makeRequest } from '../../http.ts';
import type { Agents } from '../../http.ts';

/** One HTTP request. */
export interface HttpRequest {
  /** Contains the token or the secret, so it must not appear in any error. */
  readonly url: URL;
  /** When given, it is sent by POST. */
  readonly json?: Readonly<Record<string, string | number>> | undefined;
  readonly agents: Agents;
  /** How long each phase may take (looking up the name, connecting, the TLS handshake, waiting for the answer), and how long the server may be silent. */
  readonly timeoutMs: number;
  /** How long the whole answer may take. */
  readonly answerMs: number;
  readonly maxBytes: number;
  /** Called when the request has been handed to the operating system, or has failed. May be called twice. */
  readonly onSent: () => void;
}

/** The result of an HTTP request. */
export type Reply =
  | { readonly is: 'reply'; readonly status: number; readonly body: Buffer }
  | { readonly is: 'lost'; readonly how: 'timeout' | 'connection'; readonly error: unknown }
  /** The body grew beyond `maxBytes` and was not read to its end. */
  | { readonly is: 'too_large' };

const client = got.extend({
  request: makeRequest,
  responseType: 'buffer',
  throwHttpErrors: false,
  // A redirect would send the token to another server.
  followRedirect: false,
  retry: { limit: 0 },
});

/** Sends one request, without retries. Throws only `signal.reason`, on abort. */
export async function send({ url, json, agents, timeoutMs, answerMs, maxBytes, onSent }: HttpRequest, signal: AbortSignal): Promise<Reply> {
  const pending = client(url, {
    method: json === undefined ? 'GET' : 'POST',
    ...(json !== undefined && { json }),
    agent: agents,
    timeout: { lookup: timeoutMs, connect: timeoutMs, secureConnect: timeoutMs, response: timeoutMs, socket: timeoutMs, request: answerMs },
    signal,
  });
  void pending.on('request', (request) => {
    request.once('finish', onSent);
    request.once('close', onSent);
  });
  void pending.on('downloadProgress', ({ transferred }) => {
    if (transferred > maxBytes) pending.cancel();
  });
  try {
    const { statusCode, rawBody } = await pending;
    return { is: 'reply', status: statusCode, body: rawBody };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof CancelError) return { is: 'too_large' };
    return { is: 'lost', how: error instanceof Error && 'code' in error && error.code === 'ETIMEDOUT' ? 'timeout' : 'connection', error };
  }
}
