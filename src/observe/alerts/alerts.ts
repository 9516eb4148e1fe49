import { findingsOf, findingsOfFailure, judgeAlerts, untold } from '../../core/alerts/alerting.ts';
import type { Alert, Findings, Step } from '../../core/alerts/alerting.ts';
import type { EndedRun } from '../../core/outcome.ts';
import type { AlertBook } from '../../core/ports/alerts.ts';
import type { CorpRecord } from '../../core/ports/records.ts';
import type { Clock, Log } from '../../core/ports/system.ts';
import type { Secret } from '../../core/secret.ts';
import { OrgsyncError, asOrgsyncError } from '../../errors.ts';
import type { Channel } from './channel.ts';
import { createCommand } from './command.ts';
import { createHttp } from '../http.ts';
import type { Http } from '../http.ts';
import { createHealthCheck } from './ping.ts';
import type { HealthCheck } from './ping.ts';
import { createRobot } from './robot.ts';
import { createWebhook } from './webhook.ts';

/** Somebody to tell. */
export type AlertTarget =
  | { readonly kind: 'wecom_robot'; readonly key: Secret }
  | { readonly kind: 'webhook'; readonly url: Secret; readonly hmac_key: Secret | null }
  | { readonly kind: 'ping'; readonly url: Secret }
  | { readonly kind: 'command'; readonly command: string };

/** What alerts work with. Durations in milliseconds. */
export interface AlertsOptions {
  readonly targets: readonly AlertTarget[];
  readonly remindAfterMs: number;
  readonly staleAfterMs: number;
  /** The book that all hosts share. Opened only when something is to be looked up in it. */
  readonly shared: () => Promise<AlertBook>;
  /** This host's own book, for when the shared one cannot be had. */
  readonly local: AlertBook;
  /** Every corp's last success; asked for after a run. */
  readonly corps: () => Promise<readonly CorpRecord[]>;
  /** WeCom's address, for the robot. */
  readonly robotApi: string;
  readonly host: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Takes secrets and whole phone numbers out of a text: what is told leaves for channels that many read. */
  readonly scrub: (text: string) => string;
  /** How long one attempt at an address may take. */
  readonly attemptMs?: number;
}

/** Tells people how runs go. Nothing in here rejects: what cannot be told is logged, and told by a later run. */
export interface Alerts {
  /** This process has begun to do the work of a whole run: health checks hear of its start and its end. */
  started(): void;
  /** A run has ended; `text` are the lines that a person would see. Takes seconds at most. */
  ended(run: EndedRun, text: string): Promise<void>;
  /** A run could not begin, or found a dead lease holder. */
  failed(error: OrgsyncError, exitCode: number): Promise<void>;
}

/** How long the shared book may take: the store may be what has failed. */
const BOOK_MS = 10_000;

/** Alerts to `targets`; does nothing at all where there is none. */
export function createAlerts(options: AlertsOptions): Alerts {
  const http = createHttp(options);
  const checks = options.targets.flatMap((target) => (target.kind === 'ping' ? [createHealthCheck({ url: target.url, http })] : []));
  const channels = options.targets.flatMap((target) => channelOf(target, options, http));
  return new Teller(options, channels, checks);
}

function channelOf(target: AlertTarget, { robotApi }: AlertsOptions, http: Http): readonly Channel[] {
  switch (target.kind) {
    case 'wecom_robot':
      return [createRobot({ key: target.key, api: robotApi, http })];
    case 'webhook':
      return [createWebhook({ url: target.url, key: target.hmac_key, http })];
    case 'command':
      return [createCommand({ command: target.command })];
    case 'ping':
      return [];
  }
}

/** A step that this process has got written into `book`, and has to tell of. */
interface Claim {
  readonly book: AlertBook;
  readonly step: Step;
}

class Teller implements Alerts {
  readonly #options: AlertsOptions;
  readonly #channels: readonly Channel[];
  readonly #checks: readonly HealthCheck[];
  /** Settles when the start has been told: the end must not overtake it. */
  #start: Promise<void> | null = null;

  constructor(options: AlertsOptions, channels: readonly Channel[], checks: readonly HealthCheck[]) {
    this.#options = options;
    this.#channels = channels;
    this.#checks = checks;
  }

  started(): void {
    this.#start ??= this.#ping((check) => check.started());
  }

  async ended(run: EndedRun, text: string): Promise<void> {
    const { clock, staleAfterMs } = this.#options;
    await Promise.all([
      this.#pingEnd(run.exitCode, this.#options.scrub(text)),
      this.#judge(async () => findingsOf(run, await this.#records(run), { now: clock.now(), staleAfterMs })),
    ]);
  }

  async failed(error: OrgsyncError, exitCode: number): Promise<void> {
    await Promise.all([
      this.#pingEnd(exitCode, this.#options.scrub([error.message, error.hint].filter(Boolean).join('\n'))),
      this.#judge(() => Promise.resolve(findingsOfFailure(error))),
    ]);
  }

