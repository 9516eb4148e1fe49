import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { LogLevel } from '../../src/core/ports/system.ts';
import { Secret } from '../../src/core/secret.ts';
import { OrgsyncError } from '../../src/errors.ts';
import { formatSamples, parseSamples } from '../../src/observe/metrics/exposition.ts';
import { createMetrics } from '../../src/observe/metrics/metrics.ts';
import type { Metrics, MetricsOptions } from '../../src/observe/metrics/metrics.ts';
import { systemClock } from '../../src/local/clock.ts';
import { createTestClock } from '../support/clock.ts';
import { barredCorp, corpRecord, corpResult, endedRun } from '../support/ended-run.ts';
import { listen } from '../support/listener.ts';

const NOW = Date.UTC(2026, 2, 1, 6, 30);
const clock = createTestClock(NOW);
const CORPS = ['ww1', 'ww2'].map((id) => ({ id, name: `Corp ${id}` }));

async function scratch(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-metrics-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return path.join(folder, 'orgsync.prom');
}

function open(options: Partial<MetricsOptions>): Metrics & { readonly logged: readonly string[] } {
  const logged: string[] = [];
  const log = (level: LogLevel, event: string, message: string): unknown => logged.push(`${level} ${event} ${message}`);
  return Object.assign(createMetrics({ version: '1.2.3', clock, log, ...options }), { logged });
}

/** The value of a series written as in Prometheus, labels in order of name. */
async function valueIn(file: string, series: string): Promise<number | undefined> {
  const [name, labels = ''] = series.replace('}', '').split('{');
  const found = parseSamples(await readFile(file, 'utf8')).find(
    (sample) => sample.name === name && Object.entries(sample.labels).sort().map(([key, value]) => `${key}="${value}"`).join(',') === labels,
  );
  return found?.value;
}

/** Samples of one text that the other has not, or not with that value. */
function linesOnlyIn(text: string, other: string): readonly string[] {
  const others = new Set(other.split('\n'));
  return text.split('\n').filter((line) => !line.startsWith('#') && !others.has(line)).sort();
}

describe('the text format', () => {
  test('comes back as it was written, whatever a corp is called', async () => {
    const samples = ['Head "office"', 'back\\slash', 'two\nlines', '总部 😀 {a="b"}, c', ''].map((name, index) => ({
      name: 'orgsync_corp_info',
      labels: { corp: `ww${index}`, name },
      value: 1,
    }));
    expect(parseSamples(await formatSamples(samples)).filter(({ name }) => name === 'orgsync_corp_info')).toEqual(samples);
  });
});

