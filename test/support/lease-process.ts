import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** What {@link LeaseChild} is told; see lease-child.js. */
export interface LeaseChildOptions {
  readonly redis?: string;
  readonly store?: string;
  readonly prefix?: string;
  readonly host: string;
  readonly ttlMs: number;
  readonly rounds?: number;
  readonly log?: string;
}

/** A process that holds leases, for what only processes can suffer. */
export interface LeaseChild {
  readonly process: ChildProcess;
  /** Its next line. */
  line(): Promise<string>;
  /** Asks whether it still holds its lease, and does not wait for the answer: that is the next line. */
  ask(): void;
  /** Resolves with the exit code. */
  ended(): Promise<number | null>;
}

const PROGRAM = fileURLToPath(new URL('lease-child.js', import.meta.url));

/** Starts a {@link LeaseChild}; it ends with the test. */
export function startLeaseChild(options: LeaseChildOptions): LeaseChild {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    process: child,
    line: async () => String((await lines.next()).value),
    ask: () => {
      child.stdin.write('\n');
    },
    ended: async () => {
      const [code] = (await exit) as [number | null];
      return code;
    },
  };
}