  /** The corps' last successes, where there is something to say of corps; a store that has gone away meanwhile hides no failure. */
  async #records(run: EndedRun): Promise<readonly CorpRecord[]> {
    if (run.corps.length === 0 || this.#channels.length === 0) return [];
    try {
      return await within(BOOK_MS, this.#options.corps);
    } catch (error) {
      this.#complainOfStore(error);
      return [];
    }
  }

  /** Only the process that did the work: the others would keep a dead sync looking alive. */
  async #pingEnd(exitCode: number, text: string): Promise<void> {
    if (this.#start === null) return;
    await this.#start;
    await this.#ping((check) => check.ended(exitCode, text));
  }

  async #ping(tell: (check: HealthCheck) => Promise<void>): Promise<void> {
    const told = await Promise.allSettled(this.#checks.map(tell));
    for (const one of told) if (one.status === 'rejected') this.#complain('ping', one.reason);
  }

  async #judge(find: () => Promise<Findings>): Promise<void> {
    if (this.#channels.length === 0) return;
    try {
      const claims = await this.#claims(this.#scrubbed(await find()));
      if (claims.length > 0) await this.#tell(claims);
    } catch (error) {
      this.#complain('all', error);
    }
  }

  /** A userid can be a phone number, and a server's words can hold anything: neither goes to a channel, nor into a book. */
  #scrubbed({ complaints, healthy }: Findings): Findings {
    const { scrub } = this.#options;
    return {
      healthy,
      complaints: complaints.map(({ message, hint, departing, ...rest }) => ({ ...rest, message: scrub(message), hint: hint === null ? null : scrub(hint), departing: departing.map(scrub) })),
    };
  }

  async #claims(findings: Findings): Promise<readonly Claim[]> {
    const { local } = this.#options;
    const shared = await this.#claimShared(findings);
    // What the local book complains of can end while the shared one is there, but nothing new is written to it.
    const mine = await this.#claim(local, shared === null ? findings : { complaints: [], healthy: findings.healthy }, { claims: [], signal: null });
    return [...(shared ?? []), ...mine];
  }

  /** What was claimed before the store went away is still to be told. */
  async #claimShared(findings: Findings): Promise<readonly Claim[] | null> {
    const claims: Claim[] = [];
    try {
      await within(BOOK_MS, async (signal) => this.#claim(await this.#options.shared(), findings, { claims, signal }));
    } catch (error) {
      this.#complainOfStore(error);
      return claims.length > 0 ? claims : null;
    }
    return claims;
  }

  async #claim(book: AlertBook, findings: Findings, { claims, signal }: { readonly claims: Claim[]; readonly signal: AbortSignal | null }): Promise<readonly Claim[]> {
    const { clock, host, remindAfterMs } = this.#options;
    for (const step of judgeAlerts(findings, await book.read(), { now: clock.now(), host, remindAfterMs })) {
      signal?.throwIfAborted();
      if (await book.replace(step.previous, step.next)) claims.push({ book, step });
    }
    return claims;
  }

  async #tell(claims: readonly Claim[]): Promise<void> {
    const { host, version, clock } = this.#options;
    const [first, ...others] = distinct(claims.map(({ step }) => step.alert));
    if (first === undefined) return;
    const notice = { alerts: [first, ...others], host, version, at: new Date(clock.now()) } as const;
    const told = await Promise.all(this.#channels.map((channel) => this.#tellOn(channel, () => channel.tell(notice))));
    if (!told.includes(true)) await this.#putBack(claims);
  }

  async #tellOn({ name }: Channel, tell: () => Promise<void>): Promise<boolean> {
    try {
      await tell();
      this.#options.log('info', 'alert_sent', `people were told by ${name}`, { channel: name });
      return true;
    } catch (error) {
      this.#complain(name, error);
      return false;
    }
  }

  /** Nobody heard of it: the next run tells it again. */
  async #putBack(claims: readonly Claim[]): Promise<void> {
    for (const { book, step } of claims) await book.replace(step.next, untold(step));
  }

  #complainOfStore(error: unknown): void {
    const { code } = asOrgsyncError(error);
    this.#options.log('warn', 'alert_book_unavailable', 'the store does not tell which alerts were sent: this host decides alone', { code });
  }

  #complain(channel: string, error: unknown): void {
    const { code, message } = asOrgsyncError(error);
    this.#options.log('warn', 'alert_not_delivered', `an alert could not be delivered by ${channel}: ${message}`, { channel, code });
  }
}

/** Both books may know of the same recovery. */
function distinct(alerts: readonly Alert[]): readonly Alert[] {
  return [...new Map(alerts.map((alert) => [`${alert.subject} ${alert.change} ${alert.change === 'recovered' ? '' : alert.kind}`, alert])).values()];
}

/** Gives `work` so long, and tells it by the signal when nobody waits for it any longer. */
async function within<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const expired = new Promise<never>((_resolve, reject) => late.signal.addEventListener('abort', () => reject(late.signal.reason as Error), { once: true }));
  const timer = setTimeout(() => late.abort(new OrgsyncError('unavailable', { code: 'too_slow', message: `no answer within ${ms / 1000} s`, hint: 'look at the store' })), ms);
  try {
    return await Promise.race([work(late.signal), expired]);
  } finally {
    clearTimeout(timer);
  }
}
