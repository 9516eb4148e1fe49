import { expect, test } from 'vitest';
import { storeLimits } from '../../src/store/open.ts';

/** The longest pause, and reconnecting, after the last attempt that may begin. */
const LAST_ATTEMPT_MS = 1.5 * 4_000 + 2_000;

test.each([10_000, 14_000, 30_000, 60_000, 600_000])('a database that falls silent is given up within a lock.ttl of %i ms', (ttlMs) => {
  const { connectMs, silentMs } = storeLimits(ttlMs);
  // The statement is noticed within a quarter more than the limit; then the server is asked over another connection.
  const statementMs = 2.25 * connectMs;
  const attemptsMs = silentMs + Math.min(LAST_ATTEMPT_MS, 1.5 * 1_000 + connectMs / 2);
  expect(statementMs + attemptsMs).toBeLessThanOrEqual(ttlMs);
});

test('a statement that the server works on has longer than one that it does not', () => {
  for (const ttlMs of [1_000, 60_000, 3_600_000]) {
    const { connectMs, statementMs } = storeLimits(ttlMs);
    expect(statementMs).toBeGreaterThan(2 * connectMs);
  }
});
