import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { EndedRun } from '../../src/core/outcome.ts';
import type { AlertBook } from '../../src/core/ports/alerts.ts';
import type { LogLevel } from '../../src/core/ports/system.ts';
import { createRedactor } from '../../src/core/redact.ts';
import { Secret } from '../../src/core/secret.ts';
import { OrgsyncError } from '../../src/errors.ts';
import { createAlertFile } from '../../src/local/alert-book.ts';
import { createAlerts } from '../../src/observe/alerts/alerts.ts';
import type { Alerts, AlertTarget } from '../../src/observe/alerts/alerts.ts';
import { systemClock } from '../../src/local/clock.ts';
import { createTestClock } from '../support/clock.ts';
import { barredCorp, corpRecord, corpResult, endedRun, heldBackCorp } from '../support/ended-run.ts';
import { listen } from '../support/listener.ts';
import type { Heard } from '../support/listener.ts';

const HOUR = 3_600_000;
const DOWN = new OrgsyncError('unavailable', { code: 'store_unreachable', message: 'db:3306 does not answer', hint: 'start it' });
const STALE = new OrgsyncError('temporary', { code: 'stale_behind_lease', message: 'no success since yesterday', hint: 'orgsync status' });

async function scratch(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-alerts-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A fleet with one shared book, which can go away, and hosts with a file each. */
async function fleet({ attemptMs = 3_000 }: { readonly attemptMs?: number } = {}) {
  const folder = await scratch();
  const clock = createTestClock();
  const shared = createAlertFile(path.join(folder, 'shared', 'alerts.json'), systemClock);
  const state = { storeIsDown: false };
  const logged: string[] = [];
  const process = (targets: readonly AlertTarget[], host = 'host-1'): Alerts =>
    createAlerts({
      targets,
      remindAfterMs: 12 * HOUR,
      staleAfterMs: 6 * HOUR,
      host,
      version: '1.2.3',
      clock,
      robotApi: 'http://127.0.0.1:1',
      attemptMs,
      scrub: createRedactor().scrub,
      shared: (): Promise<AlertBook> => (state.storeIsDown ? Promise.reject(DOWN) : Promise.resolve(shared)),
      local: createAlertFile(path.join(folder, host, 'alerts.json'), systemClock),
      activity: () => Promise.resolve({ lastBeganAt: null, lastSuccessAt: null }),
      corps: () => (state.storeIsDown ? Promise.reject(DOWN) : Promise.resolve([corpRecord('ww1', new Date(clock.now()))])),
      log: (level: LogLevel, event: string, message: string) => void logged.push(`${level} ${event} ${message}`),
    });
  return { process, clock, state, logged };
}

const webhook = (url: string): AlertTarget => ({ kind: 'webhook', url: new Secret(`${url}/hook`), secret: null, hmac_key: null });
const SECRET = new Secret(`whsec_${Buffer.alloc(24, 'k').toString('base64')}`);
const ping = (url: string): AlertTarget => ({ kind: 'ping', url: new Secret(`${url}/uuid`) });

/** What a webhook was told: `began corp:ww1`, … */
function told(heard: readonly Heard[]): readonly string[] {
  return heard.flatMap(({ body }) => (JSON.parse(body) as { alerts: { change: string; subject: string }[] }).alerts.map(({ change, subject }) => `${change} ${subject}`));
}

const failing = (now: number): EndedRun => endedRun([barredCorp('ww1')], now);
const well = (now: number): EndedRun => endedRun([corpResult('ww1')], now);

describe('alerts of a fleet', () => {
  test('come from one process, though sixteen see the same', async () => {
    const { process, clock } = await fleet();
    const ops = await listen();
    const all = Array.from({ length: 16 }, (_, index) => process([webhook(ops.url)], `host-${index}`));
    await Promise.all(all.map((alerts) => alerts.failed(STALE, 75)));
    await Promise.all(all.map((alerts) => alerts.failed(STALE, 75)));
    expect(told(ops.heard)).toEqual(['began fleet']);
    await clock.advance(HOUR);
    await Promise.all(all.map((alerts) => alerts.failed(STALE, 75)));
    expect(told(ops.heard)).toEqual(['began fleet', 'reminder fleet']);
  });

  test('tell one message of a run, about all its corps', async () => {
    const { process, clock } = await fleet();
    const ops = await listen();
    const corps = Array.from({ length: 30 }, (_, index) => barredCorp(`ww${index}`));
    await process([webhook(ops.url)]).ended(endedRun(corps, clock.now()), '');
    expect(ops.heard).toHaveLength(1);
    expect(told(ops.heard)).toHaveLength(30);
  });

  test('are remembered by each host when the store is down, and are over when it is back', async () => {
    const { process, state, logged } = await fleet();
    const ops = await listen();
    state.storeIsDown = true;
    for (const host of ['host-1', 'host-1', 'host-2', 'host-1']) await process([webhook(ops.url)], host).failed(DOWN, 69);
    expect(told(ops.heard)).toEqual(['began run', 'began run']);
    expect(logged.filter((line) => line.includes('alert_book_unavailable'))).toHaveLength(4);
    state.storeIsDown = false;
    const skipped = endedRun([], 0, { outcome: 'skipped', reason: 'lock' });
    for (const host of ['host-2', 'host-2', 'host-1']) await process([webhook(ops.url)], host).ended(skipped, '');
    expect(told(ops.heard).slice(2)).toEqual(['recovered run', 'recovered run']);
  });

  test('tell of a corp that failed though the store has gone away meanwhile', async () => {
    const { process, state, clock } = await fleet();
    const ops = await listen();
    state.storeIsDown = true;
    await process([webhook(ops.url)]).ended(failing(clock.now()), '');
    expect(told(ops.heard)).toEqual(['began corp:ww1']);
  });

  test('that nobody could be told of are told by the next run, and their end as well', async () => {
    const { process, clock, logged } = await fleet();
    let works = false;
    const ops = await listen((_request, response) => response.writeHead(works ? 200 : 404).end());
    const run = (ended: EndedRun): Promise<void> => process([webhook(ops.url)]).ended(ended, '');
    await run(failing(clock.now()));
    expect(logged.some((line) => /^warn alert_not_delivered .*HTTP 404/.test(line))).toBe(true);
    works = true;
    await run(failing(clock.now()));
    await run(failing(clock.now()));
    works = false;
    await run(well(clock.now()));
    works = true;
    await run(well(clock.now()));
    await run(well(clock.now()));
    expect(told(ops.heard)).toEqual(['began corp:ww1', 'reminder corp:ww1', 'recovered corp:ww1', 'recovered corp:ww1']);
  });

  test('keep their webhook-id until they have been told, and never use it again', async () => {
    const { process, clock } = await fleet();
    let works = false;
    const run = async (url: string, ended: EndedRun, host: string): Promise<void> => {
      await process([{ kind: 'webhook', url: new Secret(url), secret: SECRET, hmac_key: null }], host).ended(ended, '');
    };
    const ids: unknown[] = [];
    for (const ended of [failing, failing, well, failing, well]) {
      const ops = await listen((_request, response) => response.writeHead(works ? 200 : 503).end());
      works = false;
      await run(ops.url, ended(clock.now()), 'host-1');
      works = true;
      await clock.advance(13 * HOUR);
      await run(ops.url, ended(clock.now()), 'host-2');
      await clock.advance(13 * HOUR);
      const heard = new Set(ops.heard.map(({ headers }) => headers['webhook-id']));
      expect(ops.heard).toHaveLength(3);
      expect([...heard]).toEqual([expect.stringMatching(/^msg_[0-9a-f]{32}$/)]);
      ids.push(...heard);
    }
    expect(new Set(ids).size).toBe(5);
  });

  test('are not repeated on the channels that work when another does not', async () => {
    const { process, clock } = await fleet();
    const [good, bad] = await Promise.all([listen(), listen((_request, response) => response.writeHead(404).end())]);
    for (let run = 0; run < 3; run += 1) await process([webhook(good.url), webhook(bad.url)]).ended(failing(clock.now()), '');
    expect(told(good.heard)).toEqual(['began corp:ww1']);
  });

  test('never hold a run up, nor say a secret, when nothing answers', async () => {
    const { process, clock, logged } = await fleet({ attemptMs: 300 });
    const silent = await listen(() => undefined);
    const targets: AlertTarget[] = [
      { kind: 'webhook', url: new Secret(`${silent.url}/canary`), secret: new Secret(`whsec_${'canary'.repeat(6)}`), hmac_key: new Secret('canary') },
      { kind: 'ping', url: new Secret(`${silent.url}/canary`) },
      { kind: 'wecom_robot', key: new Secret('canary') },
      { kind: 'command', command: 'echo canary; exit 1' },
    ];
    const alerts = process(targets);
    alerts.started();
    await alerts.ended(failing(clock.now()), '');
    expect(logged.length).toBeGreaterThanOrEqual(4);
    expect(logged.join('\n')).not.toContain('canary');
  }, 5_000);

  test('say no number of a person, though it is a userid, on any channel', async () => {
    const { process, clock } = await fleet();
    const ops = await listen();
    const alerts = process([webhook(ops.url), ping(ops.url)]);
    alerts.started();
    await alerts.ended(endedRun([heldBackCorp('ww1', ['王伟 (13800138000)'])], clock.now()), 'Corp ww1: held back: 13800138000');
    const all = ops.heard.map(({ body }) => body).join('\n');
    expect(all).not.toContain('13800138000');
    expect(all.match(/138\*{4}8000/g)?.length).toBeGreaterThanOrEqual(3);
  });

  test('ask nobody anything where nobody is to be told', async () => {
    const { process, clock, state, logged } = await fleet();
    state.storeIsDown = true;
    await process([]).ended(failing(clock.now()), '');
    await process([]).failed(DOWN, 69);
    expect(logged).toEqual([]);
  });
});

describe('a health check', () => {
  test('hears of every run from the process that did the work: start, then success or the exit code', async () => {
    const { process, clock } = await fleet();
    const checks = await listen();
    for (const run of [well(clock.now()), failing(clock.now())]) {
      const alerts = process([ping(checks.url)]);
      alerts.started();
      await alerts.ended(run, 'Corp ww1: …');
    }
    expect(checks.heard.map(({ path: asked }) => asked)).toEqual(['/uuid/start', '/uuid', '/uuid/start', '/uuid/77']);
    expect(checks.heard[3]?.body).toBe('Corp ww1: …');
  });

  test('hears nothing of those that stood back, or they would keep a dead sync looking alive', async () => {
    const { process, clock } = await fleet();
    const checks = await listen();
    await process([ping(checks.url)]).ended(endedRun([], clock.now(), { outcome: 'skipped', reason: 'lock' }), '');
    await process([ping(checks.url)]).failed(STALE, 75);
    expect(checks.heard).toEqual([]);
  });

  test('hears of work that broke off', async () => {
    const { process } = await fleet();
    const checks = await listen();
    const alerts = process([ping(checks.url)]);
    alerts.started();
    await alerts.failed(DOWN, 69);
    expect(checks.heard.map(({ path: asked, body }) => `${asked} ${body}`)).toEqual(['/uuid/start ', '/uuid/69 db:3306 does not answer\nstart it']);
  });
});
