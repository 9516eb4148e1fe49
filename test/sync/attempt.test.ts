import { expect, test } from 'vitest';
import { OrgsyncError } from '../../src/errors.ts';
import type { Lease } from '../../src/core/ports/leases.ts';
import { runCorp } from '../../src/sync/attempt.ts';
import type { AttemptDeps } from '../../src/sync/attempt.ts';
import { createTestClock } from '../support/clock.ts';
import { CORP, WRITER } from '../support/stores.ts';

const GONE = new OrgsyncError('unavailable', { code: 'pace_unavailable', message: 'no slot for a request could be reserved', hint: 'look at Redis' });
const LOST = new OrgsyncError('temporary', { code: 'lease_lost', message: 'the lease is no longer ours', hint: 'nothing' });

const nothing = (): undefined => undefined;

/** A corp that cannot be read, and whose lease says this when it is asked. */
function attempt(ensureHeld: () => void): AttemptDeps {
  const lease: Lease = { name: 'corp', signal: new AbortController().signal, ensureHeld, release: () => Promise.resolve() };
  const store = { begin: () => Promise.resolve({ corp: CORP, runId: 1, token: 1 }), finish: () => Promise.resolve() };
  return {
    store: store as unknown as AttemptDeps['store'],
    leases: { acquire: () => Promise.resolve({ is: 'acquired', lease }) } as unknown as AttemptDeps['leases'],
    directory: Promise.resolve({ requestsSent: () => 0, read: () => Promise.reject(GONE) } as unknown as Awaited<AttemptDeps['directory']>),
    limitsOf: () => ({}) as unknown as ReturnType<AttemptDeps['limitsOf']>,
    writer: WRITER,
    clock: createTestClock(),
    log: nothing,
    region: 'CN',
    ensureUsable: nothing,
    watch: { onCorps: nothing, onStep: nothing, onEnd: nothing },
    signal: new AbortController().signal,
    mode: 'commit',
    allowDepartures: false,
    sizeOf: () => ({ members: 0, departments: 0 }),
    waitMs: 0,
  };
}

function throwLost(): never {
  throw LOST;
}

test.each<[string, () => void, string, OrgsyncError]>([
  ['a corp that cannot be read failed', () => undefined, 'failed', GONE],
  ['one whose lease is lost as well was interrupted: a process that was stopped learns of both when it wakes, in any order', throwLost, 'interrupted', LOST],
])('%s', async (_, ensureHeld, outcome, error) => {
  expect(await runCorp(CORP, attempt(ensureHeld))).toMatchObject({ outcome, error });
});
