import type { Config } from '../config/load.ts';
import { NO_METER } from '../core/meter.ts';
import type { Directory } from '../core/ports/directory.ts';
import type { Meter } from '../core/ports/meter.ts';
import type { Ration } from '../core/ports/ration.ts';
import type { Writer } from '../core/ports/writing.ts';
import type { Clock, Log } from '../core/ports/system.ts';

/** What a live lookup needs. */
export interface LiveParts {
  readonly directory: Directory;
  readonly ration: Ration;
  /** Writes the metrics. Never rejects; takes a few seconds at most. */
  readonly flush: () => Promise<void>;
}

interface LivePartsDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly writer: Writer;
  readonly ration: () => Promise<Ration>;
  /** Opens the directory; the meter counts its requests. */
  readonly directory: (meter: Meter) => Promise<Directory>;
}

/** Opens what a live lookup needs, with metrics when `metrics:` is configured. */
export async function openLiveParts({ config, clock, log, writer, ration, directory }: LivePartsDeps): Promise<LiveParts> {
  const { textfile, pushgateway } = config.metrics;
  if (textfile === undefined && pushgateway === undefined) return { directory: await directory(NO_METER), ration: await ration(), flush: () => Promise.resolve() };
  const [{ createMetrics }, { meteredRation }] = await Promise.all([import('../observe/metrics/metrics.ts'), import('../observe/metrics/metered-ration.ts')]);
  const metrics = createMetrics({ textfile, pushgateway, version: writer.version, clock, log });
  const metered = meteredRation(await ration(), metrics.meter);
  return {
    directory: await directory(metrics.meter),
    ration: metered,
    async flush() {
      // If the ration is out of reach, the lookup has already reported it.
      await metered.tell().catch(() => undefined);
      await metrics.flush();
    },
  };
}
