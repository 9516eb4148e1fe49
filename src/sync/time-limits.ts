import { OrgsyncError } from '../errors.ts';
import type { Acquired, Leases } from '../core/ports/leases.ts';
import type { Clock, Log } from '../core/ports/system.ts';

/** The pause between two attempts to get a lease, in milliseconds. */
const ASK_AGAIN_MS = 500;

/** Tries to get a lease until `waitMs` have passed; once when `waitMs` is 0. */
export async function acquireWithin(
  { leases, clock, signal, fair, log }: { readonly leases: Leases; readonly clock: Clock; readonly signal: AbortSignal; readonly fair: boolean; readonly log: Log },
  name: string,
  waitMs: number,
): Promise<Acquired> {
  const until = clock.monotonic() + waitMs;
  let awaited = false;
  for (;;) {
    const acquired = await leases.acquire(name, { signal, fair });
    const leftMs = until - clock.monotonic();
    if (acquired.is === 'acquired' || leftMs <= 0) return acquired;
    if (!awaited) log('info', 'lease_awaited', `waiting for the lease ${name}`, { lease: name, holder: acquired.by?.host, pid: acquired.by?.pid });
    awaited = true;
    await clock.sleep(Math.min(ASK_AGAIN_MS, leftMs), signal);
  }
}

/** Returns a signal that aborts after `ms` with a `temporary` error, and a function that cancels it. Without `ms`, it never aborts. */
export function deadline(ms: number | undefined, clock: Clock): { readonly signal: AbortSignal; readonly cancel: () => void } {
  const reached = new AbortController();
  const off = new AbortController();
  if (ms !== undefined) void clock.sleep(ms, off.signal).then(() => reached.abort(tooLong(ms)), () => undefined);
  return { signal: reached.signal, cancel: () => off.abort() };
}

function tooLong(ms: number): OrgsyncError {
  return new OrgsyncError('temporary', {
    code: 'deadline_reached',
    message: `not finished after ${Math.round(ms / 1000)} s (--max-run)`,
    hint: 'what was committed stays; give it more time with --max-run, or fewer corps with --shard',
  });
}
