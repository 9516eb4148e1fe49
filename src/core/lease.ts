import { OrgsyncError } from '../errors.ts';
import type { Lease } from './ports/leases.ts';
import type { Clock, Log } from './ports/system.ts';

/** A lease that its keeper (Redis or the store) has just granted. */
export interface Grant {
  readonly name: string;
  /** What keeps it, for messages: `Redis at cache:6379`, `the store`. */
  readonly keeper: string;
  /** How long the keeper keeps it without a renewal. */
  readonly ttlMs: number;
  /** When the grant was requested, by {@link Clock.monotonic}: the time just before the request was sent. */
  readonly askedAt: number;
  /** Asks once for another `ttlMs`; false when this process no longer has the lease. Rejects, within a time limit, when there is no answer. */
  renew(): Promise<boolean>;
  /** Frees the lease if this process still has it. Rejects, within a time limit, when there is no answer. */
  free(): Promise<void>;
}

/** A lease counts as lost after this share of its ttl without a renewal. The rest of the ttl is for stopping the work. */
const TRUSTED_SHARE = 0.9;
/** Renewals per ttl when all of them succeed. */
const RENEWALS_PER_LIFE = 3;
/** The longest time for a release. A lease that is not released by then ends after its ttl. */
const RELEASE_WITHIN_MS = 1_500;
/** After a failed renewal, renewals are this many times as frequent. */
const HASTE = 5;

/** Until when a lease that was requested at `askedAt` may be trusted, by the same clock. */
function trustedUntil(askedAt: number, ttlMs: number): number {
  return askedAt + ttlMs * TRUSTED_SHARE;
}

/** Keeps a granted lease: renews it until it is released or lost, and aborts its signal when it is lost. {@link Lease} has the promises. */
export function keepLease(grant: Grant, clock: Clock, log: Log): Lease {
  return new KeptLease(grant, clock, log);
}

class KeptLease implements Lease {
  readonly name: string;
  readonly #grant: Grant;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #lost = new AbortController();
  readonly #ended = new AbortController();
  #deadline: number;
  #lastFailure: unknown;
  #released: Promise<void> | undefined;

  constructor(grant: Grant, clock: Clock, log: Log) {
    this.name = grant.name;
    this.#grant = grant;
    this.#clock = clock;
    this.#log = log;
    this.#deadline = trustedUntil(grant.askedAt, grant.ttlMs);
    void this.#renewUntilEnded();
    void this.#watchDeadline();
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  ensureHeld(): void {
    if (this.#released !== undefined) throw lost(this.name, 'it was released');
    if (this.#clock.monotonic() >= this.#deadline) this.#loseByTime();
    this.#lost.signal.throwIfAborted();
  }

  async release(): Promise<void> {
    this.#released ??= this.#free();
    await this.#released;
  }

  async #free(): Promise<void> {
    this.#ended.abort();
    const freed = new AbortController();
    const failed = (why: Readonly<Record<string, unknown>>): void =>
      this.#log('warn', 'lease_not_released', `Lease ${this.name} could not be released; it ends after its ttl`, why);
    try {
      const free = this.#grant.free().then(() => 'freed');
      const late = this.#clock.sleep(RELEASE_WITHIN_MS, freed.signal).then(() => 'late');
      if ((await Promise.race([free, late])) === 'late') failed({ reason: 'no answer in time' });
    } catch (error) {
      failed({ error });
    } finally {
      freed.abort();
    }
  }

  async #renewUntilEnded(): Promise<void> {
    const interval = this.#grant.ttlMs / RENEWALS_PER_LIFE;
    let wait = this.#grant.askedAt + interval - this.#clock.monotonic();
    while (await this.#pause(wait)) {
      if (this.#clock.monotonic() >= this.#deadline) return;
      wait = (await this.#renew()) ? interval : interval / HASTE;
    }
  }

  async #renew(): Promise<boolean> {
    const askedAt = this.#clock.monotonic();
    try {
      const ours = await this.#grant.renew();
      if (ours) this.#deadline = trustedUntil(askedAt, this.#grant.ttlMs);
      else this.#lose('somebody else has it, or its keeper has lost it');
      return ours;
    } catch (error) {
      this.#lastFailure = error;
      this.#log('warn', 'lease_not_renewed', `Lease ${this.name} could not be renewed; trying again`, { error });
      return false;
    }
  }

  async #watchDeadline(): Promise<void> {
    while (await this.#pause(this.#deadline - this.#clock.monotonic())) {
      if (this.#clock.monotonic() >= this.#deadline) this.#loseByTime();
    }
  }

  /** False when the lease has ended in the meantime. */
  async #pause(ms: number): Promise<boolean> {
    await this.#clock.sleep(Math.max(ms, 0), this.#ended.signal).catch(() => undefined);
    return !this.#ended.signal.aborted;
  }

  #loseByTime(): void {
    this.#lose(`${this.#grant.keeper} did not renew it in time`, this.#lastFailure);
  }

  #lose(why: string, cause?: unknown): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#log('error', 'lease_lost', `Lease ${this.name} is lost: ${why}`);
    this.#lost.abort(lost(this.name, why, cause));
  }
}

function lost(name: string, why: string, cause?: unknown): OrgsyncError {
  return new OrgsyncError('temporary', {
    code: 'lease_lost',
    message: `the lock ${name} is no longer ours: ${why}`,
    hint: 'nothing half-done was written; the next run does the rest. If this happens often, raise lock.ttl or look at what keeps the lock',
    cause,
  });
}
