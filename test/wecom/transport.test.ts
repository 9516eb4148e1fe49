import { afterEach, expect, test, vi } from 'vitest';
import { openHttpProxy } from '../support/http-proxy.ts';
import { withSandbox } from '../support/sandbox.ts';
import { firstCorp, never, openForSandbox, shapeOf, truthShape } from './support.ts';

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
      message: expect.stringContaining('the proxy said: Bad response: 407'),
    });
    await directory.close();
  }));

test('a redirect is not followed: it would carry the token away', () =>
  withSandbox(SMALL, async (sandbox) => {
    const headers = { location: 'http://127.0.0.1:9/elsewhere' };
    sandbox.faults.add({ match: { endpoint: 'gettoken' }, effect: { kind: 'body', body: '', status: 301, headers } });
    const { directory } = openForSandbox(sandbox, { retries: 0 });
    await expect(directory.read(firstCorp(sandbox), { signal: never() })).rejects.toMatchObject({ message: 'instead of an answer to gettoken came HTTP 301' });
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
