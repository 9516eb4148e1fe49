import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import type { CorpAccess } from '../../src/wecom/access.ts';
import { openHttpProxy } from '../support/http-proxy.ts';
import { withSandbox } from '../support/sandbox.ts';
import { firstCorp, never, openFor, openForSandbox, shapeOf, truthShape } from './support.ts';
import type { Opened } from './support.ts';

const CORP = { id: 'ww0000000000000001', name: 'one' };
const SMALL = { corps: 1, members: 20, departments: 4 } as const;
afterEach(() => vi.unstubAllEnvs());

test('a reading goes through the configured proxy, over few tunnels', () =>
  withSandbox(SMALL, async (sandbox) => {
    const { url: proxy, tunnels } = await openHttpProxy();
    const { directory } = openForSandbox(sandbox, { concurrency: 2, proxy });
    const reading = await directory.read(firstCorp(sandbox), { signal: never() });
    expect(shapeOf(reading)).toEqual(truthShape(sandbox, firstCorp(sandbox).id));
    expect(new Set(tunnels)).toEqual(new Set([new URL(sandbox.url).host]));
    expect(tunnels.length).toBeLessThanOrEqual(2);
    await directory.close();
  }));

test.each([
  ['HTTP_PROXY leads through the proxy', {}, true],
  ['NO_PROXY leads around it', { NO_PROXY: '127.0.0.1' }, false],
] as const)('%s', (_name, extra, through) =>
  withSandbox(SMALL, async (sandbox) => {
    const { url: proxy, tunnels } = await openHttpProxy();
    for (const [name, value] of Object.entries({ HTTP_PROXY: proxy, ...extra })) vi.stubEnv(name, value);
    const { directory } = openForSandbox(sandbox);
    await directory.read(firstCorp(sandbox), { signal: never() });
    expect(tunnels.length > 0).toBe(through);
    await directory.close();
  }),
);

