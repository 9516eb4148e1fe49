import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { start } from '../support/cli.ts';
import { openProxy } from '../support/proxy.ts';
import { configFor, type Sandbox, startSandbox } from '../support/sandbox.ts';
import { firstBytes } from '../support/server-process.ts';
import { startRedis } from '../support/servers.ts';

const ROUND_TRIPS_MS = [0, 20, 50, 100];

/**
 * How long after winning the lock the first request leaves, in milliseconds, at several distances to Redis: with a token in
 * the cache (the request is `department/list`), and without one (`gettoken`). The middle of so many runs. Build first.
 */
export async function main([rounds = '7']: readonly string[]): Promise<void> {
  const [redis, sandbox, folder] = await Promise.all([startRedis(), startSandbox({ corps: 1, members: 20, departments: 4 }), mkdtemp(join(tmpdir(), 'orgsync-bench-'))]);
  const proxy = await openProxy(redis.port);
  try {
    const config = join(folder, 'config.yml');
    await writeFile(config, `${configFor(sandbox)}store: sqlite:${join(folder, 'bench.sqlite')}\nredis: redis://127.0.0.1:${proxy.port}/0\nlock: { fair: false }\n`, { mode: 0o600 });
    // The first run creates the store, and lets Redis know that it did not lose its data.
    await start(['--config', config, 'run']).ended;
    for (const roundTripMs of ROUND_TRIPS_MS) {
      proxy.up.latencyMs = proxy.down.latencyMs = roundTripMs / 2;
      const measure = async (): Promise<number> => measureOnce(config, sandbox, proxy);
      const cached = await middle(Number(rounds), measure);
      const cold = await middle(Number(rounds), async () => {
        await firstBytes(redis.port, `EVAL "for _, key in ipairs(redis.call('KEYS', '*token:*')) do redis.call('DEL', key) end" 0\r\n`);
        return await measure();
      });
      process.stdout.write(`Redis ${String(roundTripMs).padStart(3)} ms away: the first request leaves ${cached.toFixed(0)} ms after the lock, ${cold.toFixed(0)} ms without a token\n`);
    }
  } finally {
    await proxy.close();
    await sandbox.close();
    await redis.close();
    await rm(folder, { recursive: true });
  }
}

async function measureOnce(config: string, sandbox: Sandbox, proxy: Awaited<ReturnType<typeof openProxy>>): Promise<number> {
  const granted = proxy.next('up', 'lease:run').then(() => proxy.next('down')).then(() => performance.now() + proxy.down.latencyMs);
  sandbox.stats.reset();
  const requested = sandbox.stats.reached({ count: 1 }).then(() => performance.now());
  const { child } = start(['--config', config, 'run']);
  const took = (await requested) - (await granted);
  await once(child, 'close');
  return took;
}

async function middle(rounds: number, measure: () => Promise<number>): Promise<number> {
  const all: number[] = [];
  for (let round = 0; round < rounds; round += 1) all.push(await measure());
  return all.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? NaN;
}
