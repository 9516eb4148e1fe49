import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { FAMILIES } from '../../src/observe/metrics/families.ts';
import { createMetrics } from '../../src/observe/metrics/metrics.ts';
import type { MetricsOptions } from '../../src/observe/metrics/metrics.ts';
import { systemClock } from '../../src/local/clock.ts';
import { orgsync } from '../support/cli.ts';
import type { Ended } from '../support/cli.ts';
import { execute } from '../support/database.ts';
import { barredCorp, corpRecord, corpResult, endedRun, heldBackCorp } from '../support/ended-run.ts';
import { query, startNodeExporter, startPrometheus, startPushgateway } from '../support/prometheus.ts';
import { describeWith } from '../support/programs.ts';
import { corpOf } from '../support/sandbox.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const run = promisify(execFile);
const deploy = fileURLToPath(new URL('../../deploy/', import.meta.url));
const RULES = path.join(deploy, 'prometheus/alerts.yml');
const CORPS = ['ww1', 'ww2', 'ww3'].map((id) => ({ id, name: `Corp ${id}` }));

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

async function panels(): Promise<readonly Panel[]> {
  return (JSON.parse(await readFile(path.join(deploy, 'grafana/orgsync.json'), 'utf8')) as { panels: Panel[] }).panels;
}

/** A panel's query as Grafana sends it: all corps, and a rate interval of four scrapes. */
function filledIn(expr: string): string {
  return expr.replaceAll('$corp', '.*').replaceAll('$__rate_interval', '4s');
}