test('a proxy that refuses is named as the one', () =>
  withSandbox(SMALL, async (sandbox) => {
    const { url: proxy } = await openHttpProxy(() => '407 Proxy Authentication Required');
    const { directory } = openForSandbox(sandbox, { retries: 0, proxy });
    await expect(directory.read(firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({
      kind: 'unavailable',
      message: `no answer from WeCom to gettoken at ${new URL(sandbox.url).host}: the proxy ${new URL(proxy).host} opened no tunnel: HTTP 407`,
      hint: expect.stringContaining('user name and password'),
    });
    await directory.close();
  }));

test('a proxy is given its user name and password, and no error holds them', () =>
  withSandbox(SMALL, async (sandbox) => {
    const given: (string | undefined)[] = [];
    const { port } = await openHttpProxy(({ headers }) => {
      given.push(headers['proxy-authorization']);
      return '403 Forbidden';
    });
    const { directory, logged } = openForSandbox(sandbox, { retries: 0, proxy: `http://us%40er:se%3Asame@127.0.0.1:${port}` });
    const error: unknown = await directory.read(firstCorp(sandbox), { signal: never() }).catch((thrown: unknown) => thrown);
    expect(given).toEqual([`Basic ${Buffer.from('us@er:se:same').toString('base64')}`]);
    expect(error).toMatchObject({ kind: 'unavailable' });
    expect(inspect([error, logged], { depth: 10 })).not.toMatch(/same|us%40er|us@er/);
    await directory.close();
  }));

/** Servers that take a connection and then fail to do their part of one phase. */
const HANGING: readonly (readonly [string, 'proxy' | 'server', (socket: Duplex) => void])[] = [
  ['a proxy that says nothing', 'proxy', () => undefined],
  ['a proxy that answers in drops', 'proxy', (socket) => drip(socket, 'HTTP/1.1 200 OK\r\n', 'X-Slow: 1\r\n')],
  ['a proxy behind whose tunnel nobody shakes hands', 'proxy', (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n')],
  ['a server that shakes no hands', 'server', () => undefined],
];

function drip(socket: Duplex, first: string, then: string): void {
  socket.write(first);
  const timer = setInterval(() => socket.write(then), 20);
  socket.once('close', () => clearInterval(timer));
}

/** Opens a server for the running test that has `answer` do with each connection what it likes, and counts those that are open. */
async function openHanging(answer: (socket: Duplex) => void): Promise<{ readonly url: string; readonly open: ReadonlySet<Duplex> }> {
  const open = new Set<Duplex>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).once('close', () => open.delete(socket));
    socket.once('data', () => answer(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { url: `127.0.0.1:${(server.address() as AddressInfo).port}`, open };
}

function openThrough(where: 'proxy' | 'server', host: string, access: Partial<CorpAccess>): Opened {
  const url = where === 'server' ? `https://${host}` : 'https://127.0.0.1:9';
  return openFor(url, () => ({ secret: new Secret('s'), retries: 0, ...access, ...(where === 'proxy' && { proxy: `http://${host}` }) }));
}

describe('no phase of a request lasts for ever:', () => {
  test.each(HANGING)('%s', async (_, where, answer) => {
    const hanging = await openHanging(answer);
    const { directory } = openThrough(where, hanging.url, { timeoutMs: 500 });
    const began = performance.now();
    await expect(directory.read(CORP, { signal: never() })).rejects.toMatchObject({ kind: 'unavailable', code: 'wecom_unreachable' });
    // Below the limit of a whole answer, which is six times as much.
    expect(performance.now() - began).toBeLessThan(2_500);
    await expect.poll(() => hanging.open.size).toBe(0);
    await directory.close();
  });

  test.each(HANGING)('an abort ends it within a second: %s', async (_, where, answer) => {
    let answered: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => (answered = resolve));
    const hanging = await openHanging((socket) => {
      answer(socket);
      answered();
    });
    const { directory } = openThrough(where, hanging.url, { timeoutMs: 60_000 });
    const stop = new AbortController();
    const reading = directory.read(CORP, { signal: stop.signal });
    reading.catch(() => undefined);
    await reached;
    const began = performance.now();
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(reading).rejects.toBe(reason);
    await directory.close();
    await expect.poll(() => hanging.open.size).toBe(0);
    expect(performance.now() - began).toBeLessThan(1_000);
  });
});

test.each([
  ['socks5://127.0.0.1:1080', 'socks5:'],
  ['socks5h://user:password@127.0.0.1:1080', 'socks5h:'],
  ['ftp://127.0.0.1:21', 'ftp:'],
])('a proxy that does not speak HTTP (%s) is refused by name, and nothing is sent', async (proxy, scheme) => {
  vi.stubEnv('ALL_PROXY', proxy);
  const { directory } = openFor('https://qyapi.weixin.qq.com', () => ({ secret: new Secret('s') }));
  const error: unknown = await directory.read(CORP, { signal: never() }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ kind: 'config', code: 'proxy_unsupported', message: expect.stringContaining(scheme), hint: expect.stringContaining('HTTPS_PROXY') });
  expect(inspect(error)).not.toContain('password');
  expect(directory.requestsSent(CORP)).toBe(0);
  await expect(directory.probe(CORP, never())).resolves.toMatchObject([{ kind: 'config' }]);
  await directory.close();
});

test('a redirect is not followed: it would carry the token away', () =>
  withSandbox(SMALL, async (sandbox) => {
    const headers = { location: 'http://127.0.0.1:9/elsewhere' };
    sandbox.faults.add({ match: { endpoint: 'gettoken' }, effect: { kind: 'body', body: '', status: 301, headers } });
    const { directory } = openForSandbox(sandbox, { retries: 0 });
    await expect(directory.read(firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({ message: `instead of an answer to gettoken came HTTP 301 from ${new URL(sandbox.url).host}` });
    await directory.close();
  }));

test('connections are kept: no more are opened than requests may be open', () =>
  withSandbox({ corps: 1, members: 20, departments: 20 }, async (sandbox) => {
    const { directory } = openForSandbox(sandbox, { concurrency: 3 });
    const ports = new Set<number>();
    const note = ({ socket }: { socket: { remotePort?: number | undefined } }): unknown => socket.remotePort !== undefined && ports.add(socket.remotePort);
    const { subscribe, unsubscribe } = await import('node:diagnostics_channel');
    const listener = (message: unknown): unknown => note((message as { request: { socket: { remotePort?: number } } }).request);
    subscribe('http.server.request.start', listener);
    await directory.read(firstCorp(sandbox), { signal: never() });
    unsubscribe('http.server.request.start', listener);
    expect(ports.size).toBeGreaterThan(0);
    expect(ports.size).toBeLessThanOrEqual(4);
    await directory.close();
  }));
