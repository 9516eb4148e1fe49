import { join } from 'node:path';
import { temporaryFolder } from './temporary-folder.ts';
import type { Config } from '../config/load.ts';
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
import type { AlertTarget } from '../observe/alerts/alerts.ts';
import type { OrgsyncError } from '../errors.ts';
import { EXIT_CODES } from '../errors.ts';

/** Those who tell people and programs how a run went. None of it rejects, and none of it changes how a run ends. */
export interface Reporters {
  readonly meter: Meter;
  /** This process has the lease, and begins the work of a whole run. */
  readonly started: () => void;
  /** `text` are the lines that a person would see. Takes seconds at most. */
  ended(run: EndedRun, text: string): Promise<void>;
  /** The run could not begin, or found that its holder gets nothing done. */
  failed(error: OrgsyncError): Promise<void>;
}

/** What the reporters need of the application; the store is opened only when there is something to ask it. */
export interface ReporterDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  /** Takes secrets and whole phone numbers out of a text. */
  readonly scrub: (text: string) => string;
  readonly writer: Writer;
  readonly shard: Shard | undefined;
  readonly store: () => Promise<Store>;
  readonly alertBook: () => Promise<AlertBook>;
  readonly ration: () => Promise<Ration>;
  readonly corps: () => Promise<readonly Corp[]>;
}

/** Opens what `metrics:` and `alerts:` ask for, and loads nothing else. */
export async function openReporters(deps: ReporterDeps): Promise<Reporters> {
  const [metrics, alerts] = await Promise.all([openMetrics(deps), openAlerts(deps)]);
  return {
    meter: metrics.meter,
    started: () => alerts.started(),
    async ended(run, text) {
      await Promise.all([metrics.ended(run, text), alerts.ended(run, text)]);
    },
    async failed(error) {
      await Promise.all([metrics.failed(error), alerts.failed(error)]);
    },
  };
}

const NOBODY: Reporters = { meter: NO_METER, started: () => undefined, ended: () => Promise.resolve(), failed: () => Promise.resolve() };

async function openMetrics({ config, clock, log, writer, shard, corps, store, ration }: ReporterDeps): Promise<Reporters> {
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
      if (run.outcome !== 'skipped') await tellRation(records, { ration, share: config.lookup.max_wrong_share, meter: metrics.meter });
      await metrics.flush();
    },
    async failed(error) {
      metrics.failed(error);
      await metrics.flush();
    },
  };
}

/** How much of each corp's ration is spent today; a service that is gone leaves it at what was known. */
async function tellRation(records: readonly CorpRecord[], { ration, share, meter }: { readonly ration: () => Promise<Ration>; readonly share: number; readonly meter: Meter }): Promise<void> {
  try {
    const opened = await ration();
    const tell = async ({ corp, memberCount }: CorpRecord): Promise<void> =>
      meter.wrongNumbers(corp.id, { spent: await opened.spent(corp.id), budget: rationBudget(memberCount, share) });
    await Promise.all(records.map(tell));
  } catch {
    // The run has told of it, or will.
  }
}

async function openAlerts({ config, clock, log, scrub, writer, alertBook, store }: ReporterDeps): Promise<Reporters> {
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
    robotApi: config.wecom.api.reveal(),
  });
  return {
    meter: NO_METER,
    started: () => alerts.started(),
    ended: (run, text) => alerts.ended(run, text),
    failed: (error) => alerts.failed(error, EXIT_CODES[error.kind]),
  };
}

function targetOf(target: Config['alerts']['to'][number]): AlertTarget {
  if ('wecom_robot' in target) return { kind: 'wecom_robot', key: target.wecom_robot };
  if ('webhook' in target) return { kind: 'webhook', url: target.webhook, secret: target.secret, hmac_key: target.hmac_key };
  if ('ping' in target) return { kind: 'ping', url: target.ping };
  return { kind: 'command', command: target.command };
}
