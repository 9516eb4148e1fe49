import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Webhook } from 'standardwebhooks';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { observeRun, judgeAlerts } from '../../src/core/alerts/alerting.ts';
import type { CorpResult } from '../../src/core/outcome.ts';
import { Secret } from '../../src/core/secret.ts';
import type { Notice } from '../../src/observe/alerts/channel.ts';
import { createCommand } from '../../src/observe/alerts/command.ts';
import { createHttp } from '../../src/observe/http.ts';
import { createHealthCheck } from '../../src/observe/alerts/ping.ts';
import { createRobot, markdown } from '../../src/observe/alerts/robot.ts';
import { createWebhook } from '../../src/observe/alerts/webhook.ts';
import { barredCorp, endedRun, heldBackCorp } from '../support/ended-run.ts';
import { listen } from '../support/listener.ts';

const NOW = Date.UTC(2026, 2, 1, 6, 30);
const KEY = new Secret('11111111-canary-robot-key');
const http = createHttp({ version: '1.2.3' });

function noticeOf(results: readonly CorpResult[]): Notice {
  const observed = observeRun(endedRun(results, NOW), [], { now: NOW, staleAfterMs: 1 });
  const [first, ...others] = judgeAlerts(observed, [], { now: NOW, host: 'host-1', remindAfterMs: 1 }).map(({ alert }) => alert);
  if (first === undefined) throw new Error('nothing to tell');
  return { alerts: [first, ...others], host: 'host-1', version: '1.2.3', at: new Date(NOW) };
}

/** Whom a name wants to reach, or where it wants to lead. */
const HOSTILE = 'Mallory](http://evil.example) <@all> `x` **y**\r\n# z';

