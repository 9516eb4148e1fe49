import type { Socket } from 'node:net';
import type { Clock } from '../../../core/ports/system.ts';
import type { Sign } from './lookout.ts';

/** The limits of one statement. */
export interface StatementLimits {
  /** After so long without a byte from the server, we look whether it still works on the statement. */
  readonly quietMs: number;
  /** The longest silence, even while the server works on the statement. */
  readonly mostMs: number;
  readonly look: () => Promise<Sign>;
}

/** A silent statement that the server does not show as being executed is given up after this many times `quietMs`. */
const MOST_QUIET = 3;
/** An answer may take this many times the longest silence: much data takes long, but data that trickle in must end. */
const WHOLE_ANSWER = 4;
/** How often in `quietMs` to see whether bytes have come. */
const PARTS = 4;

/**
 * Waits while a statement may still be answered. Resolves with the reason to give it up; rejects when `answered` aborts.
 * Long statements are normal (a commit of a million members, a wait for a lock), and a dead server looks the same from
 * here. So the server is asked over another connection. Time is counted in short steps: a process that was stopped, and
 * has the answer already, does not count the time in which it was stopped.
 */
export async function waitWhileAlive({ socket, clock }: { readonly socket: Socket; readonly clock: Clock }, { quietMs, mostMs, look }: StatementLimits, answered: AbortSignal): Promise<string> {
  const stepMs = Math.min(quietMs, mostMs) / PARTS;
  let heard = socket.bytesRead;
  let silentMs = 0;
  let lookAtMs = quietMs;
  for (let wholeMs = stepMs; wholeMs <= WHOLE_ANSWER * mostMs; wholeMs += stepMs) {
    await clock.sleep(stepMs, answered);
    silentMs += stepMs;
    if (socket.bytesRead !== heard) [heard, silentMs, lookAtMs] = [socket.bytesRead, 0, quietMs];
    if (silentMs >= mostMs) return `no answer to a statement within ${mostMs} ms`;
    if (silentMs < lookAtMs) continue;
    const sign = await look();
    answered.throwIfAborted();
    if (socket.bytesRead !== heard) continue;
    if (sign === 'silent') return `no answer to a statement within ${quietMs} ms, nor to a new connection within as long`;
    if (sign === 'answers' && silentMs >= MOST_QUIET * quietMs) return `no answer to a statement within ${Math.round(silentMs)} ms, and the server does not work on it`;
    lookAtMs = silentMs + quietMs;
  }
  return `the answer to a statement is not complete after ${WHOLE_ANSWER * mostMs} ms`;
}
