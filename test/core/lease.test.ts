import { describe, expect, test } from 'vitest';
import { type Grant, keepLease } from '../../src/core/lease.ts';
import type { Lease } from '../../src/core/ports/leases.ts';
import { createTestClock, type TestClock } from '../support/clock.ts';

const TTL = 60_000;
const silent = (): void => undefined;

interface Keeper {
  readonly clock: TestClock;
  readonly lease: Lease;
  readonly renewals: number[];
  freed: number;
  answer: () => Promise<boolean>;
}

function grant({ askedAt = 0 } = {}): Keeper {
  const clock = createTestClock();
  const keeper = { clock, renewals: [] as number[], freed: 0, answer: () => Promise.resolve(true) };
  const terms: Grant = {
    name: 'run',
    keeper: 'Redis at cache:6379',
    ttlMs: TTL,
    askedAt,
    renew: () => {
      keeper.renewals.push(clock.monotonic());
      return keeper.answer();
    },
    free: () => {
      keeper.freed += 1;
      return Promise.resolve();
    },
  };
  return Object.assign(keeper, { lease: keepLease(terms, clock, silent) });
}

describe('a kept lease', () => {
  test('is renewed three times per life, for as long as it is held', async () => {
    const { clock, lease, renewals } = grant();
    await clock.advance(10 * TTL);
    expect(renewals).toHaveLength(30);
    lease.ensureHeld();
    expect(lease.signal.aborted).toBe(false);
  });

  test('is lost before its life ends when nobody renews it, though renewal is tried ever faster', async () => {
    const keeper = grant();
    keeper.answer = () => Promise.reject(new Error('nobody there'));
    await keeper.clock.advance(TTL * 0.9 - 1);
    expect(keeper.lease.signal.aborted).toBe(false);
    await keeper.clock.advance(1);
    expect(keeper.lease.signal.reason).toMatchObject({ kind: 'temporary', code: 'lease_lost', cause: { message: 'nobody there' } });
    expect(keeper.renewals.length).toBeGreaterThan(5);
  });

  test('counts its life from before the renewal was sent, not from the answer', async () => {
    const keeper = grant();
    keeper.answer = async () => {
      await keeper.clock.sleep(15_000);
      keeper.answer = () => new Promise(() => undefined);
      return true;
    };
    await keeper.clock.advance(20_000 + TTL * 0.9 - 1);
    expect(keeper.lease.signal.aborted).toBe(false);
    await keeper.clock.advance(1);
    expect(keeper.lease.signal.aborted).toBe(true);
  });

  test('is lost at once when the keeper says that it is not ours', async () => {
    const keeper = grant();
    keeper.answer = () => Promise.resolve(false);
    await keeper.clock.advance(TTL / 3);
    expect(keeper.lease.signal.aborted).toBe(true);
    expect(() => keeper.lease.ensureHeld()).toThrow('no longer ours');
  });

  test('is known to be lost in the first turn after a long pause, before any timer has run', () => {
    const { clock, lease } = grant();
    clock.jump(TTL);
    expect(lease.signal.aborted).toBe(false);
    expect(() => lease.ensureHeld()).toThrow('Redis at cache:6379 did not renew it in time');
    expect(lease.signal.aborted).toBe(true);
  });

  test('is not renewed after a long pause: it may be another’s', async () => {
    const { clock, renewals } = grant();
    clock.jump(TTL);
    await clock.advance(TTL);
    expect(renewals).toEqual([]);
  });

  test('is released once, is no longer renewed then, and is not held any more', async () => {
    const keeper = grant();
    await Promise.all([keeper.lease.release(), keeper.lease.release()]);
    await keeper.clock.advance(10 * TTL);
    expect(keeper.freed).toBe(1);
    expect(keeper.renewals).toEqual([]);
    expect(keeper.lease.signal.aborted).toBe(false);
    expect(keeper.clock.sleepers).toBe(0);
    expect(() => keeper.lease.ensureHeld()).toThrow('released');
  });

  test('that is lost still frees what may be left of it, without a complaint', async () => {
    const keeper = grant();
    keeper.clock.jump(TTL);
    expect(() => keeper.lease.ensureHeld()).toThrow();
    await keeper.lease.release();
    expect(keeper.freed).toBe(1);
  });
});
