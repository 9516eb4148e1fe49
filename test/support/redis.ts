import { randomBytes } from 'node:crypto';
import { inject, onTestFinished } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import { Secret } from '../../src/core/secret.ts';
import { openRedis, type RedisParts } from '../../src/redis/open.ts';
import { openProxy, type Proxy } from './proxy.ts';
import { firstBytes, type ServerProcess } from './server-process.ts';

type Options = Parameters<typeof openRedis>[0];

/** A prefix that no other test uses: Redis is shared. */
export function ownPrefix(): string {
  return `test-${randomBytes(6).toString('hex')}:`;
}

/** Opens our Redis for the running test, and closes it when the test has ended. Short lives and windows, unless told otherwise. */
export function openTestRedis({ port, url = port === undefined ? inject('redisUrl') : `redis://127.0.0.1:${port}/0`, ...options }: Partial<Omit<Options, 'url'>> & { readonly port?: number; readonly url?: string } = {}): RedisParts {
  const parts = openRedis({
    url: new Secret(url),
    prefix: ownPrefix(),
    host: 'host-a',
    pid: 1,
    ttlMs: 3_000,
    windowMs: 200,
    clock: systemClock,
    log: () => undefined,
    ...options,
  });
  onTestFinished(async () => parts.close());
  return parts;
}

/** Opens a proxy before the Redis that all tests share, or before the one at `port`, for the running test. */
export async function openRedisProxy(port = Number(new URL(inject('redisUrl')).port)): Promise<Proxy> {
  const proxy = await openProxy(port);
  onTestFinished(async () => proxy.close());
  return proxy;
}

/** Sends one command in words, and returns the answer as it comes. */
export async function command({ port }: ServerProcess, words: string): Promise<string> {
  return (await firstBytes(port, `${words}\r\n`, 30_000)).toString();
}
