import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryFolder } from './temporary-folder.ts';
import type { Config } from '../config/load.ts';
import { reportOk } from '../core/finding.ts';
import type { Finding } from '../core/finding.ts';
import type { Activity } from '../core/freshness.ts';
import type { Idle } from '../core/gate.ts';
import { NO_METER } from '../core/meter.ts';
import type { Corp } from '../core/model.ts';
import type { EndedRun } from '../core/outcome.ts';
import type { AlertBook } from '../core/ports/alerts.ts';
import type { Meter } from '../core/ports/meter.ts';
import type { Ration } from '../core/ports/ration.ts';
import type { CorpRecord } from '../core/ports/records.ts';
import type { Writer } from '../core/ports/writing.ts';
import type { Store } from '../store/store.ts';
import type { Clock, Log } from '../core/ports/system.ts';
import { rationBudget } from '../core/ration.ts';
import type { Shard } from '../core/shard.ts';
import { isDue } from '../local/due.ts';
import type { AlertTarget } from '../observe/alerts/alerts.ts';
import type { OrgsyncError } from '../errors.ts';
import { EXIT_CODES } from '../errors.ts';

/** Reports a run to people and programs. No method rejects or changes the result of the run. */
export interface Reporters {
  readonly meter: Meter;
  /** Call this when the process has the lease and begins a whole run. */
  readonly started: () => void;
  /** Call this when a run has ended. `text` is the report for people. Takes a few seconds at most. */
  ended(run: EndedRun, text: string): Promise<void>;
  /** Call this when a run could not begin, or when another process has the lease and makes no progress. */
  failed(error: OrgsyncError): Promise<void>;
  /** The targets of alerts that could not be reached so far, each with the reason. */
  undelivered(): readonly string[];
}

/** What the reporters need of the application. The store is opened only when it is needed. */
export interface ReporterDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  /** Removes secrets and whole phone numbers from a text. */
  readonly scrub: (text: string) => string;
  readonly writer: Writer;
  readonly shard: Shard | undefined;
  readonly store: () => Promise<Store>;
  readonly alertBook: () => Promise<AlertBook>;
  readonly ration: () => Promise<Ration>;
  readonly corps: () => Promise<readonly Corp[]>;
}

/** One way to report. */
interface Reporter extends Reporters {
  /** A run does nothing on this host. When `isDue`, at last once an hour, the others are looked for. */
  idle(idle: Idle, isDue: boolean): Promise<void>;
}

/** How often a host on which runs do nothing looks, at last, whether they begin elsewhere. */
const LOOK_EVERY_MS = 3_600_000;

/** Opens the reporters that `metrics:` and `alerts:` configure, and loads nothing else. */
export async function openReporters(deps: ReporterDeps): Promise<Reporters> {
  const [metrics, alerts] = await Promise.all([openMetrics(deps), openAlerts(deps)]);
  return {
    meter: metrics.meter,
    started: () => alerts.started(),
    async ended(run, text) {
      const idle = idleIn(run);
      if (idle === null) await Promise.all([metrics.ended(run, text), alerts.ended(run, text)]);
      else if (metrics !== NOBODY || alerts !== NOBODY) {
        const isDue = await isLookDue(deps);
        await Promise.all([metrics.idle(idle, isDue), alerts.idle(idle, isDue)]);
      }
    },
    async failed(error) {
      await Promise.all([metrics.failed(error), alerts.failed(error)]);
    },
    undelivered: () => alerts.undelivered(),
  };
}

const NOBODY: Reporter = { meter: NO_METER, started: () => undefined, ended: () => Promise.resolve(), failed: () => Promise.resolve(), idle: () => Promise.resolve(), undelivered: () => [] };

function idleIn({ reason, why }: EndedRun): Idle | null {
  return (reason === 'gate' || reason === 'read_only') && why !== null ? { reason, why } : null;
}

/** Remembers the look in a file of this host, for each store: most of such processes end without opening the store. */
async function isLookDue({ config: { store, alerts }, clock }: ReporterDeps): Promise<boolean> {
  const where = store.engine === 'sqlite' ? store.path : new URL(store.url.reveal()).host + new URL(store.url.reveal()).pathname;
  const mark = join(temporaryFolder(), `looked-${createHash('sha256').update(where).digest('hex').slice(0, 16)}`);
  return await isDue(mark, { everyMs: Math.min(LOOK_EVERY_MS, alerts.stale_after), now: clock.now() });
}

