import { got, HTTPError, TimeoutError } from 'got';
import { OrgsyncError } from '../errors.ts';
import { makeRequest, openAgents, proxyFor } from '../http.ts';

/** The content of one call. */
interface Call {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** May contain secrets, so it appears in no error. */
  readonly url: URL;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls an address and returns the body of a 2xx answer. Throws OrgsyncError `unavailable`, which names only the host of the address. */
export type Http = (call: Call) => Promise<string>;

/** How long one attempt may take, and how many times that the whole call with its one repeat. */
const ATTEMPT_MS = 5_000;
const PATIENCE = 1.6;

/** What calls need. */
export interface HttpOptions {
  /** Our package version. */
  readonly version: string;
  readonly attemptMs?: number;
}

/** Creates an {@link Http} with short time limits, for calls that no result depends on. */
export function createHttp({ version, attemptMs = ATTEMPT_MS }: HttpOptions): Http {
  const client = got.extend({
    headers: { 'user-agent': `orgsync/${version}` },
    request: makeRequest,
    timeout: { request: attemptMs },
    retry: { limit: 1, methods: ['GET', 'POST', 'PUT'], statusCodes: [502, 503, 504], maxRetryAfter: 1_000, calculateDelay: ({ computedValue }) => (computedValue === 0 ? 0 : 300) },
    followRedirect: false,
  });
  return async ({ method, url, body, headers = {} }) => {
    try {
      const agent = openAgents({ proxy: proxyFor(url), tunnelMs: attemptMs, keepAlive: false });
      const answer = await client(url, { method, headers, agent, signal: AbortSignal.timeout(attemptMs * PATIENCE), ...(body === undefined ? {} : { body }) });
      if (answer.statusCode >= 300) throw failure(url, `HTTP ${answer.statusCode}`);
      return answer.body;
    } catch (error) {
      throw error instanceof OrgsyncError ? error : failure(url, reasonOf(error));
    }
  };
}

/** got's own message is not used: it contains the whole address with its secrets. */
function reasonOf(error: unknown): string {
  if (error instanceof HTTPError) return `HTTP ${error.response.statusCode}`;
  if (error instanceof TimeoutError || (error instanceof Error && error.name === 'AbortError')) return 'no answer in time';
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

function failure(url: URL, reason: string): OrgsyncError {
  return new OrgsyncError('unavailable', { code: 'call_failed', message: `${url.host}: ${reason}`, hint: 'check the address in the configuration, and whether this host may reach it' });
}
