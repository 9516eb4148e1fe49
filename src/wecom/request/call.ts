import type { ClientRequest } from 'node:http';
import type { Pacer, Pass } from '../../core/pacer.ts';
import type { Meter, RequestEnd } from '../../core/ports/meter.ts';
import type { Clock, Log } from '../../core/ports/system.ts';
import { OrgsyncError, WecomError } from '../../errors.ts';
import type { Ban } from './ban.ts';
import { openEnvelope } from './envelope.ts';
import { refusal } from './errcodes.ts';
import { openFile } from '../reading/export-file.ts';
import type { ExportFile } from '../reading/export-file.ts';
import { garbled, treatmentOf, unreachable } from './faults.ts';
import type { OpenRequests } from './open-requests.ts';
import type { Credential, Token } from '../token/credential.ts';
import type { Raw } from './values.ts';

/** How many fresh tokens in a row may be refused before the credential itself is in doubt. */
const FRESH_TOKENS = 2;
/** Repeats wait 1, 2, 4, 4, … times the first wait. */
const LONGEST_BACKOFF = 4;

/** One question to WeCom, answered by as many requests as it takes. */
export interface Question {
  /** The endpoint, such as `user/list`. */
  readonly request: string;
  readonly params?: Readonly<Record<string, string | number>>;
  /** Sent by POST when given. */
  readonly body?: Readonly<Record<string, string | number>>;
  /** The key without which a success is none: a gateway's `{}` is not an empty department. */
  readonly expects?: string;
  /** How often to repeat at most, where that is not the corp's own number. */
  readonly retries?: number;
  /** Each request may count as a wrong number: one that may have arrived is not repeated. 45009 closes this endpoint alone, and waiting would not help. */
  readonly rationed?: true;
  /** A file is fetched, from an address of its own and without a token; the answer holds it as `bytes`. */
  readonly file?: ExportFile;
}

/** What a call needs of its corp. */
export interface CallContext {
  readonly corpId: string;
  readonly openRequests: OpenRequests;
  readonly pacer: Pacer;
  readonly clock: Clock;
  /** Called once for each request that is sent. */
  readonly count: () => void;
  readonly meter: Meter;
  /** Undefined for the token request itself, and for files. */
  readonly credential: Credential | undefined;
  /** Those whom a frequency limit stops; the first is the one that this call's own 45009 counts for. */
  readonly bans: readonly [Ban, ...Ban[]];
  readonly retries: number;
  readonly backoffMs: number;
  /** Words that must not come back in a message: the secret. */
  readonly scrub: (text: string) => string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** One question on its way: what the hooks of the client do at each of its requests. */
export class Call {
  readonly question: Question;
  readonly #context: CallContext;
  #token: Token | undefined;
  #departure: Pass | undefined;
  #free: () => void = () => undefined;
  #repeats = 0;
  #deadTokens = 0;
  #isStopped = false;
  #answer: Raw | undefined;
  /** When the request that is under way was made, on the monotonic clock; undefined when none is. */
  #sentAt: number | undefined;

  constructor(question: Question, context: CallContext) {
    this.question = question;
    this.#context = context;
  }

  get answer(): Raw | undefined {
    return this.#answer;
  }

  /** Before each request: waits for a slot, a live token and its turn. Nothing may be awaited between this and the request. */
  async depart(url: URL): Promise<void> {
    const { openRequests, credential, signal } = this.#context;
    const { file } = this.question;
    try {
      // A token request uses the slot of the call that waits for it; one of its own could be waiting for that very call.
      if (credential !== undefined || file !== undefined) this.#free = await this.#inLine(openRequests.slot(signal));
      this.#departure = await this.#passWithToken();
      if (this.#token !== undefined) url.searchParams.set('access_token', this.#token.text);
    } catch (error) {
      this.#isStopped = true;
      throw error;
    }
  }

  /** A token can die while its user waits for the gate: then that user waits once more instead of asking in vain. */
  async #passWithToken(): Promise<Pass> {
    const { credential, bans, signal } = this.#context;
    for (;;) {
      this.#token = await credential?.token(signal);
      const pass = await this.#inLine(this.#pass());
      const isAlive = this.#token === undefined || credential?.isCurrent(this.#token) !== false;
      if (isAlive && bans.every((ban) => ban.isOver)) return pass;
      pass.drop();
    }
  }

  async #pass(): Promise<Pass> {
    const { pacer, bans, signal } = this.#context;
    for (const ban of bans) await ban.over(signal);
    return pacer.pass(signal);
  }

