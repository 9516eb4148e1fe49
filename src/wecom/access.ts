import type { Pacing } from '../core/pacer.ts';
import type { Meter } from '../core/ports/meter.ts';
import type { Clock, Log } from '../core/ports/system.ts';
import type { TokenCache } from '../core/ports/tokens.ts';
import type { Secret } from '../core/secret.ts';

/** The settings for requests to one corp. */
export interface CorpAccess {
  /** The base URL, such as `https://qyapi.weixin.qq.com`. */
  readonly api: string;
  /** Takes precedence over HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */
  readonly proxy?: string | undefined;
  /** The secret of the application. */
  readonly secret: Secret;
  /** With it, members who were put into the application's visible range one by one or by a tag are read as well. */
  readonly agentId?: number | undefined;
  /** The secret of contacts-sync; with it, a reading is compared with all ids of the corp. */
  readonly contactsSecret?: Secret | undefined;
  /** How members are read: department by department (`walk`, the default), by WeCom's export, or by the quicker of the two. */
  readonly strategy?: 'walk' | 'export' | 'auto' | undefined;
  /** The most requests in any sliding second. */
  readonly rate: number;
  /** The most open requests; fewer after WeCom refused some because too many were open. */
  readonly concurrency: number;
  /** The most retries of one request when no answer comes or WeCom is busy. */
  readonly retries: number;
  /** How long WeCom may be silent, in each phase of a request. */
  readonly timeoutMs: number;
  /** How long a whole answer may take; six times `timeoutMs` by default. */
  readonly answerMs?: number | undefined;
  /** How long all requests pause after the first frequency limit (45009); 65 s by default, because WeCom's shortest window is a minute (P90312). */
  readonly frequencyWaitMs?: number | undefined;
  /** How long to wait before the first retry; 1 s by default. */
  readonly backoffMs?: number | undefined;
  /** The largest answer; 64 MiB by default. */
  readonly maxAnswerBytes?: number | undefined;
}

export interface WecomOptions {
  /** Returns the settings of a corp. Called once per corp, when they are first needed. */
  readonly access: (corpId: string) => CorpAccess;
  /** Says when each request may be sent. */
  readonly pacing: Pacing;
  readonly tokens: TokenCache;
  /** How long all token requests pause after the first frequency limit on one of them; 65 s by default. */
  readonly tokenWaitMs?: number | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Counts requests, retries, waits and tokens. */
  readonly meter?: Meter;
}
