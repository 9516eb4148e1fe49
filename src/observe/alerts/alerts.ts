import { untilAborted } from '../../core/abort.ts';
import { observeFailure, observeIdle, observeRun, judgeAlerts, untold } from '../../core/alerts/alerting.ts';
import type { Alert, Observations, Step } from '../../core/alerts/alerting.ts';
import type { Activity } from '../../core/freshness.ts';
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

/** A target of alerts, from the configuration. */
export type AlertTarget =
  | { readonly kind: 'wecom_robot'; readonly key: Secret }
  | { readonly kind: 'webhook'; readonly url: Secret; readonly secret: Secret | null; readonly hmac_key: Secret | null }
  | { readonly kind: 'ping'; readonly url: Secret }
  | { readonly kind: 'command'; readonly command: string };

/** What alerts need. Durations are in milliseconds. */
export interface AlertsOptions {
  readonly targets: readonly AlertTarget[];
  readonly remindAfterMs: number;
  readonly staleAfterMs: number;
  /** Opens the alert book that all hosts share; called only when it is needed. */
  readonly shared: () => Promise<AlertBook>;
  /** This host's own book, for the time while the shared one cannot be used. */
  readonly local: AlertBook;
  /** The last success of every corp; read after a run. */
  readonly corps: () => Promise<readonly CorpRecord[]>;
  /** Read by {@link Alerts.idle}. */
  readonly activity: () => Promise<Activity>;
  /** WeCom's address, for group robots. */
  readonly robotApi: string;
  readonly host: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Removes secrets and complete phone numbers from a text, because many people read the targets of alerts. */
  readonly scrub: (text: string) => string;
  /** The time limit of one attempt to reach an address. */
  readonly attemptMs?: number;
}

/** Sends alerts about runs. No method rejects: an alert that cannot be sent is logged, and a later run sends it. */
export interface Alerts {
  /** This process has begun the work of a whole run: health checks get its start and its end. */
  started(): void;
  /** A run has ended; `text` is its report for people. Takes a few seconds at most. */
  ended(run: EndedRun, text: string): Promise<void>;
  /** A run could not begin, or found a dead lease holder. */
  failed(error: OrgsyncError, exitCode: number): Promise<void>;
  /** A run does nothing on this host, and why: looks in the store whether others work. */
  idle(why: string): Promise<void>;
  /** The targets that could not be reached so far, each with the reason. */
  undelivered(): readonly string[];
}

/** The time limit for the shared book, because the store may be what has failed. */
const BOOK_MS = 10_000;

/** Creates alerts to `targets`; they do nothing when there are no targets. */
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
      return [createWebhook({ url: target.url, secret: target.secret, hmacKey: target.hmac_key, http })];
    case 'command':
      return [createCommand({ command: target.command })];
    case 'ping':
      return [];
  }
}

/** A step that this process has written to `book`, so it has to send the alert. */
interface Claim {
  readonly book: AlertBook;
  readonly step: Step;
}

