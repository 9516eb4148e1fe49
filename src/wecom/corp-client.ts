import { setMaxListeners } from 'node:events';
import type { Pacer } from '../core/pacer.ts';
import type { Meter } from '../core/ports/meter.ts';
import { createRedactor } from '../core/redact.ts';
import type { Secret } from '../core/secret.ts';
import { OrgsyncError } from '../errors.ts';
import type { CorpAccess, WecomOptions } from './access.ts';
import { Ban } from './request/ban.ts';
import type { CallContext, Question } from './request/call.ts';
import type { Clients } from './request/clients.ts';
import { fileLimit } from './reading/export-file.ts';
import type { ExportFile } from './reading/export-file.ts';
import { unusable } from './request/faults.ts';
import { OpenRequests } from './request/open-requests.ts';
import { Credential } from './token/credential.ts';
import type { FreshToken } from './token/credential.ts';
import type { Raw } from './request/values.ts';

const FREQUENCY_WAIT_MS = 65_000;
const BACKOFF_MS = 1_000;
/** What a token lives, normally (P91039); nothing longer is believed. Shorter than a minute would mean a token for every request. */
const LONGEST_LIFE_S = 7200;
const SHORTEST_LIFE_S = 60;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** What all corps of a directory have in common. */
export interface Shared extends Pick<WecomOptions, 'tokens' | 'clock' | 'log'> {
  readonly clients: Clients;
  readonly meter: Meter;
  /** Makes the pace of one corp. */
  readonly pacerOf: (corpId: string, access: CorpAccess) => Pacer;
  /** A frequency limit on token requests bars this address for all corps (P90313). */
  readonly tokenBan: Ban;
}

/** The line to one corp: its pace, its credentials, its limits. The application's token and that of contacts-sync are never mixed. */
export class Line {
  readonly corpId: string;
  readonly access: CorpAccess;
  readonly #shared: Shared;
  readonly #openRequests: OpenRequests;
  readonly #pacer: Pacer;
  readonly #ban: Ban;
  readonly #application: Credential;
  readonly #contacts: Credential | undefined;
  /** For what WeCom says: it repeats what it was told, and its words end up in tables, alerts and answers. */
  readonly #redactor = createRedactor();
  #requestsSent = 0;

  constructor(corpId: string, access: CorpAccess, shared: Shared) {
    const { clock } = shared;
    this.corpId = corpId;
    this.access = access;
    this.#shared = shared;
    this.#openRequests = new OpenRequests(access.concurrency);
    this.#pacer = shared.pacerOf(corpId, access);
    this.#ban = new Ban({ waitMs: access.frequencyWaitMs ?? FREQUENCY_WAIT_MS, clock });
    this.#application = this.#credential(access.secret);
    this.#contacts = access.contactsSecret === undefined ? undefined : this.#credential(access.contactsSecret);
    this.#redactor.add([access.secret.reveal(), access.contactsSecret?.reveal() ?? '']);
  }

  /** Repeats and token requests included. */
  get requestsSent(): number {
    return this.#requestsSent;
  }

  /** In bytes. */
  get largestAnswer(): number {
    return this.access.maxAnswerBytes ?? MAX_ANSWER_BYTES;
  }

  /** Asks with the application's token. */
  async ask(question: Question, signal: AbortSignal): Promise<Raw> {
    return this.#send(question, this.#application, signal);
  }

  /** Asks with the token of contacts-sync; only where a contacts secret is configured. */
  async askContacts(question: Question, signal: AbortSignal): Promise<Raw> {
    if (this.#contacts === undefined) throw new OrgsyncError('defect', { code: 'defect', message: 'asked by a contacts secret that is not there' });
    return this.#send(question, this.#contacts, signal);
  }

  /** Fetches a file of an export, checked against what WeCom said of it; as paced as a request, for it reaches the same owner. */
  async fetchFile(file: ExportFile, signal: AbortSignal): Promise<Buffer> {
    const { bytes } = await this.#send({ request: 'export/file', file }, undefined, signal);
    if (bytes instanceof Buffer) return bytes;
    throw new OrgsyncError('defect', { code: 'defect', message: 'a file without its bytes' });
  }

  /** From now on asks for tokens that other processes were refused. */
  doubtOthers(): void {
    this.#application.doubtOthers();
    this.#contacts?.doubtOthers();
  }

  /** Waits `times` as long as before the first repeat of a request. */
  async pause(times: number, signal: AbortSignal): Promise<void> {
    await this.#shared.clock.sleep(times * (this.access.backoffMs ?? BACKOFF_MS), signal);
  }

  #credential(secret: Secret): Credential {
    const { tokens: cache, tokenBan, clock, log } = this.#shared;
    return new Credential({ corpId: this.corpId, secret, cache, tokenBan, clock, log, fetch: (signal) => this.#fetchToken(secret, signal) });
  }

  /** P91039. A success can come without errcode. */
  async #fetchToken(secret: Secret, signal: AbortSignal): Promise<FreshToken> {
    const question = { request: 'gettoken', expects: 'access_token', params: { corpid: this.corpId, corpsecret: secret.reveal() } };
    const answer = await this.#send(question, undefined, signal);
    const { access_token: text, expires_in: life } = answer;
    if (typeof text !== 'string' || text === '') throw unusable('gettoken', 'an access_token that is none');
    this.#shared.meter.tokenRenewed(this.corpId);
    return { text, expiresInSeconds: typeof life === 'number' ? Math.min(Math.max(life, SHORTEST_LIFE_S), LONGEST_LIFE_S) : LONGEST_LIFE_S };
  }

  async #send(question: Question, credential: Credential | undefined, signal: AbortSignal): Promise<Raw> {
    // Every waiting request listens to it; Node would print a warning from the eleventh on.
    setMaxListeners(0, signal);
    const { tokenBan, clock, log, meter, clients } = this.#shared;
    const { api, proxy, retries, timeoutMs } = this.access;
    const { file } = question;
    const context: CallContext = {
      corpId: this.corpId,
      openRequests: this.#openRequests,
      pacer: this.#pacer,
      clock,
      count: () => (this.#requestsSent += 1),
      meter,
      credential,
      bans: credential === undefined && file === undefined ? [tokenBan, this.#ban] : [this.#ban],
      retries,
      backoffMs: this.access.backoffMs ?? BACKOFF_MS,
      scrub: this.#redactor.scrub,
      log,
      signal,
    };
    const client = clients.to({ api: file?.url.origin ?? api, proxy });
    return client.ask(question, context, { timeoutMs, maxAnswerBytes: file === undefined ? this.largestAnswer : fileLimit(file) });
  }
}
