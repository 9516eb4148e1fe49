import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { createPacing } from '../../src/core/pacer.ts';
import { Secret } from '../../src/core/secret.ts';
import { systemClock } from '../../src/local/clock.ts';
import { mostInASecond } from '../support/sliding.ts';
import { localPacing, never, openFor } from './support.ts';

const CORP = { id: 'ww0000000000000001', name: 'one' };
const secret = new Secret('s');

interface Recorder {
  readonly url: string;
  arrivals(): Promise<readonly number[]>;
  close(): Promise<unknown>;
}

async function startRecorder(data: { departments: number; latencyMs: number; trouble: boolean }): Promise<Recorder> {
  const worker = new Worker(new URL('./arrivals.js', import.meta.url), { workerData: data });
  const [{ port }] = (await once(worker, 'message')) as [{ port: number }];
  return {
    url: `http://127.0.0.1:${port}`,
    arrivals: async () => {
      const answer = once(worker, 'message');
      worker.postMessage('arrivals');
      const [{ arrivals }] = (await answer) as [{ arrivals: readonly number[] }];
      return arrivals;
    },
    close: () => worker.terminate(),
  };
}

/** Slots without end: what is left is the count of what was really sent. */
const GENEROUS = createPacing({
  slots: { reserve: (asks) => Promise.resolve(asks.map(({ count }) => ({ slots: Array.from({ length: count }, () => performance.now()), askAgainAt: 0 }))) },
  address: { name: 'address:test', perSecond: 10_000 },
  clock: systemClock,
  log: () => undefined,
  patienceMs: 60_000,
});

/** Blocks this thread, as a large JSON or a busy machine does. */
function stall(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test('in no sliding second do more than ten requests arrive, through errors, repeats, dead tokens and a stalling event loop', { timeout: 60_000 }, async () => {
  const recorder = await startRecorder({ departments: 80, latencyMs: 30, trouble: true });
  const { directory, events } = openFor(recorder.url, () => ({ secret, rate: 10, concurrency: 5, backoffMs: 20, retries: 10 }), { pacing: GENEROUS });
  const stalls = setInterval(() => stall(300), 1_700);
  const reading = await directory.read(CORP, { signal: never() });
  clearInterval(stalls);
  const arrivals = await recorder.arrivals();
  expect(mostInASecond(arrivals)).toBeLessThanOrEqual(10);
  expect([reading.gaps, reading.members.length]).toEqual([[], 80]);
  expect(events()).toEqual(expect.arrayContaining(['access_token_reset', 'concurrency_lowered', 'request_failed']));
  expect(directory.requestsSent(CORP)).toBe(arrivals.length);
  await directory.close();
  await recorder.close();
});

test('slow answers do not lower the rate: 60 departments at 300 ms take about 7 seconds', { timeout: 60_000 }, async () => {
  const recorder = await startRecorder({ departments: 60, latencyMs: 300, trouble: false });
  const { directory } = openFor(recorder.url, () => ({ secret, rate: 10, concurrency: 12 }));
  const began = performance.now();
  await directory.read(CORP, { signal: never() });
  const seconds = (performance.now() - began) / 1_000;
  expect(mostInASecond(await recorder.arrivals())).toBeLessThanOrEqual(10);
  expect(seconds).toBeLessThan(8.5);
  await directory.close();
  await recorder.close();
});

test('all corps together keep within the total rate', { timeout: 60_000 }, async () => {
  const recorder = await startRecorder({ departments: 12, latencyMs: 5, trouble: false });
  const { directory } = openFor(recorder.url, () => ({ secret, rate: 10, concurrency: 5 }), { pacing: localPacing(25) });
  const corps = Array.from({ length: 6 }, (_, at) => ({ id: `ww${at}`, name: String(at) }));
  await Promise.allSettled(corps.map((corp) => directory.read(corp, { signal: never() })));
  expect(mostInASecond(await recorder.arrivals())).toBeLessThanOrEqual(25);
  await directory.close();
  await recorder.close();
});