/** The findings of `orgsync doctor` about what `metrics:` configures: a run reports to the log only that it could not write them. */
export async function inspectMetrics({ textfile }: Config['metrics']): Promise<readonly Finding[]> {
  if (textfile === undefined) return [];
  const title = 'metrics can be written';
  try {
    await access(dirname(textfile), constants.W_OK | constants.X_OK);
    return [reportOk(title, textfile)];
  } catch (error) {
    const fix = 'create the folder, and let this account write in it, because each update replaces the file; or correct `metrics.textfile`';
    return [{ title, result: 'warning', detail: `${textfile} cannot be written: ${error instanceof Error ? error.message : String(error)}`, fix }];
  }
}

async function openMetrics({ config, clock, log, writer, shard, corps, store, ration }: ReporterDeps): Promise<Reporter> {
  const { textfile, pushgateway } = config.metrics;
  if (textfile === undefined && pushgateway === undefined) return NOBODY;
  const { createMetrics } = await import('../observe/metrics/metrics.ts');
  const metrics = createMetrics({ textfile, pushgateway, shard, version: writer.version, clock, log });
  return {
    ...NOBODY,
    meter: metrics.meter,
    async ended(run) {
      const records = await store().then((opened) => opened.corps()).catch(() => []);
      metrics.ran(run, { corps: await corps(), records });
      if (run.outcome !== 'skipped') await measureRation(records, { ration, share: config.lookup.max_wrong_share, meter: metrics.meter });
      await metrics.flush();
    },
    async failed(error) {
      metrics.failed(error);
      await metrics.flush();
    },
    async idle({ reason }, isDue) {
      metrics.idle(reason, isDue);
      await metrics.flush();
    },
  };
}

/** Sets the metrics of each corp's ration today. If the ration cannot be read, the last values stay. */
async function measureRation(records: readonly CorpRecord[], { ration, share, meter }: { readonly ration: () => Promise<Ration>; readonly share: number; readonly meter: Meter }): Promise<void> {
  try {
    const opened = await ration();
    const tell = async ({ corp, memberCount }: CorpRecord): Promise<void> =>
      meter.wrongNumbers(corp.id, { spent: await opened.spent(corp.id), budget: rationBudget(memberCount, share) });
    await Promise.all(records.map(tell));
  } catch {
    // The run itself reports this error.
  }
}

async function openAlerts({ config, clock, log, scrub, writer, alertBook, store }: ReporterDeps): Promise<Reporter> {
  const { to: targets, remind_after: remindAfterMs, stale_after: staleAfterMs } = config.alerts;
  if (targets.length === 0) return NOBODY;
  const [{ createAlerts }, { createAlertFile }] = await Promise.all([import('../observe/alerts/alerts.ts'), import('../local/alert-book.ts')]);
  const alerts = createAlerts({
    targets: targets.map(targetOf),
    remindAfterMs,
    staleAfterMs,
    clock,
    log,
    scrub,
    host: writer.host,
    version: writer.version,
    shared: alertBook,
    local: createAlertFile(join(temporaryFolder(), 'alerts.json'), clock),
    corps: async () => (await store()).corps(),
    activity: () => readActivityOf(config, store),
    robotApi: config.wecom.api.reveal(),
  });
  return {
    meter: NO_METER,
    started: () => alerts.started(),
    ended: (run, text) => alerts.ended(run, text),
    failed: (error) => alerts.failed(error, EXIT_CODES[error.kind]),
    idle: ({ why }, isDue) => (isDue ? alerts.idle(why) : Promise.resolve()),
    undelivered: () => alerts.undelivered(),
  };
}

/** Creates no store: a process that asks this does not run here. */
async function readActivityOf({ store }: Config, open: ReporterDeps['store']): Promise<Activity> {
  if (store.engine === 'sqlite' && !existsSync(store.path)) return { lastBeganAt: null, lastSuccessAt: null };
  const { readActivity } = await import('../sync/activity.ts');
  return await readActivity(await open());
}

function targetOf(target: Config['alerts']['to'][number]): AlertTarget {
  if ('wecom_robot' in target) return { kind: 'wecom_robot', key: target.wecom_robot };
  if ('webhook' in target) return { kind: 'webhook', url: target.webhook, secret: target.secret, hmac_key: target.hmac_key };
  if ('ping' in target) return { kind: 'ping', url: target.ping };
  return { kind: 'command', command: target.command };
}
