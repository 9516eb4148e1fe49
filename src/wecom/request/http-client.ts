import got, { CancelError } from 'got';
import type { Got } from 'got';
import { OrgsyncError } from '../../errors.ts';
import { makeRequest } from '../../http-request.ts';
import { Call } from './call.ts';
import type { CallContext, Question } from './call.ts';
import { tooLarge } from './faults.ts';
import type { Agents } from './transport.ts';
import type { Raw } from './values.ts';

/** How many times the idle timeout a whole answer may take: large departments are slow, dripping ones are refused. */
const WHOLE_ANSWER = 6;

/** How one corp's requests are sent. */
export interface Limits {
  /** How long WeCom may be silent. */
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
}

/**
 * Everything that reaches WeCom goes through this one got instance. Its hooks keep the promises: before each request,
 * repeats and token requests included, `depart` waits for slot, token and turn; after each response `receive` judges
 * the errcode; `delayAfter` decides about a repeat; and no error leaves with a URL in it.
 */
export class Client {
  readonly #got: Got;
  readonly #agents: Agents;

  constructor(api: string, agents: Agents) {
    this.#agents = agents;
    this.#got = got.extend({
      prefixUrl: new URL('cgi-bin/', api.endsWith('/') ? api : `${api}/`),
      agent: agents,
      request: makeRequest,
      responseType: 'buffer',
      // A redirect would hand the token to wherever it points.
      followRedirect: false,
      retry: { calculateDelay: ({ error }) => callOf(error.options).delayAfter(error) },
      hooks: {
        beforeRequest: [(options) => callOf(options).depart(urlOf(options))],
        afterResponse: [
          (response) => {
            callOf(response.request.options).receive(response.statusCode, response.rawBody);
            return response;
          },
        ],
        beforeError: [(error) => callOf(error.options).errorOf(error)],
      },
    });
  }

  /**
   * WeCom's answer to a question.
   * @throws WecomError when WeCom refuses; OrgsyncError `unavailable` when no answer of WeCom's comes; `signal.reason` on abort
   */
  async ask(question: Question, context: CallContext, { timeoutMs, maxAnswerBytes }: Limits): Promise<Raw> {
    const { request, params = {}, body, file } = question;
    const { signal } = context;
    const call = new Call(question, context);
    const pending = this.#got(file?.url ?? request, {
      method: body === undefined ? 'GET' : 'POST',
      // Those of a file's own address are its signature.
      ...(file === undefined && { searchParams: params }),
      ...(body !== undefined && { json: body }),
      timeout: { lookup: timeoutMs, connect: timeoutMs, response: timeoutMs, socket: timeoutMs, request: timeoutMs * WHOLE_ANSWER },
      signal,
      context: { call },
    });
    void pending.on('request', (sent) => call.watch(sent));
    void pending.on('downloadProgress', ({ transferred }) => {
      if (transferred > maxAnswerBytes) pending.cancel();
    });
    try {
      await pending;
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof CancelError ? tooLarge(request, maxAnswerBytes) : error;
    } finally {
      call.end();
    }
    return call.answer ?? {};
  }

  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }
}

function callOf({ context: { call } }: { readonly context: Record<string, unknown> }): Call {
  if (call instanceof Call) return call;
  throw new OrgsyncError('defect', { code: 'defect', message: 'a request without its call' });
}

function urlOf({ url }: { readonly url?: string | URL | undefined }): URL {
  if (url instanceof URL) return url;
  throw new OrgsyncError('defect', { code: 'defect', message: 'a request without its URL' });
}
