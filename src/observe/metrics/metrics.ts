import type { Idle } from '../../core/gate.ts';
import type { Corp } from '../../core/model.ts';
import type { CorpResult, EndedRun } from '../../core/outcome.ts';
import type { Meter } from '../../core/ports/meter.ts';
import type { CorpRecord } from '../../core/ports/records.ts';
import type { Clock, Log } from '../../core/ports/system.ts';
import type { Secret } from '../../core/secret.ts';
import type { Shard } from '../../core/shard.ts';
import { EXIT_CODES } from '../../errors.ts';
import type { OrgsyncError } from '../../errors.ts';
import { createHttp } from '../http.ts';
import { updatePushgateway } from './pushgateway.ts';
import { Tally } from './tally.ts';
import { updateTextfile } from './textfile.ts';
import type { Update } from './textfile.ts';

/** Where metrics are written, and what is needed for it. */
export interface MetricsOptions {
  /** A file for node_exporter's textfile collector; its name must end with `.prom`. */
  readonly textfile?: string | undefined;
  /** A Pushgateway's address. */
  readonly pushgateway?: Secret | undefined;
  /** Of a run with --shard. */
  readonly shard?: Shard | undefined;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the store contains after a run. */
interface Surroundings {
  /** All configured corps, including those that this run did not sync. */
  readonly corps: readonly Corp[];
  /** Empty when the store cannot be reached. */
  readonly records: readonly CorpRecord[];
}

/** Metrics of this process, for Prometheus. No method throws. */
export interface Metrics {
  /** For the adapters: counts during the work. */
  readonly meter: Meter;
  /** A run has ended. */
  ran(run: EndedRun, around: Surroundings): void;
  /** A run could not begin, or found a dead lease holder. */
  failed(error: OrgsyncError): void;
  /** A run does nothing on this host. Changes nothing else, and the Pushgateway only with `push`. */
  idle(reason: Idle['reason'], push: boolean): void;
  /** Writes what was counted since the last time, if anything. Without a finished run, nothing else changes. What cannot be written is lost, with one warning in the log. Takes a few seconds at most. */
  flush(): Promise<void>;
}

/** Creates metrics for a text file, a Pushgateway, both or none. */
export function createMetrics(options: MetricsOptions): Metrics {
  return new PrometheusMetrics(options);
}

class PrometheusMetrics implements Metrics {
  readonly meter: Meter;
  readonly #options: MetricsOptions;
  #tally = new Tally();
  #corps: readonly Corp[] | null = null;
  /** Whether a run was reported. Without one, such as for a lookup, the metrics of runs are not changed. */
  #isRun = false;
  /** Many processes find the lease taken, or their gate shut, at the same moment, on all hosts. They update only the file of their host. */
  #stoodBack = false;

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.meter = this.#createMeter();
  }

  ran(run: EndedRun, { corps, records }: Surroundings): void {
    this.#isRun = true;
    this.#corps = corps;
    const configured = new Set(corps.map(({ id }) => id));
    for (const record of records) if (configured.has(record.corp.id)) this.#store(record);
    const { outcome, exitCode, finishedAt, startedAt } = run;
    if (outcome === 'skipped') return this.#skipped();
    this.#tally.add('runs', { outcome });
    this.#end(exitCode, finishedAt.getTime());
    this.#tally.set('runDuration', {}, (finishedAt.getTime() - startedAt.getTime()) / 1000);
    for (const result of run.corps) this.#corp(result, finishedAt.getTime() / 1000);
  }

  failed({ code, kind }: OrgsyncError): void {
    this.#isRun = true;
    if (code === 'stale_behind_lease') return this.#skipped();
    this.#tally.add('runs', { outcome: 'failed' });
    this.#end(EXIT_CODES[kind], this.#options.clock.now());
  }

  idle(reason: Idle['reason'], push: boolean): void {
    this.#stoodBack = !push;
    this.#tally.set('lastSkip', { reason }, this.#options.clock.now() / 1000);
  }

  async flush(): Promise<void> {
    const { textfile, pushgateway } = this.#options;
    const tally = this.#tally;
    if (tally.isEmpty) return;
    this.#tally = new Tally();
    await Promise.all([
      textfile === undefined ? null : this.#written('the text file', () => updateTextfile(textfile, this.#options.clock, this.#updateOf(tally))),
      pushgateway === undefined || this.#stoodBack ? null : this.#written('the Pushgateway', () => this.#push(pushgateway.reveal(), tally)),
    ]);
  }

