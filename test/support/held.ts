import { onTestFinished } from 'vitest';
import type { Fault } from '../../src/sandbox/faults.ts';
import { type Running, start } from './cli.ts';
import type { Stage } from './stage.ts';

/** Resolves when a process has come to where a rule holds it; rejects with what it said when it ended before. */
export async function untilHeld(held: Fault, running: Running): Promise<void> {
  await before(running, held.reached(1));
}

/** Resolves with an event that a process brings about; rejects with what it said when it ended before. */
export async function before<T>({ ended }: Running, event: Promise<T>): Promise<T> {
  const early = ended.then(({ code, signal, stdout, stderr }) => {
    throw new Error(`ended with ${String(code ?? signal)} before what was awaited: ${stdout}${stderr}`);
  });
  return await Promise.race([event, early]);
}

/** Starts a run that holds still in the middle of its fetch, until it is released or the test is over. */
export async function runHeld({ sandbox, configPath }: Pick<Stage, 'sandbox' | 'configPath'>): Promise<{ readonly running: Running; readonly release: () => void }> {
  const held = sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 2, times: 1, effect: { kind: 'hold' } });
  const running = start(['--config', configPath, 'run']);
  onTestFinished(() => void running.child.kill('SIGKILL'));
  await untilHeld(held, running);
  return { running, release: () => held.release() };
}
