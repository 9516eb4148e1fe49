import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startServer } from './server-process.ts';
import type { ServerProcess } from './server-process.ts';

/** One series of an answer. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** Starts a node_exporter on loopback that exports nothing but the text files of `folder`. */
export async function startNodeExporter(folder: string): Promise<ServerProcess> {
  return await startServer({
    name: 'node-exporter',
    command: (_dir, port) => [
      'prometheus-node-exporter',
      '--collector.disable-defaults',
      '--collector.textfile',
      `--collector.textfile.directory=${folder}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    url: (port) => `http://127.0.0.1:${port}`,
    probe: answers('/metrics'),
  });
}

/** Starts a Pushgateway on loopback. */
export async function startPushgateway(): Promise<ServerProcess> {
  return await startServer({
    name: 'pushgateway',
    command: (_dir, port) => ['prometheus-pushgateway', `--web.listen-address=127.0.0.1:${port}`, '--persistence.file='],
    url: (port) => `http://127.0.0.1:${port}`,
    probe: answers('/-/ready'),
  });
}

/** Starts a Prometheus on loopback that asks `targets` every half second, and knows our alerting rules. */
export async function startPrometheus(targets: readonly ServerProcess[], rules: string): Promise<ServerProcess> {
  return await startServer({
    name: 'prometheus',
    prepare: (dir) => {
      mkdirSync(path.join(dir, 'data'));
      const config = {
        global: { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '500ms' },
        rule_files: [rules],
        scrape_configs: [{ job_name: 'orgsync', honor_labels: true, static_configs: [{ targets: targets.map(({ port }) => `127.0.0.1:${port}`) }] }],
      };
      // JSON is YAML.
      writeFileSync(path.join(dir, 'prometheus.yml'), JSON.stringify(config));
      return Promise.resolve();
    },
    command: (dir, port) => [
      'prometheus',
      `--config.file=${path.join(dir, 'prometheus.yml')}`,
      `--storage.tsdb.path=${path.join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    url: (port) => `http://127.0.0.1:${port}`,
    probe: answers('/-/ready'),
  });
}

/** What Prometheus answers to a query at this moment. Throws what it complains of. */
export async function query({ url }: ServerProcess, expr: string): Promise<readonly Series[]> {
  const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`);
  const body = (await answer.json()) as { status: string; error?: string; data?: { resultType: string; result: readonly Series[] } };
  if (body.status !== 'success' || body.data === undefined) throw new Error(`${expr}: ${body.error ?? 'no answer'}`);
  return body.data.result;
}

function answers(place: string): (port: number) => Promise<void> {
  return async (port) => {
    const { status } = await fetch(`http://127.0.0.1:${port}${place}`, { signal: AbortSignal.timeout(1_000) });
    if (status !== 200) throw new Error(`HTTP ${status}`);
  };
}
