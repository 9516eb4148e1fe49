import { setMaxListeners } from 'node:events';
import type { Pacer } from '../core/pacer.ts';
import type { Meter } from '../core/ports/meter.ts';
import { createRedactor } from '../core/redact.ts';
import type { Secret } from '../core/secret.ts';
import { OrgsyncError } from '../errors.ts';
import type { Connections } from '../http.ts';
import type { CorpAccess, WecomOptions } from './access.ts';
import { ask } from './request/ask.ts';
import { Ban } from './request/ban.ts';
import { throwAsContacts } from './request/errcodes.ts';
import type { Raw } from './request/envelope.ts';
import { unusable } from './request/faults.ts';
import { OpenRequests } from './request/open-requests.ts';
import type { FileSource, Question, TokenSource } from './request/question.ts';
import { Credential } from './token/credential.ts';
import type { FreshToken } from './token/credential.ts';

const FREQUENCY_WAIT_MS = 65_000;
const BACKOFF_MS = 1_000;
/** The normal life of a token (P91039), and the longest that is accepted. A life under a minute would mean a token for every request. */
const LONGEST_LIFE_S = 7200;
const SHORTEST_LIFE_S = 60;
/** A whole answer may take this many times the time-out: large departments are slow, but an answer that trickles in must end. */
const WHOLE_ANSWER = 6;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** What all corps of a directory share. */
export interface Shared extends Pick<WecomOptions, 'pacing' | 'tokens' | 'clock' | 'log'> {
  readonly connections: Connections;
  readonly meter: Meter;
  /** A frequency limit on token requests bars this address for all corps (P90313). */
  readonly tokenBan: Ban;
}

/** Sends requests for one corp, with its credentials and within its limits. The tokens of the application and of contacts-sync are never mixed. */
export class CorpClient {
  readonly corpId: string;
  readonly access: CorpAccess;
  readonly #shared: Shared;
  readonly #openRequests: OpenRequests;
  readonly #pacer: Pacer;
  readonly #ban: Ban;
  readonly #application: Credential;
  readonly #contacts: Credential | undefined;
  /** For WeCom's messages: they repeat what was sent, and end up in tables, alerts and answers. */
  readonly #redactor = createRedactor();
  #requestsSent = 0;

  constructor(corpId: string, access: CorpAccess, shared: Shared) {
    this.corpId = corpId;
    this.access = access;
    this.#shared = shared;
    this.#openRequests = new OpenRequests(access.concurrency);
    this.#pacer = shared.pacing.pacer({ name: `corp:${corpId}`, perSecond: access.rate });
    this.#ban = new Ban({ waitMs: access.frequencyWaitMs ?? FREQUENCY_WAIT_MS, clock: shared.clock });
    this.#application = this.#credential(access.secret);
    this.#contacts = access.contactsSecret === undefined ? undefined : this.#credential(access.contactsSecret);
    this.#redactor.add([access.secret.reveal(), access.contactsSecret?.reveal() ?? '']);
  }

  /** The number of requests sent, retries and token requests included. */
  get requestsSent(): number {
    return this.#requestsSent;
  }

  /** The largest answer in bytes. */
  get largestAnswer(): number {
    return this.access.maxAnswerBytes ?? MAX_ANSWER_BYTES;
  }

  /** Asks with the application's token. Throws as {@link ask} does. */
  async ask(question: Question, signal: AbortSignal): Promise<Raw> {
    return this.#ask(question, this.#application, signal);
  }

  /** Asks with the token of contacts-sync; only when a contacts secret is configured. Throws as {@link ask} does. */
  async askContacts(question: Question, signal: AbortSignal): Promise<Raw> {
    if (this.#contacts === undefined) throw new OrgsyncError('defect', { code: 'defect', message: 'asked by a contacts secret that is not there' });
    return this.#ask(question, this.#contacts, signal).catch((error: unknown) => throwAsContacts(error));
  }

  /** Fetches a file, within the same rate limit as requests. Throws as {@link ask} does. */
  async fetchFile(request: string, file: FileSource, signal: AbortSignal): Promise<Raw> {
    return this.#ask({ request, file }, undefined, signal);
  }

  /** From now on, ignores the refusals of other processes, and asks for a token itself. */
  doubtOthers(): void {
    this.#application.doubtOthers();
    this.#contacts?.doubtOthers();
  }

  /** Waits `times` the first back-off. */
  async pause(times: number, signal: AbortSignal): Promise<void> {
    await this.#shared.clock.sleep(times * this.#backoffMs, signal);
  }

  get #backoffMs(): number {
    return this.access.backoffMs ?? BACKOFF_MS;
  }

  #credential(secret: Secret): Credential {
    const { tokens: cache, tokenBan, clock, log } = this.#shared;
    const [fetch, onNeed] = [(signal: AbortSignal) => this.#fetchToken(secret, signal), () => this.#pacer.expect()];
    return new Credential({ corpId: this.corpId, secret, cache, tokenBan, clock, log, fetch, onNeed });
  }

  /** Fetches a token (P91039). */
  async #fetchToken(secret: Secret, signal: AbortSignal): Promise<FreshToken> {
    const params = { corpid: this.corpId, corpsecret: secret.reveal() };
    const { access_token: text, expires_in: life } = await this.#ask({ request: 'gettoken', expects: 'access_token', params, forToken: true }, undefined, signal);
    if (typeof text !== 'string' || text === '') throw unusable('gettoken', 'no usable access_token');
    this.#shared.meter.tokenRenewed(this.corpId);
    return { text, expiresInSeconds: typeof life === 'number' ? Math.min(Math.max(life, SHORTEST_LIFE_S), LONGEST_LIFE_S) : LONGEST_LIFE_S };
  }

  async #ask(question: Question, tokens: TokenSource | undefined, signal: AbortSignal): Promise<Raw> {
    // Every waiting request adds a listener; Node would print a warning for more than ten.
    setMaxListeners(0, signal);
    const { connections, tokenBan, log, meter, clock } = this.#shared;
    const { proxy, retries, timeoutMs, answerMs = WHOLE_ANSWER * timeoutMs } = this.access;
    const url = this.#urlOf(question);
    const context = {
      corpId: this.corpId,
      url,
      agents: connections.to(url, { proxy, tunnelMs: timeoutMs }),
      openRequests: this.#openRequests,
      pacer: this.#pacer,
      tokens,
      bans: question.forToken ? ([tokenBan, this.#ban] as const) : ([this.#ban] as const),
      retries,
      backoffMs: this.#backoffMs,
      timeoutMs,
      answerMs,
      maxBytes: question.file?.maxBytes ?? this.largestAnswer,
      scrub: (text: string, token: string | undefined) => this.#scrub(text, token),
      count: () => (this.#requestsSent += 1),
      meter,
      clock,
      log,
    };
    return ask(question, context, signal);
  }

  /** A token is removed as a secret is: also in capitals, or with other separators. */
  #scrub(text: string, token: string | undefined): string {
    if (token !== undefined) this.#redactor.add([token]);
    return this.#redactor.scrub(text);
  }

  #urlOf({ request, params = {}, file }: Question): URL {
    if (file !== undefined) return file.url;
    // Documents of WeCom write addresses with /cgi-bin.
    const url = new URL(`${this.access.api.replace(/\/(?:cgi-bin\/?)?$/, '')}/cgi-bin/${request}`);
    for (const [name, value] of Object.entries(params)) url.searchParams.set(name, String(value));
    return url;
  }
}
