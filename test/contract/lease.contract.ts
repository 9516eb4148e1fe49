import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/local/clock.ts';
import type { Acquired, Holder, Lease, Leases } from '../../src/core/ports/leases.ts';
import { type LeaseChildOptions, startLeaseChild } from '../support/lease-process.ts';

const never = new AbortController().signal;

/** One place where leases are kept, empty, for one test. */
export interface LeaseHouse {
  /** One more process, as it were. */
  readonly open: (options: { readonly host: string; readonly pid?: number; readonly ttlMs?: number }) => Leases;
  /** What tells a child process where the place is. */
  readonly child: Pick<LeaseChildOptions, 'redis' | 'store' | 'prefix'>;
}

/** The lease, or a complaint. */
export function leaseOf(acquired: Acquired): Lease {
  if (acquired.is === 'held') throw new Error(`held by ${acquired.by?.host ?? 'nobody known'}`);
  return acquired.lease;
}

/** Resolves with why the lease was lost. */
export async function lossOf({ signal }: Lease): Promise<unknown> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  return signal.reason;
}

/** Who holds `run`. */
async function holderOf(leases: Leases): Promise<Holder> {
  const holder = (await leases.holders()).find(({ name }) => name === 'run');
  if (holder === undefined) throw new Error('nobody holds it');
  return holder;
}