  #updateOf(tally: Tally): Update {
    const { version } = this.#options;
    return this.#isRun ? (before) => tally.applyTo(before, { corps: this.#corps, version }) : (before) => tally.addTo(before);
  }

  async #push(address: string, tally: Tally): Promise<void> {
    const { shard, version } = this.#options;
    const group = { job: 'orgsync', ...(shard === undefined ? {} : { shard: `${shard.index}of${shard.of}` }) };
    const target = { group, http: createHttp({ version }), whole: this.#isRun };
    const update = this.#updateOf(tally);
    await updatePushgateway(address, target, this.#isRun ? update : (before) => update(before).filter(({ name }) => tally.names.has(name)));
  }

  async #written(what: string, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#options.log('warn', 'metrics_not_written', `metrics could not be written to ${what}: ${why}`);
    }
  }

  #skipped(): void {
    this.#stoodBack = true;
    this.#tally.add('runs', { outcome: 'skipped' });
    this.#leaseSeen();
  }

  #end(exitCode: number, atMs: number): void {
    this.#tally.set('exitCode', {}, exitCode);
    this.#tally.set('lastRun', {}, atMs / 1000);
  }

  /** The store has the runs of all hosts, so this host reports them, too. */
  #store({ corp, lastSuccessAt, memberCount, departmentCount }: CorpRecord): void {
    const labels = { corp: corp.id };
    if (lastSuccessAt !== null) this.#tally.set('lastSuccess', labels, lastSuccessAt.getTime() / 1000);
    this.#tally.set('members', labels, memberCount);
    this.#tally.set('departments', labels, departmentCount);
  }

  #corp({ corp, outcome, counts, members, departments, seconds, unreadable }: CorpResult, endedAt: number): void {
    if (outcome === 'skipped') return;
    const labels = { corp: corp.id };
    this.#tally.set('lastAttempt', labels, endedAt);
    this.#tally.set('lastOutcome', { ...labels, outcome }, endedAt);
    this.#tally.set('corpDuration', labels, seconds);
    this.#tally.add('corpRuns', { ...labels, outcome });
    if (outcome === 'ok' || outcome === 'held_back') {
      this.#tally.set('unreadable', { ...labels, entity: 'member' }, unreadable.members.length);
      this.#tally.set('unreadable', { ...labels, entity: 'department' }, unreadable.departments.length);
    }
    if (outcome !== 'ok') return;
    this.#tally.set('lastSuccess', labels, endedAt);
    this.#tally.set('members', labels, members);
    this.#tally.set('departments', labels, departments);
    for (const action of ['joined', 'departed', 'changed'] as const) this.#tally.add('memberChanges', { ...labels, action }, counts[action]);
    this.#tally.add('departmentChanges', labels, counts.departmentsChanged);
  }

  #leaseSeen(): void {
    this.#tally.set('leaseHeld', {}, this.#options.clock.now() / 1000);
  }

  #createMeter(): Meter {
    // Each event is counted in the tally that is current at its time.
    const tally = (): Tally => this.#tally;
    return {
      requested: (corp, { request, end, seconds }) => {
        tally().add('requests', { corp, endpoint: request, errcode: String(end) });
        tally().add('requestSeconds', { corp, endpoint: request }, seconds);
      },
      repeated: (corp) => tally().add('retries', { corp }),
      waited: (corp, seconds) => tally().add('waits', { corp }, seconds),
      tokenRenewed: (corp) => tally().add('tokenRenewals', { corp }),
      wrongNumbers: (corp, { spent, budget }) => {
        tally().set('wrongNumbers', { corp }, spent);
        tally().set('wrongNumbersAllowed', { corp }, budget);
        tally().set('wrongNumbersAt', { corp }, this.#options.clock.now() / 1000);
      },
      leaseAsked: ({ acquired, seconds }) => {
        tally().add('leaseAsks', { result: acquired ? 'acquired' : 'held' });
        tally().add('leaseWaits', {}, seconds);
        this.#leaseSeen();
      },
    };
  }
}
