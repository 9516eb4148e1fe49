import type { Pacing } from '../core/pacer.ts';
import type { Meter } from '../core/ports/meter.ts';
import type { Clock, Log } from '../core/ports/system.ts';
import type { TokenCache } from '../core/ports/tokens.ts';
import type { Secret } from '../core/secret.ts';

/** How one corp is reached. */
export interface CorpAccess {
  /** Such as `https://qyapi.weixin.qq.com`; another for a private deployment. */
  readonly api: string;
  /** Wins over HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */
  readonly proxy?: string | undefined;
  /** Of the application that sees what is to be read. */
  readonly secret: Secret;
  /** With it, members and departments put into the application's range one by one are found. */
  readonly agentId?: number | undefined;
  /** Of contacts-sync; with it, the ids that WeCom knows are compared with what was read. */
  readonly contactsSecret?: Secret | undefined;
  /** How members are read: department by department (`walk`, the default), by WeCom's export, or by whichever is quicker. */
  readonly strategy?: 'walk' | 'export' | 'auto' | undefined;
  /** Requests per second at most, in any sliding second. */
  readonly rate: number;
  /** Open requests at most; fewer while WeCom finds them too many. */
  readonly concurrency: number;
  /** How often one request is repeated at most when no answer comes or WeCom is busy. */
  readonly retries: number;
  /** How long WeCom may be silent. */
  readonly timeoutMs: number;
  /** How long everything pauses after the first frequency limit (45009); 65 s, for the shortest window is a minute (P90312). */
  readonly frequencyWaitMs?: number | undefined;
  /** How long to wait before the first repeat; 1 s. */
  readonly backoffMs?: number | undefined;
  /** How large one answer may be; 64 MiB. */
  readonly maxAnswerBytes?: number | undefined;
}

export interface WecomOptions {
  /** How a corp is reached, asked once per corp, when it is first needed. */
  readonly access: (corpId: string) => CorpAccess;
  /** Says when each request may be sent. */
  readonly pacing: Pacing;
  readonly tokens: TokenCache;
  /** How long all token requests pause after the first frequency limit on one; 65 s. */
  readonly tokenWaitMs?: number | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Hears of requests, repeats, waits and tokens; nobody does without it. */
  readonly meter?: Meter;
}