  /** Waits, and tells for how long. */
  async #inLine<T>(turn: Promise<T>): Promise<T> {
    const asked = performance.now();
    const result = await turn;
    this.#context.meter.waited(this.#context.corpId, (performance.now() - asked) / 1000);
    return result;
  }

  /** As soon as there is a request: counts it, and tells the gate when it was really sent. */
  watch(request: ClientRequest): void {
    this.#context.count();
    this.#sentAt = performance.now();
    const departure = this.#departure;
    request.once('finish', () => departure?.sent());
    request.once('close', () => departure?.sent());
  }

  /** When all is over, however it ended. */
  end(): void {
    this.#ended('abandoned');
    this.#departure?.sent();
    this.#free();
  }

  /** After each response: keeps the answer, or throws what is wrong with it. */
  receive(status: number, body: Buffer): void {
    const { request, file } = this.question;
    const envelope = file === undefined ? openEnvelope(status, body) : openFile(status, body, file);
    this.#ended(envelope.is === 'garbled' ? (status === 200 ? 'unreadable' : 'http') : envelope.is === 'refusal' ? envelope.errcode : 0);
    if (envelope.is === 'garbled') throw garbled(request, envelope.what);
    if (envelope.is === 'refusal') {
      throw refusal({ errcode: envelope.errcode, errmsg: this.#scrub(envelope.errmsg), request });
    }
    const { expects } = this.question;
    if (expects !== undefined && (envelope.answer[expects] ?? null) === null) throw garbled(request, `an answer without ${expects}`);
    this.#answer = envelope.answer;
    this.#context.openRequests.answered();
    this.#free();
  }

  /** What went wrong with the last request, as one of our errors. */
  errorOf(thrown: Error): Error {
    if (this.#isStopped) return thrown.cause instanceof Error ? thrown.cause : thrown;
    this.#ended('code' in thrown && thrown.code === 'ETIMEDOUT' ? 'timeout' : 'connection');
    return thrown.cause instanceof OrgsyncError ? thrown.cause : unreachable(this.question.request, thrown);
  }

  /** How long to wait before the request is repeated; 0 when it is not. */
  async delayAfter(thrown: Error): Promise<number> {
    const { signal, log, meter, corpId } = this.#context;
    if (this.#isStopped || signal.aborted) return 0;
    const error = this.errorOf(thrown);
    const delayMs = await this.#treat(error);
    // Only now: whoever takes the slot must not find the token that has just been called dead.
    this.#free();
    const { request } = this.question;
    const errcode = error instanceof WecomError ? error.errcode : undefined;
    if (delayMs > 0) meter.repeated(corpId, request);
    const isNews = delayMs > 0 || treatmentOf(error) !== 'absent';
    if (isNews) log(delayMs > 0 ? 'info' : 'warn', 'request_failed', error.message, { corp: corpId, request, errcode, repeated: delayMs > 0 });
    return delayMs;
  }

  /** The request that is under way, if one is, has ended this way. */
  #ended(end: RequestEnd): void {
    if (this.#sentAt === undefined) return;
    const { meter, corpId } = this.#context;
    meter.requested(corpId, { request: this.question.request, end, seconds: (performance.now() - this.#sentAt) / 1000 });
    this.#sentAt = undefined;
  }

  async #treat(error: Error): Promise<number> {
    const { openRequests, clock, log, corpId } = this.#context;
    const treatment = treatmentOf(error);
    if (treatment === 'renew') return this.#renew();
    if (treatment === 'pause') return this.#pause(error);
    if (treatment === 'yield' && openRequests.lower(this.#departedAt, clock.monotonic())) {
      log('warn', 'concurrency_lowered', 'WeCom found too many requests open', { corp: corpId, open_at_most: openRequests.limit });
    }
    if (this.question.rationed && !(error instanceof WecomError)) return 0;
    return treatment === 'repeat' || treatment === 'yield' ? this.#backOff() : 0;
  }

  get #departedAt(): number {
    return this.#departure?.at ?? 0;
  }

  async #renew(): Promise<number> {
    const { credential } = this.#context;
    if (credential === undefined || this.#token === undefined || this.#deadTokens >= FRESH_TOKENS) return 0;
    this.#deadTokens += 1;
    await credential.drop(this.#token);
    return 1;
  }

  #backOff(): number {
    if (this.#repeats >= (this.question.retries ?? this.#context.retries)) return 0;
    const steps = Math.min(2 ** this.#repeats, LONGEST_BACKOFF);
    this.#repeats += 1;
    return Math.ceil(this.#context.backoffMs * steps * (0.75 + Math.random() / 2));
  }

  #pause(error: Error): number {
    const { bans, log, corpId } = this.#context;
    const [ban] = bans;
    if (this.question.rationed || !(error instanceof WecomError)) return 0;
    const again = ban.refused(this.#departedAt, error);
    log('warn', 'frequency_limit', error.message, { corp: corpId, request: this.question.request, given_up: !again });
    return again ? 1 : 0;
  }

  #scrub(text: string): string {
    const withoutSecret = this.#context.scrub(text);
    return this.#token === undefined ? withoutSecret : withoutSecret.replaceAll(this.#token.text, '***');
  }
}
