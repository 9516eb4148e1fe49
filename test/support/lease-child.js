// A process of its own that works with leases, on the built program. Told what by one JSON argument:
// { redis | store, prefix, host, ttlMs, rounds?, log? }
// With `rounds` it takes the lease `run` so many times, and writes to `log` when it has it and when it no longer does.
// Without, it takes it once, says `acquired`, and answers each line of its input with `held` or with the code of its loss.
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { systemClock } from '../../dist/local/clock.js';
import { Secret } from '../../dist/core/secret.js';

const { redis, store, prefix, host, ttlMs, rounds, log } = JSON.parse(process.argv[2] ?? '{}');
const options = { host, pid: process.pid, ttlMs, windowMs: 100, clock: systemClock, log: () => undefined };
const leases = redis === undefined ? await storeLeases() : await redisLeases();
const { signal } = new AbortController();

if (rounds === undefined) await holdAndAnswer();
else await takeTurns();
process.exit(0);

async function takeTurns() {
  for (let won = 0; won < rounds; ) {
    const acquired = await leases.acquire('run', { signal, fair: won % 2 === 0 });
    if (acquired.is === 'held') continue;
    won += 1;
    appendFileSync(log, `+${host}\n`);
    await systemClock.sleep(2);
    appendFileSync(log, `-${host}\n`);
    await acquired.lease.release();
  }
}

async function holdAndAnswer() {
  const acquired = await leases.acquire('run', { signal });
  process.stdout.write(`${acquired.is}\n`);
  if (acquired.is === 'held') return;
  for await (const _ of createInterface(process.stdin)) process.stdout.write(`${state(acquired.lease)}\n`);
}

function state(lease) {
  try {
    lease.ensureHeld();
    return 'held';
  } catch (error) {
    return error.code;
  }
}

async function redisLeases() {
  const { openRedis } = await import('../../dist/redis/open.js');
  return openRedis({ ...options, url: new Secret(redis), prefix }).leases;
}

async function storeLeases() {
  const [{ openStore }, { createStoreLeases }] = [await import('../../dist/store/open.js'), await import('../../dist/store/shared/lease.js')];
  const { database } = await openStore({ clock: systemClock, url: store, readOnly: false });
  return createStoreLeases(database, options);
}
