import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import PQueue from 'p-queue';
import { createPacing } from '../../src/core/pacer.ts';
import { Secret } from '../../src/core/secret.ts';
import { systemClock } from '../../src/local/clock.ts';
import { openRedis } from '../../src/redis/open.ts';
import { openWecom } from '../../src/wecom/directory.ts';
import { openProxy } from '../support/proxy.ts';
import { startRedis } from '../support/servers.ts';
import { mostInASecond } from '../support/sliding.ts';

const RATE = 10;
const GOAL = 9.2;
const CONCURRENCY = 12;
/** Until tokens, lists and connections are there. */
const WARM_UP = 20;

interface Row {
  readonly name: string;
  readonly roundTripMs: number | undefined;
  readonly latencyMs: number;
  readonly perSecond: number;
  readonly most: number;
}

/**
 * How much of the rate is used, and whether it is ever exceeded: the reading of a corp whose slots are kept in Redis, by
 * round trip to Redis and latency of WeCom, beside a loop that sends one request after the other and p-queue alone.
 */
export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { quick: { type: 'boolean', default: false } } });
  const roundTrips = values.quick ? [0, 50, 100] : [0, 30, 50, 80, 100];
  const latencies = values.quick ? [0, 300] : [0, 300, 1_000];
  const requests = values.quick ? 50 : 100;
  const print = (line: string): boolean => process.stdout.write(`${line}\n`);
  print(`rate ${RATE}, ${CONCURRENCY} open requests, ${requests} requests each; arrivals a second once it is under way, and the most in a sliding second`);
  print('');
  print('                   Redis   WeCom   a second   most');
  const rows: Row[] = [];
  const show = (some: readonly Row[]): void => {
    rows.push(...some);
    for (const { name, roundTripMs, latencyMs, perSecond, most } of some) {
      const holds = perSecond >= GOAL && most <= RATE ? 'holds' : `falls short${most > RATE ? ': exceeds the rate' : ''}`;
      const redis = roundTripMs === undefined ? '     –' : `${String(roundTripMs).padStart(3)} ms`;
      print(`${name.padEnd(18)} ${redis}  ${String(latencyMs).padStart(4)} ms      ${perSecond.toFixed(1).padStart(5)}    ${String(most).padStart(3)}   ${holds}`);
    }
  };
  const redis = await startRedis();
  try {
    for (const roundTripMs of roundTrips) show(await Promise.all(latencies.map((latencyMs) => measureOrgsync({ port: redis.port, roundTripMs, latencyMs, requests }))));
  } finally {
    await redis.close();
  }
  show(await Promise.all(latencies.map((latencyMs) => measure('serial loop', latencyMs, async (url) => serially(url, latencyMs < 1_000 ? requests : WARM_UP * 2)))));
  show(await Promise.all(latencies.map((latencyMs) => measure('p-queue alone', latencyMs, async (url) => queued(url, requests)))));
  const own = rows.filter(({ roundTripMs }) => roundTripMs !== undefined);
  print('');
  print(`orgsync: ${Math.min(...own.map(({ perSecond }) => perSecond)).toFixed(1)} to ${Math.max(...own.map(({ perSecond }) => perSecond)).toFixed(1)} a second, at most ${Math.max(...own.map(({ most }) => most))} in a sliding second`);
}

async function measure(name: string, latencyMs: number, send: (url: string) => Promise<void>, departments = 0, roundTripMs?: number): Promise<Row> {
  const worker = new Worker(new URL('../wecom/arrivals.js', import.meta.url), { workerData: { departments, latencyMs, trouble: false } });
  try {
    const [{ port }] = (await once(worker, 'message')) as [{ port: number }];
    await send(`http://127.0.0.1:${port}`);
    const answer = once(worker, 'message');
    worker.postMessage('arrivals');
    const [{ arrivals }] = (await answer) as [{ arrivals: readonly number[] }];
    const steady = arrivals.slice(WARM_UP);
    const perSecond = ((steady.length - 1) / ((steady.at(-1) ?? 0) - (steady[0] ?? 0))) * 1_000;
    return { name, roundTripMs, latencyMs, perSecond, most: mostInASecond(arrivals) };
  } finally {
    await worker.terminate();
  }
}

async function measureOrgsync({ port, roundTripMs, latencyMs, requests }: { port: number; roundTripMs: number; latencyMs: number; requests: number }): Promise<Row> {
  const proxy = await openProxy(port);
  proxy.up.latencyMs = proxy.down.latencyMs = roundTripMs / 2;
  const clock = systemClock;
  const log = (): void => undefined;
  const redis = openRedis({ url: new Secret(`redis://127.0.0.1:${proxy.port}/0`), prefix: `${roundTripMs}-${latencyMs}:`, host: 'bench', pid: process.pid, ttlMs: 60_000, windowMs: 0, clock, log });
  const pacing = createPacing({ slots: redis.slots, address: { name: 'address:default', perSecond: 150 }, clock, log, patienceMs: 60_000 });
  try {
    return await measure(
      'orgsync',
      latencyMs,
      async (api) => {
        const access = { api, secret: new Secret('s'), rate: RATE, concurrency: CONCURRENCY, retries: 3, timeoutMs: 10_000 };
        const directory = openWecom({ access: () => access, pacing, tokens: redis.tokens, clock, log });
        await directory.read({ id: 'ww0000000000000001', name: 'one' }, { signal: new AbortController().signal });
        await directory.close();
      },
      requests,
      roundTripMs,
    );
  } finally {
    await redis.close();
    await proxy.close();
  }
}

async function serially(url: string, requests: number): Promise<void> {
  for (let sent = 0; sent < requests; sent += 1) {
    const next = sleep(1_000 / RATE);
    await request(url);
    await next;
  }
}

async function queued(url: string, requests: number): Promise<void> {
  const queue = new PQueue({ concurrency: CONCURRENCY, intervalCap: RATE, interval: 1_000 });
  await queue.addAll(Array.from({ length: requests }, () => () => request(url)));
}

async function request(url: string): Promise<void> {
  const [response] = (await once(get(`${url}/cgi-bin/gettoken`), 'response')) as [NodeJS.ReadableStream];
  response.resume();
  await once(response, 'end');
}