describe('metrics in a text file', () => {
  test('tell of success, size, changes and requests', async () => {
    const textfile = await scratch();
    const metrics = open({ textfile });
    metrics.meter.requested('ww1', { request: 'user/list', end: 0, seconds: 0.25 });
    metrics.meter.requested('ww1', { request: 'user/list', end: 60020, seconds: 0.25 });
    metrics.meter.requested('ww1', { request: 'user/list', end: 'timeout', seconds: 10 });
    metrics.meter.waited('ww1', 1.5);
    metrics.meter.repeated('ww1', 'user/list');
    metrics.meter.tokenRenewed('ww1');
    metrics.meter.wrongNumbers('ww1', { spent: 3, budget: 80 });
    metrics.meter.leaseAsked({ acquired: true, seconds: 0.4 });
    const counts = { joined: 3, departed: 1, changed: 9, departmentsChanged: 2 };
    const unreadable = { members: ['王·五', '李 四'], departments: ['销售部'] };
    metrics.ran(endedRun([corpResult('ww1', { counts, members: 812, unreadable }), barredCorp('ww2')], NOW), { corps: CORPS, records: [corpRecord('ww2', new Date(NOW - 60_000))] });
    await metrics.flush();
    const at = (series: string): Promise<number | undefined> => valueIn(textfile, series);
    expect(await at('orgsync_last_success_timestamp_seconds{corp="ww1"}')).toBe(NOW / 1000);
    expect(await at('orgsync_unreadable_records{corp="ww1",entity="member"}')).toBe(2);
    expect(await at('orgsync_unreadable_records{corp="ww1",entity="department"}')).toBe(1);
    expect(await readFile(textfile, 'utf8')).not.toMatch(/王|李|销售/);
    expect(await at('orgsync_last_success_timestamp_seconds{corp="ww2"}')).toBe(NOW / 1000 - 60);
    expect(await at('orgsync_last_attempt_timestamp_seconds{corp="ww2"}')).toBe(NOW / 1000);
    expect(await at('orgsync_last_outcome_timestamp_seconds{corp="ww2",outcome="failed"}')).toBe(NOW / 1000);
    expect(await at('orgsync_last_outcome_timestamp_seconds{corp="ww2",outcome="ok"}')).toBe(0);
    expect(await at('orgsync_members{corp="ww1"}')).toBe(812);
    expect(await at('orgsync_members{corp="ww2"}')).toBe(40);
    expect(await at('orgsync_member_changes_total{action="joined",corp="ww1"}')).toBe(3);
    expect(await at('orgsync_department_changes_total{corp="ww1"}')).toBe(2);
    expect(await at('orgsync_wecom_requests_total{corp="ww1",endpoint="user/list",errcode="60020"}')).toBe(1);
    expect(await at('orgsync_wecom_requests_total{corp="ww1",endpoint="user/list",errcode="timeout"}')).toBe(1);
    expect(await at('orgsync_wecom_request_seconds_total{corp="ww1",endpoint="user/list"}')).toBe(10.5);
    expect(await at('orgsync_wecom_wait_seconds_total{corp="ww1"}')).toBe(1.5);
    expect(await at('orgsync_wecom_token_renewals_total{corp="ww1"}')).toBe(1);
    expect(await at('orgsync_wecom_token_renewals_total{corp="ww2"}')).toBe(0);
    expect(await at('orgsync_lookup_wrong_numbers{corp="ww1"}')).toBe(3);
    expect(await at('orgsync_lookup_wrong_numbers_allowed{corp="ww2"}')).toBeUndefined();
    expect(await at('orgsync_lease_requests_total{result="acquired"}')).toBe(1);
    expect(await at('orgsync_last_run_exit_code')).toBe(1);
    expect(await at('orgsync_build_info{version="1.2.3"}')).toBe(1);
    expect(metrics.logged).toEqual([]);
  });

  test('go on counting in the next process, and keep what it did not touch', async () => {
    const textfile = await scratch();
    for (const id of ['ww1', 'ww2', 'ww1']) {
      const metrics = open({ textfile });
      metrics.meter.requested(id, { request: 'user/list', end: 0, seconds: 0.5 });
      metrics.ran(endedRun([corpResult(id)], NOW), { corps: CORPS, records: [] });
      await metrics.flush();
    }
    expect(await valueIn(textfile, 'orgsync_corp_runs_total{corp="ww1",outcome="ok"}')).toBe(2);
    expect(await valueIn(textfile, 'orgsync_corp_runs_total{corp="ww2",outcome="ok"}')).toBe(1);
    expect(await valueIn(textfile, 'orgsync_wecom_requests_total{corp="ww1",endpoint="user/list",errcode="0"}')).toBe(2);
    expect(await valueIn(textfile, 'orgsync_last_success_timestamp_seconds{corp="ww2"}')).toBe(NOW / 1000);
  });

  test('forget corps that are no longer configured, old names and old versions', async () => {
    const textfile = await scratch();
    const before = open({ textfile, version: '1.0.0' });
    before.ran(endedRun([corpResult('ww1'), corpResult('ww2')], NOW), { corps: CORPS, records: [] });
    await before.flush();
    const after = open({ textfile });
    after.ran(endedRun([corpResult('ww1')], NOW), { corps: [{ id: 'ww1', name: 'New name' }], records: [corpRecord('ww2', new Date(NOW))] });
    await after.flush();
    const text = await readFile(textfile, 'utf8');
    expect(text).not.toContain('ww2');
    expect(text).not.toContain('1.0.0');
    expect(text.match(/orgsync_corp_info\{.*/g)).toEqual(['orgsync_corp_info{corp="ww1",name="New name"} 1']);
  });

  test('of a process that stood back tell what the store knows, and move no run forward', async () => {
    const textfile = await scratch();
    const metrics = open({ textfile, pushgateway: new Secret('http://127.0.0.1:1') });
    metrics.ran(endedRun([], NOW, { outcome: 'skipped', reason: 'lock' }), { corps: CORPS, records: [corpRecord('ww1', new Date(NOW - 5_000))] });
    await metrics.flush();
    expect(await valueIn(textfile, 'orgsync_last_success_timestamp_seconds{corp="ww1"}')).toBe(NOW / 1000 - 5);
    expect(await valueIn(textfile, 'orgsync_lease_held_timestamp_seconds')).toBe(NOW / 1000);
    expect(await valueIn(textfile, 'orgsync_last_run_timestamp_seconds')).toBeUndefined();
    expect(metrics.logged).toEqual([]);
  });

  test('tell of a run that could not begin', async () => {
    const textfile = await scratch();
    const metrics = open({ textfile });
    metrics.failed(new OrgsyncError('unavailable', { code: 'store_unreachable', message: 'gone', hint: 'start it' }));
    await metrics.flush();
    expect(await valueIn(textfile, 'orgsync_last_run_exit_code')).toBe(69);
    expect(await valueIn(textfile, 'orgsync_runs_total{outcome="failed"}')).toBe(1);
    expect(await valueIn(textfile, 'orgsync_lease_held_timestamp_seconds')).toBeUndefined();
  });

  test('of a process that did no run are added to the file, and nothing else in it changes', async () => {
    const textfile = await scratch();
    const run = open({ textfile, version: '1.0.0' });
    run.meter.requested('ww1', { request: 'user/getuserid', end: 0, seconds: 0.5 });
    run.meter.leaseAsked({ acquired: true, seconds: 0.4 });
    run.ran(endedRun([corpResult('ww1'), barredCorp('ww2')], NOW), { corps: CORPS, records: [corpRecord('ww1', new Date(NOW))] });
    await run.flush();
    const before = await readFile(textfile, 'utf8');
    const lookup = open({ textfile });
    lookup.meter.requested('ww1', { request: 'user/getuserid', end: 0, seconds: 0.5 });
    lookup.meter.tokenRenewed('ww1');
    lookup.meter.wrongNumbers('ww1', { spent: 3, budget: 80 });
    await lookup.flush();
    const after = await readFile(textfile, 'utf8');
    expect(linesOnlyIn(before, after)).toEqual([
      'orgsync_wecom_request_seconds_total{corp="ww1",endpoint="user/getuserid"} 0.5',
      'orgsync_wecom_requests_total{corp="ww1",endpoint="user/getuserid",errcode="0"} 1',
      'orgsync_wecom_token_renewals_total{corp="ww1"} 0',
    ]);
    expect(linesOnlyIn(after, before)).toEqual([
      'orgsync_lookup_wrong_numbers_allowed{corp="ww1"} 80',
      `orgsync_lookup_wrong_numbers_timestamp_seconds{corp="ww1"} ${NOW / 1000}`,
      'orgsync_lookup_wrong_numbers{corp="ww1"} 3',
      'orgsync_wecom_request_seconds_total{corp="ww1",endpoint="user/getuserid"} 1',
      'orgsync_wecom_requests_total{corp="ww1",endpoint="user/getuserid",errcode="0"} 2',
      'orgsync_wecom_token_renewals_total{corp="ww1"} 1',
    ]);
  });

  test('of a host that never ran say nothing of runs', async () => {
    const textfile = await scratch();
    const lookup = open({ textfile });
    lookup.meter.tokenRenewed('ww1');
    await lookup.flush();
    expect(parseSamples(await readFile(textfile, 'utf8'))).toEqual([{ name: 'orgsync_wecom_token_renewals_total', labels: { corp: 'ww1' }, value: 1 }]);
  });

  test('say where this is no place to run when a run was last started, and nothing else', async () => {
    const textfile = await scratch();
    const ran = open({ textfile });
    ran.ran(endedRun([corpResult('ww1')], NOW), { corps: CORPS, records: [] });
    await ran.flush();
    const before = await readFile(textfile, 'utf8');
    const idle = open({ textfile, pushgateway: new Secret('http://127.0.0.1:1') });
    idle.idle('gate', false);
    await idle.flush();
    const after = await readFile(textfile, 'utf8');
    expect(linesOnlyIn(after, before)).toEqual([`orgsync_last_skip_timestamp_seconds{reason="gate"} ${NOW / 1000}`]);
    expect([linesOnlyIn(before, after), idle.logged]).toEqual([[], []]);
  });

  test('survive a file that somebody else has written into', async () => {
    const textfile = await scratch();
    await writeFile(textfile, 'half a li\n{} 3\norgsync_members{corp="ww1"\norgsync_members{corp="ww2"} 7\norgsync_members{corp="ww2",evil="1"} 8\nnode_load1 3\n');
    const metrics = open({ textfile });
    metrics.meter.tokenRenewed('ww1');
    await metrics.flush();
    expect(await valueIn(textfile, 'orgsync_members{corp="ww2"}')).toBe(7);
    expect(await readFile(textfile, 'utf8')).not.toMatch(/evil|node_load1/);
  });

  test('that cannot be written are one warning, and leave nothing behind', async () => {
    const textfile = path.join(await scratch(), 'missing', 'orgsync.prom');
    const metrics = open({ textfile });
    metrics.failed(new OrgsyncError('temporary', { code: 'lease_lost', message: 'x', hint: 'x' }));
    await metrics.flush();
    expect(metrics.logged).toHaveLength(1);
    expect(metrics.logged[0]).toMatch(/^warn metrics_not_written/);
  });

  test('are never lost or half there, however many write at once', async () => {
    const textfile = await scratch();
    const writers = Array.from({ length: 24 }, async () => {
      const metrics = open({ textfile, clock: systemClock });
      metrics.meter.tokenRenewed('ww1');
      await metrics.flush();
    });
    const state = { writing: true };
    const torn = (async () => {
      const found: string[] = [];
      while (state.writing) {
        const text = await readFile(textfile, 'utf8').catch(() => '');
        if (text !== '' && !text.includes('orgsync_wecom_token_renewals_total{')) found.push(text);
      }
      return found;
    })();
    await Promise.all(writers);
    state.writing = false;
    expect(await torn).toEqual([]);
    expect(await valueIn(textfile, 'orgsync_wecom_token_renewals_total{corp="ww1"}')).toBe(24);
    expect(await readdir(path.dirname(textfile))).toEqual(['orgsync.prom']);
  });

  test('can be read by node_exporter’s account, whatever ours gives its files', async () => {
    const textfile = await scratch();
    const before = process.umask(0o077);
    onTestFinished(() => void process.umask(before));
    const metrics = open({ textfile });
    metrics.meter.tokenRenewed('ww1');
    await metrics.flush();
    expect((await stat(textfile)).mode & 0o777).toBe(0o644);
  });
});

describe('a Pushgateway', () => {
  test('hears of a host where runs do nothing only when it is told to', async () => {
    const gateway = await listen();
    for (const push of [false, true]) {
      const metrics = open({ pushgateway: new Secret(gateway.url) });
      metrics.idle('read_only', push);
      await metrics.flush();
    }
    expect(gateway.heard.map(({ method }) => method)).toEqual(['GET', 'POST']);
    expect(gateway.heard[1]?.body).toContain(`orgsync_last_skip_timestamp_seconds{reason="read_only"} ${NOW / 1000}`);
  });


  test('that is down, or hangs, or refuses is one warning without its password', async () => {
    const refusing = await listen((_request, response) => response.writeHead(500).end());
    const addresses = ['http://ops:canary@127.0.0.1:1', refusing.url.replace('//', '//ops:canary@')];
    for (const address of addresses) {
      const metrics = open({ pushgateway: new Secret(address) });
      metrics.meter.tokenRenewed('ww1');
      await metrics.flush();
      expect(metrics.logged).toHaveLength(1);
      expect(metrics.logged[0]).toMatch(/^warn metrics_not_written .*127\.0\.0\.1/);
      expect(metrics.logged[0]).not.toContain('canary');
    }
  });
});