/** What all keepers of leases keep. */
export function describeLeases(name: string, prepare: () => Promise<LeaseHouse>): void {
  describe(`a lease in ${name}`, () => {
    test('goes to one of many who ask at once, and tells the others who has it', async () => {
      const { open } = await prepare();
      const all = await Promise.all(
        Array.from({ length: 8 }, (_, i) => open({ host: `host-${i}`, pid: 100 + i }).acquire('run', { signal: never })),
      );
      const winner = all.findIndex(({ is }) => is === 'acquired');
      expect(all.filter(({ is }) => is === 'acquired')).toHaveLength(1);
      const others = all.filter((one) => one.is === 'held');
      expect(others.map(({ by }) => by?.host)).toEqual(Array.from({ length: 7 }, () => `host-${winner}`));
      expect(others[0]?.by).toMatchObject({ name: 'run', pid: 100 + winner });
    });

    test('is one per name', async () => {
      const { open } = await prepare();
      const leases = open({ host: 'a' });
      for (const task of ['run', 'run:1/2', 'run:2/2', 'corp:ww1']) leaseOf(await leases.acquire(task, { signal: never }));
      expect((await leases.acquire('run:1/2', { signal: never })).is).toBe('held');
    });

    test('goes to the next one as soon as it is released', async () => {
      const { open } = await prepare();
      const [one, two] = [open({ host: 'a' }), open({ host: 'b' })];
      const lease = leaseOf(await one.acquire('run', { signal: never }));
      expect((await two.acquire('run', { signal: never })).is).toBe('held');
      await lease.release();
      await lease.release();
      leaseOf(await two.acquire('run', { signal: never })).ensureHeld();
    });

    test('is held by its process only once', async () => {
      const leases = (await prepare()).open({ host: 'a' });
      leaseOf(await leases.acquire('run', { signal: never }));
      expect((await leases.acquire('run', { signal: never })).is).toBe('held');
    });

    test('is released by its owner only', async () => {
      const { open } = await prepare();
      const [one, two, three] = [open({ host: 'a' }), open({ host: 'b' }), open({ host: 'c' })];
      const lost = leaseOf(await one.acquire('run', { signal: never }));
      expect(await two.forceRelease(await holderOf(two))).toBe(true);
      leaseOf(await two.acquire('run', { signal: never }));
      await lost.release();
      expect(await three.acquire('run', { signal: never })).toMatchObject({ is: 'held', by: { host: 'b' } });
    });

    test('lives as long as it is renewed, beyond its life', async () => {
      const { open } = await prepare();
      const lease = leaseOf(await open({ host: 'a', ttlMs: 900 }).acquire('run', { signal: never }));
      const other = open({ host: 'b' });
      const until = performance.now() + 2_700;
      while (performance.now() < until) {
        expect((await other.acquire('run', { signal: never })).is).toBe('held');
        await systemClock.sleep(100);
      }
      lease.ensureHeld();
    });

    test('ends with its life when its process is killed', async () => {
      const { open, child } = await prepare();
      const killed = startLeaseChild({ ...child, host: 'a', ttlMs: 1_500 });
      expect(await killed.line()).toBe('acquired');
      killed.process.kill('SIGKILL');
      const other = open({ host: 'b' });
      const killedAt = performance.now();
      expect((await other.acquire('run', { signal: never })).is).toBe('held');
      await expect.poll(async () => (await other.acquire('run', { signal: never })).is).toBe('acquired');
      expect(performance.now() - killedAt).toBeLessThan(6_000);
    });

    test('is lost, and known to be, when its process was stopped for longer than its life', async () => {
      const { open, child } = await prepare();
      const stopped = startLeaseChild({ ...child, host: 'a', ttlMs: 1_500 });
      expect(await stopped.line()).toBe('acquired');
      stopped.ask();
      expect(await stopped.line()).toBe('held');
      stopped.process.kill('SIGSTOP');
      stopped.ask();
      const other = open({ host: 'b' });
      await expect.poll(async () => (await other.acquire('run', { signal: never })).is).toBe('acquired');
      stopped.process.kill('SIGCONT');
      expect(await stopped.line()).toBe('lease_lost');
    });

    test('is one process’s at a time, over many processes and many rounds', async () => {
      const { child } = await prepare();
      const log = path.join(tmpdir(), `orgsync-leases-${randomBytes(6).toString('hex')}`);
      const children = ['a', 'b', 'c', 'd'].map((host) => startLeaseChild({ ...child, host, ttlMs: 10_000, rounds: 5, log }));
      expect(await Promise.all(children.map((one) => one.ended()))).toEqual([0, 0, 0, 0]);
      const events = (await readFile(log, 'utf8')).trim().split('\n');
      expect(events).toHaveLength(40);
      for (let i = 0; i < events.length; i += 2) expect(events[i + 1]).toBe(events[i]?.replace('+', '-'));
    });

    test('is listed with its holder while it is held', async () => {
      const { open } = await prepare();
      const leases = open({ host: 'a', pid: 42, ttlMs: 60_000 });
      expect(await leases.holders()).toEqual([]);
      const lease = leaseOf(await leases.acquire('run', { signal: never }));
      leaseOf(await leases.acquire('corp:ww1', { signal: never }));
      const [corp, run] = await open({ host: 'b' }).holders();
      expect([corp?.name, run?.name]).toEqual(['corp:ww1', 'run']);
      expect(run).toMatchObject({ host: 'a', pid: 42 });
      expect(Math.abs((run?.since.getTime() ?? 0) - Date.now())).toBeLessThan(10_000);
      expect(Math.abs((run?.expiresAt?.getTime() ?? 0) - Date.now() - 60_000)).toBeLessThan(10_000);
      await lease.release();
      expect((await leases.holders()).map((one) => one.name)).toEqual(['corp:ww1']);
    });

    test('can be freed by force, and its owner learns of it with the next renewal', async () => {
      const { open } = await prepare();
      const lease = leaseOf(await open({ host: 'a', ttlMs: 1_000 }).acquire('run', { signal: never }));
      const operator = open({ host: 'b' });
      const holder = await holderOf(operator);
      expect(await operator.forceRelease({ ...holder, name: 'other' })).toBe(false);
      expect(await operator.forceRelease(holder)).toBe(true);
      expect(await operator.forceRelease(holder)).toBe(false);
      expect(await lossOf(lease)).toMatchObject({ kind: 'temporary', code: 'lease_lost' });
      expect(() => lease.ensureHeld()).toThrow('no longer ours');
    });

    test('is left alone by whoever means the one before it, also when the same process holds it again', async () => {
      const { open } = await prepare();
      const [owner, operator] = [open({ host: 'a', pid: 1 }), open({ host: 'b' })];
      const first = leaseOf(await owner.acquire('run', { signal: never }));
      const seen = await holderOf(operator);
      await first.release();
      leaseOf(await owner.acquire('run', { signal: never }));
      expect(await operator.forceRelease(seen)).toBe(false);
      expect(await operator.holders()).toMatchObject([{ name: 'run', host: 'a', pid: 1 }]);
    });

    test('is known by whoever is refused, too, as the one to free', async () => {
      const { open } = await prepare();
      const refused = open({ host: 'b' });
      leaseOf(await open({ host: 'a', ttlMs: 1_000 }).acquire('run', { signal: never }));
      const acquired = await refused.acquire('run', { signal: never });
      if (acquired.is !== 'held' || acquired.by === null) throw new Error('not refused');
      const { by } = acquired;
      // Renewed meanwhile, it still is the same lease.
      await expect.poll(async () => (await holderOf(refused)).expiresAt?.getTime()).toBeGreaterThan((by.expiresAt?.getTime() ?? 0) + 300);
      expect(await refused.forceRelease(by)).toBe(true);
      leaseOf(await refused.acquire('run', { signal: never }));
    });

    test('is not taken for somebody who has given up', async () => {
      const { open } = await prepare();
      const giveUp = AbortSignal.abort(new Error('enough'));
      await expect(open({ host: 'a' }).acquire('run', { signal: giveUp })).rejects.toThrow('enough');
      expect(await open({ host: 'b' }).holders()).toEqual([]);
    });

    test('is freed when its leases are closed', async () => {
      const { open } = await prepare();
      const closing = open({ host: 'a' });
      leaseOf(await closing.acquire('run', { signal: never }));
      await closing.close();
      leaseOf(await open({ host: 'b' }).acquire('run', { signal: never }));
    });
  });
}