describe('a WeCom group robot', () => {
  test('gets one markdown message with the corp, the reason and the remedy', async () => {
    const wecom = await listen((_request, response) => response.end('{"errcode":0,"errmsg":"ok"}'));
    await createRobot({ key: KEY, api: wecom.url, http }).tell(noticeOf([barredCorp('ww1')]));
    expect(wecom.heard).toHaveLength(1);
    const { path: asked, body } = wecom.heard[0] ?? { path: '', body: '' };
    expect(asked).toBe(`/cgi-bin/webhook/send?key=${KEY.reveal()}`);
    const message = JSON.parse(body) as { msgtype: string; markdown: { content: string } };
    expect(message.msgtype).toBe('markdown');
    expect(message.markdown.content).toContain('**Corp ww1 (ww1) fails**');
    expect(message.markdown.content).toContain('> to do: add 203.0.113.7');
  });

  test('that says no with HTTP 200 has not been told, and the error holds no key', async () => {
    const wecom = await listen((_request, response) => response.end('{"errcode":93000,"errmsg":"invalid webhook url"}'));
    const told = createRobot({ key: KEY, api: wecom.url, http }).tell(noticeOf([barredCorp('ww1')]));
    await expect(told).rejects.toMatchObject({ code: 'robot_refused', message: 'the robot answered errcode 93000' });
    await expect(told).rejects.not.toThrow(/canary/);
  });

  test.each([1, 2, 3, 10, 40, 200])('never gets more than 4096 bytes, nor half a character, of %i corps', (corps) => {
    const names = Array.from({ length: 20 }, (_, index) => `${'欧阳😀'.repeat(1 + (index % 7))} (u${index})`);
    const text = markdown(noticeOf(Array.from({ length: corps }, (_, index) => heldBackCorp(`ww${index}`, names))));
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096);
    expect(text).not.toContain('\uFFFD');
    expect(text.isWellFormed()).toBe(true);
    if (corps > 10) expect(text).toMatch(/… and \d+ more: orgsync status$/);
  });

  test.each([60, 61, 62, 63, 64, 65])('cuts one long paragraph at a character (%i names of 4 bytes a piece)', (many) => {
    const text = markdown(noticeOf([heldBackCorp('ww1', [`${'x'.repeat(many)}${'😀'.repeat(2_000)}`])]));
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096);
    expect(text.isWellFormed()).toBe(true);
    expect(text).toContain('😀…');
    expect(text).toContain('to do: look at it with orgsync plan');
  });

  test('shows a hostile name as text: no link, no mention, no line of its own', () => {
    const text = markdown(noticeOf([heldBackCorp('ww1', [HOSTILE])]));
    expect(text).not.toMatch(/\]\(|<@|`|\*\*y|\n# z|\r/);
    expect(text).toContain('Mallory');
  });
});

describe('a webhook', () => {
  test('gets JSON, signed with its key', async () => {
    const ops = await listen();
    await createWebhook({ url: new Secret(`${ops.url}/hook/t0ken?x=1`), secret: null, hmacKey: new Secret('signing key'), http }).tell(noticeOf([barredCorp('ww1')]));
    const [heard] = ops.heard;
    expect(heard?.path).toBe('/hook/t0ken?x=1');
    expect(heard?.headers['content-type']).toBe('application/json');
    expect(heard?.headers['x-orgsync-signature']).toBe(`sha256=${createHmac('sha256', 'signing key').update(heard?.body ?? '').digest('hex')}`);
    expect(JSON.parse(heard?.body ?? '')).toMatchObject({
      orgsync: '1.2.3',
      host: 'host-1',
      sent_at: '2026-03-01T06:30:00.000Z',
      alerts: [{ change: 'began', kind: 'failed', subject: 'corp:ww1', corp: { id: 'ww1', name: 'Corp ww1' }, errcode: 60020, request: 'user/list', departing: [] }],
    });
  });

  test('is signed as Standard Webhooks says, where it has a secret, and beside the older way', async () => {
    const ops = await listen();
    const secret = new Secret(`whsec_${randomBytes(32).toString('base64')}`);
    await createWebhook({ url: new Secret(ops.url), secret, hmacKey: new Secret('signing key'), http }).tell({ ...noticeOf([barredCorp('ww1')]), at: new Date() });
    const { headers, body } = ops.heard[0] ?? { headers: {}, body: '' };
    const signed = headers as Record<string, string>;
    expect(new Webhook(secret.reveal()).verify(body, signed)).toEqual(JSON.parse(body));
    expect(() => new Webhook(`whsec_${randomBytes(32).toString('base64')}`).verify(body, signed)).toThrow('No matching signature');
    expect(() => new Webhook(secret.reveal()).verify(body.replace('ww1', 'ww2'), signed)).toThrow('No matching signature');
    expect(headers).toHaveProperty('x-orgsync-signature');
  });

  test('without a key is not signed', async () => {
    const ops = await listen();
    await createWebhook({ url: new Secret(ops.url), secret: null, hmacKey: null, http }).tell(noticeOf([barredCorp('ww1')]));
    expect(Object.keys(ops.heard[0]?.headers ?? {}).filter((name) => /^webhook-|signature/.test(name))).toEqual([]);
  });

  test.each([404, 302, 500])('that answers %i has not been told, and the error shows the host only', async (status) => {
    const ops = await listen((_request, response) => response.writeHead(status, { location: '/elsewhere' }).end());
    const told = createWebhook({ url: new Secret(`${ops.url}/canary-token`), secret: null, hmacKey: null, http }).tell(noticeOf([barredCorp('ww1')]));
    await expect(told).rejects.toMatchObject({ code: 'call_failed', message: `${new URL(ops.url).host}: HTTP ${status}` });
    expect(ops.heard).toHaveLength(1);
  });

  test('is told again once when it fails in passing', async () => {
    let times = 0;
    const ops = await listen((_request, response) => response.writeHead(times++ === 0 ? 503 : 200).end());
    await createWebhook({ url: new Secret(ops.url), secret: null, hmacKey: null, http }).tell(noticeOf([barredCorp('ww1')]));
    expect(ops.heard).toHaveLength(2);
  });

  test('where nobody listens is said to refuse the connection', async () => {
    const told = createWebhook({ url: new Secret('http://127.0.0.1:1/hook'), secret: null, hmacKey: null, http }).tell(noticeOf([barredCorp('ww1')]));
    await expect(told).rejects.toMatchObject({ message: '127.0.0.1:1: ECONNREFUSED' });
  });

  test('that never answers is given up, after one more try at most', async () => {
    const silent = await listen(() => undefined);
    const hasty = createHttp({ version: '1.2.3', attemptMs: 200 });
    await expect(createWebhook({ url: new Secret(silent.url), secret: null, hmacKey: null, http: hasty }).tell(noticeOf([barredCorp('ww1')]))).rejects.toThrow('no answer in time');
    expect(silent.heard.length).toBeLessThanOrEqual(2);
  });

  test('is reached through a proxy where one leads to it', async () => {
    const ops = await listen();
    const proxy = await tunnel(new URL(ops.url));
    vi.stubEnv('HTTP_PROXY', proxy.url);
    onTestFinished(() => void vi.unstubAllEnvs());
    await createWebhook({ url: new Secret('http://ops.example/hook'), secret: null, hmacKey: null, http }).tell(noticeOf([barredCorp('ww1')]));
    expect(proxy.asked).toEqual(['ops.example:80']);
    expect(ops.heard).toHaveLength(1);
  });
});

/** A proxy that leads every tunnel to `target`, whatever was asked for. */
async function tunnel(target: URL): Promise<{ readonly url: string; readonly asked: readonly string[] }> {
  const asked: string[] = [];
  const server = createServer().listen(0, '127.0.0.1');
  server.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    const onward = connect(Number(target.port), target.hostname, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
    socket.pipe(onward).pipe(socket);
  });
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`, asked };
}

describe('a health check', () => {
  test('hears of the start, of success at its own address, and of failure by exit code', async () => {
    const checks = await listen();
    const check = createHealthCheck({ url: new Secret(`${checks.url}/uuid?create=1`), http });
    await check.started();
    await check.ended(0, '3 corps ok');
    await check.ended(75, `${'x'.repeat(20_000)}the last line`);
    expect(checks.heard.map(({ method, path: asked }) => `${method} ${asked}`)).toEqual(['POST /uuid/start?create=1', 'POST /uuid?create=1', 'POST /uuid/75?create=1']);
    expect(checks.heard[1]?.body).toBe('3 corps ok');
    expect(checks.heard[2]?.body).toMatch(/^x{9987}the last line$/);
  });
});

describe('a command', () => {
  const scratch = async (): Promise<string> => {
    const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-command-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    return folder;
  };

  test('gets the JSON on its standard input', async () => {
    const file = path.join(await scratch(), 'told.json');
    await createCommand({ command: `cat > '${file}'` }).tell(noticeOf([barredCorp('ww1')]));
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ alerts: [{ change: 'began', subject: 'corp:ww1' }] });
  });

  test('that fails, or reads nothing and fails, has not told anybody', async () => {
    const big = noticeOf(Array.from({ length: 2_000 }, (_, index) => heldBackCorp(`ww${index}`, ['x'.repeat(200)])));
    await expect(createCommand({ command: 'exec <&-; exit 3' }).tell(big)).rejects.toThrow('the alert command ended with 3');
    await expect(createCommand({ command: 'true' }).tell(big)).resolves.toBeUndefined();
  });

  test('that hangs is ended with everything it started', async () => {
    const file = path.join(await scratch(), 'pid');
    const told = createCommand({ command: `sh -c 'echo $$ > "${file}"; sleep 60' & wait`, timeoutMs: 300 }).tell(noticeOf([barredCorp('ww1')]));
    await expect(told).rejects.toThrow('was ended after 0.3 s');
    const pid = Number(await readFile(file, 'utf8'));
    await expect.poll(() => isRunning(pid)).toBe(false);
  });
});

/** A process that has ended and waits for its parent to notice runs no more. */
async function isRunning(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) [ZX] /.test(stat);
}