async function scratch(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-prometheus-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function closing(server: Promise<ServerProcess>): Promise<ServerProcess> {
  const started = await server;
  onTestFinished(() => started.close());
  return started;
}

/** A run as a process makes it: some requests, three corps, of which two are in trouble. */
async function recordRun(options: Pick<MetricsOptions, 'textfile' | 'pushgateway'>): Promise<readonly string[]> {
  const logged: string[] = [];
  const metrics = createMetrics({ version: '1.2.3', clock: systemClock, log: (_level, _event, message) => logged.push(message), ...options });
  const { meter } = metrics;
  const now = Date.now();
  meter.leaseAsked({ acquired: true, seconds: 0.5 });
  for (const { id } of CORPS) {
    meter.tokenRenewed(id);
    meter.requested(id, { request: 'gettoken', end: 0, seconds: 0.1 });
    meter.requested(id, { request: 'user/list', end: 0, seconds: 0.2 });
    meter.waited(id, 0.3);
    meter.wrongNumbers(id, { spent: 9, budget: 10 });
  }
  meter.requested('ww2', { request: 'user/list', end: 60020, seconds: 0.2 });
  meter.repeated('ww2', 'user/list');
  const counts = { joined: 2, departed: 1, changed: 3, departmentsChanged: 1 };
  const results = [corpResult('ww1', { counts }), barredCorp('ww2'), heldBackCorp('ww3', ['A (a)'])];
  const long = new Date(now - 7 * 3_600_000);
  metrics.ran(endedRun(results, now), { corps: CORPS, records: [corpRecord('ww2', long), corpRecord('ww3', long)] });
  await metrics.flush();
  return logged;
}

/** The built program, as cron starts it. */
async function cli({ configPath, folder }: Stage, args: readonly string[], input?: string): Promise<Ended> {
  return await orgsync(['--config', configPath, ...args], { env: { TMPDIR: folder }, ...(input === undefined ? {} : { input }) });
}

/** Bars this address from the second corp, holds the third one back, and makes the last success of both seven hours old. */
async function makeTrouble({ sandbox, storeUrl }: Stage): Promise<{ readonly barred: string; readonly heldBack: string }> {
  const [{ id: barred }, { id: heldBack, members }] = [corpOf(sandbox, 2), corpOf(sandbox, 3)];
  sandbox.change({ op: 'setSecret', corp: barred, kind: 'app_pre2022', patch: { trustedIps: ['203.0.113.9'] } });
  for (const { userid } of [...members.values()].filter(({ status }) => status !== 5).slice(0, 5)) sandbox.change({ op: 'removeMember', corp: heldBack, userid });
  await execute(storeUrl, `UPDATE corps SET last_success_at = UTC_TIMESTAMP(3) - INTERVAL 7 HOUR WHERE id IN ('${barred}', '${heldBack}')`);
  return { barred, heldBack };
}

describeWith(['promtool'], 'promtool', () => {
  test('accepts the alerting rules, and each alert fires when it should and not before', async () => {
    await run('promtool', ['check', 'rules', RULES]);
    await run('promtool', ['test', 'rules', path.join(deploy, 'prometheus/alerts_test.yml')]);
  });

  test('finds every alert in the rules’ own tests', async () => {
    const names = [...(await readFile(RULES, 'utf8')).matchAll(/- alert: (\w+)/g)].map(([, name]) => name ?? '');
    const tests = await readFile(path.join(deploy, 'prometheus/alerts_test.yml'), 'utf8');
    expect(names.length).toBeGreaterThan(4);
    for (const name of names) expect(tests).toContain(`alertname: ${name}\n        exp_alerts:\n          - exp_labels`);
  });

  test('accepts every query of the dashboard', async () => {
    const exprs = (await panels()).flatMap(({ targets }) => targets.map(({ expr }) => filledIn(expr)));
    const file = path.join(await scratch(), 'panels.json');
    await writeFile(file, JSON.stringify({ groups: [{ name: 'panels', rules: exprs.map((expr, index) => ({ record: `panel:${index}`, expr })) }] }));
    const { stdout } = await run('promtool', ['check', 'rules', file]);
    expect(stdout).toContain(`${exprs.length} rules found`);
  });

  test('finds no ration of another day on the dashboard', async () => {
    const [expr = ''] = (await panels()).filter(({ title }) => title === 'Wrong numbers used').flatMap(({ targets }) => targets.map((target) => filledIn(target.expr)));
    const series = { lookup_wrong_numbers: 9, lookup_wrong_numbers_timestamp_seconds: 3600, lookup_wrong_numbers_allowed: 10 };
    const file = path.join(await scratch(), 'ration.json');
    const tests = [
      {
        interval: '1h',
        input_series: Object.entries(series).map(([name, value]) => ({ series: `orgsync_${name}{corp="ww1"}`, values: `${value}x48` })),
        promql_expr_test: [
          { expr, eval_time: '2h', exp_samples: [{ labels: '{corp="ww1"}', value: 0.9 }] },
          { expr, eval_time: '30h', exp_samples: [] },
        ],
      },
    ];
    await writeFile(file, JSON.stringify({ rule_files: [], evaluation_interval: '1h', tests }));
    await run('promtool', ['test', 'rules', file]);
  });

  test('finds nothing to complain of in what is written', async () => {
    const textfile = path.join(await scratch(), 'orgsync.prom');
    await recordRun({ textfile });
    const checked = run('promtool', ['check', 'metrics']);
    checked.child.stdin?.end(await readFile(textfile));
    expect(await checked).toEqual({ stdout: '', stderr: '' });
  });
});

describeWith(['prometheus', 'prometheus-node-exporter', 'prometheus-pushgateway'], 'a real Prometheus', () => {
  test('answers every panel’s query after a few runs, and fires what is wrong', async () => {
    const folder = await scratch();
    const stage = await setStage({ engine: 'mariadb', corps: 3, members: 20, departments: 4, yaml: `safety: { max_departures: 2 }\nmetrics: { textfile: ${path.join(folder, 'orgsync.prom')} }\n` });
    expect(await cli(stage, ['run'])).toMatchObject({ code: 0, stderr: '' });
    expect((await cli(stage, ['lookup', '--live', '--file', '-'], '19900000000\n19900000001\n19900000002\n')).code).toBe(1);
    const troubled = await makeTrouble(stage);
    const exporter = await closing(startNodeExporter(folder));
    const prometheus = await closing(startPrometheus([exporter], RULES));
    const wanted = (await panels()).flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr: filledIn(expr) })));
    const silent = async (): Promise<readonly string[]> => {
      expect(await cli(stage, ['run'])).toMatchObject({ code: 1 });
      const empty: string[] = [];
      for (const { title, expr } of wanted) {
        const series = await query(prometheus, expr);
        if (!series.some(({ value: [, number] }) => Number.isFinite(Number(number)))) empty.push(`${title}: ${expr}`);
      }
      return empty;
    };
    await expect.poll(silent, { timeout: 60_000, interval: 100 }).toEqual([]);
    const firing = async (): Promise<readonly string[]> => (await query(prometheus, 'ALERTS{alertstate="firing"}')).map(({ metric }) => `${metric['alertname']} ${metric['corp']}`).sort();
    const all = [...stage.sandbox.world.corps.keys()].sort();
    await expect.poll(firing, { interval: 500 }).toEqual([
      `OrgsyncHeldBack ${troubled.heldBack}`,
      ...all.map((corp) => `OrgsyncRationNearlySpent ${corp}`),
      ...[troubled.barred, troubled.heldBack].sort().map((corp) => `OrgsyncStale ${corp}`),
    ]);
    expect(await query(prometheus, 'node_textfile_scrape_error')).toMatchObject([{ value: [expect.anything(), '0'] }]);
  });

  test('learns every metric by name and type from a Pushgateway, and counters go on from run to run', async () => {
    const gateway = await closing(startPushgateway());
    const stage = await setStage({ corps: 3, members: 20, departments: 4, yaml: `metrics: { pushgateway: "${gateway.url}/" }\n` });
    for (let times = 0; times < 3; times += 1) expect(await cli(stage, ['run'])).toMatchObject({ code: 0, stderr: '' });
    expect((await orgsync(['--config', stage.configPath, 'run'], { env: { TMPDIR: stage.folder, ORGSYNC_READ_ONLY: '1' } })).code).toBe(0);
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    for (const { name, type } of Object.values(FAMILIES)) expect(text).toContain(`# TYPE ${name} ${type}\n`);
    const { id } = corpOf(stage.sandbox);
    for (const [endpoint, count] of Object.entries(stage.sandbox.stats.corp(id).byEndpoint)) {
      expect(text).toContain(`orgsync_wecom_requests_total{corp="${id}",endpoint="${endpoint}",errcode="0",instance="",job="orgsync"} ${count}\n`);
    }
    expect(text).toContain(`orgsync_corp_runs_total{corp="${id}",instance="",job="orgsync",outcome="ok"} 3\n`);
    const prometheus = await closing(startPrometheus([gateway], RULES));
    await expect.poll(() => query(prometheus, 'count(orgsync_corp_info)').then(([one]) => one?.value[1]), { interval: 250 }).toBe('3');
  });

  test('finds what lookups counted beside what runs did, of which nothing is lost', async () => {
    const gateway = await closing(startPushgateway());
    const pushgateway = new Secret(gateway.url);
    const metrics = async (): Promise<readonly string[]> => (await (await fetch(`${gateway.url}/metrics`)).text()).split('\n').filter((line) => line.includes('job="orgsync"') && !line.startsWith('push_'));
    await recordRun({ pushgateway });
    // What comes between a lookup's reading and its writing, such as the end of a run, must stay.
    await fetch(`${gateway.url}/metrics/job/orgsync`, { method: 'POST', body: 'foreign 1\n' });
    const before = await metrics();
    const lookup = createMetrics({ version: '0.9.0', clock: systemClock, log: () => undefined, pushgateway });
    lookup.meter.requested('ww1', { request: 'user/getuserid', end: 46004, seconds: 0.25 });
    lookup.meter.wrongNumbers('ww1', { spent: 10, budget: 10 });
    await lookup.flush();
    const after = await metrics();
    expect(before.filter((line) => !after.includes(line) && !line.includes('_timestamp_seconds'))).toEqual(['orgsync_lookup_wrong_numbers{corp="ww1",instance="",job="orgsync"} 9']);
    expect(after.filter((line) => !before.includes(line) && !line.includes('_timestamp_seconds'))).toEqual([
      'orgsync_lookup_wrong_numbers{corp="ww1",instance="",job="orgsync"} 10',
      'orgsync_wecom_request_seconds_total{corp="ww1",endpoint="user/getuserid",instance="",job="orgsync"} 0.25',
      'orgsync_wecom_requests_total{corp="ww1",endpoint="user/getuserid",errcode="46004",instance="",job="orgsync"} 1',
    ]);
  });

  test('finds each shard’s figures in a group of its own', async () => {
    const gateway = await closing(startPushgateway());
    const shard = (index: number): Promise<void> => {
      const metrics = createMetrics({ version: '1.2.3', clock: systemClock, log: () => undefined, pushgateway: new Secret(gateway.url), shard: { index, of: 2 } });
      metrics.meter.tokenRenewed('ww1');
      return metrics.flush();
    };
    for (const index of [1, 1, 2, 1]) await shard(index);
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(text).toContain('orgsync_wecom_token_renewals_total{corp="ww1",instance="",job="orgsync",shard="1of2"} 3\n');
    expect(text).toContain('orgsync_wecom_token_renewals_total{corp="ww1",instance="",job="orgsync",shard="2of2"} 1\n');
  });
});