class Teller implements Alerts {
  readonly #options: AlertsOptions;
  readonly #channels: readonly Channel[];
  readonly #checks: readonly HealthCheck[];
  readonly #undelivered = new Map<string, string>();
  /** Settles when the start has been sent: the end must not arrive before it. */
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
      this.#judge(async () => observeRun(run, await this.#records(run), { now: clock.now(), staleAfterMs })),
    ]);
  }

  async failed(error: OrgsyncError, exitCode: number): Promise<void> {
    await Promise.all([
      this.#pingEnd(exitCode, this.#options.scrub([error.message, error.hint].filter(Boolean).join('\n'))),
      this.#judge(() => Promise.resolve(observeFailure(error))),
    ]);
  }

  async idle(why: string): Promise<void> {
    const { clock, log, activity, staleAfterMs } = this.#options;
    if (this.#channels.length === 0) return;
    try {
      const observed = observeIdle(why, await within(BOOK_MS, activity), { now: clock.now(), staleAfterMs });
      // Without an incident, the book need not be opened.
      if (observed.incidents.length > 0) await this.#judge(() => Promise.resolve(observed));
    } catch (error) {
      log('info', 'activity_unknown', 'the store does not tell when runs last began and succeeded: nobody is alerted from here', { code: asOrgsyncError(error).code });
    }
  }

  undelivered(): readonly string[] {
    return [...this.#undelivered].map(([channel, why]) => `${channel} (${why})`).sort();
  }

  /** The last successes, if any corp was tried. An unreachable store does not hide a failure. */
  async #records(run: EndedRun): Promise<readonly CorpRecord[]> {
    if (run.corps.length === 0 || this.#channels.length === 0) return [];
    try {
      return await within(BOOK_MS, this.#options.corps);
    } catch (error) {
      this.#complainOfStore(error);
      return [];
    }
  }

  /** Only the process that did the work sends pings: others would hide a sync that no longer works. */
  async #pingEnd(exitCode: number, text: string): Promise<void> {
    if (this.#start === null) return;
    await this.#start;
    await this.#ping((check) => check.ended(exitCode, text));
  }

  async #ping(tell: (check: HealthCheck) => Promise<void>): Promise<void> {
    const told = await Promise.allSettled(this.#checks.map(tell));
    for (const one of told) if (one.status === 'rejected') this.#logFailure('ping', one.reason);
  }

  async #judge(find: () => Promise<Observations>): Promise<void> {
    if (this.#channels.length === 0) return;
    try {
      const claims = await this.#claims(this.#scrub(await find()));
      if (claims.length > 0) await this.#tell(claims);
    } catch (error) {
      this.#logFailure('all', error);
    }
  }

  /** Scrubs an alert: a userid can be a phone number, and the text of a server can contain anything. */
  #scrub({ incidents, healthy }: Observations): Observations {
    const { scrub } = this.#options;
    return {
      healthy,
      incidents: incidents.map(({ message, hint, departing, ...rest }) => ({ ...rest, message: scrub(message), hint: hint === null ? null : scrub(hint), departing: departing.map(scrub) })),
    };
  }

  async #claims(observed: Observations): Promise<readonly Claim[]> {
    const { local } = this.#options;
    const shared = await this.#claimShared(observed);
    // A problem in the local book can end while the shared book works, but nothing new is written to the local book.
    const mine = await this.#claim(local, shared === null ? observed : { incidents: [], healthy: observed.healthy }, { claims: [], signal: null });
    return [...(shared ?? []), ...mine];
  }

  /** An alert that was claimed before the store became unreachable must still be sent. */
  async #claimShared(observed: Observations): Promise<readonly Claim[] | null> {
    const claims: Claim[] = [];
    try {
      await within(BOOK_MS, async (signal) => this.#claim(await this.#options.shared(), observed, { claims, signal }));
    } catch (error) {
      this.#complainOfStore(error);
      return claims.length > 0 ? claims : null;
    }
    return claims;
  }

  async #claim(book: AlertBook, observed: Observations, { claims, signal }: { readonly claims: Claim[]; readonly signal: AbortSignal | null }): Promise<readonly Claim[]> {
    const { clock, host, remindAfterMs } = this.#options;
    for (const step of judgeAlerts(observed, await book.read(), { now: clock.now(), host, remindAfterMs })) {
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
      this.#logFailure(name, error);
      return false;
    }
  }

  /** No target got the alert: the next run sends it again. */
  async #putBack(claims: readonly Claim[]): Promise<void> {
    for (const { book, step } of claims) await book.replace(step.next, untold(step));
  }

  #complainOfStore(error: unknown): void {
    const { code } = asOrgsyncError(error);
    this.#options.log('warn', 'alert_book_unavailable', 'the store does not tell which alerts were sent: this host decides alone', { code });
  }

  #logFailure(channel: string, error: unknown): void {
    const { code, message } = asOrgsyncError(error);
    this.#undelivered.set(channel, message);
    this.#options.log('warn', 'alert_not_delivered', `an alert could not be delivered by ${channel}: ${message}`, { channel, code });
  }
}

/** Both books can contain the same recovery. */
function distinct(alerts: readonly Alert[]): readonly Alert[] {
  return [...new Map(alerts.map((alert) => [`${alert.subject} ${alert.change} ${alert.change === 'recovered' ? '' : alert.kind}`, alert])).values()];
}

/** Waits for `work` for a limited time, and aborts its signal afterwards. */
async function within<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new OrgsyncError('unavailable', { code: 'too_slow', message: `no answer within ${ms / 1000} s`, hint: 'look at the store' })), ms);
  try {
    return await untilAborted(work(late.signal), late.signal);
  } finally {
    clearTimeout(timer);
  }
}
