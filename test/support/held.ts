import type { Fault } from '../../src/sandbox/faults.ts';
import type { Running } from './cli.ts';

/** Resolves when a process has come to where a rule holds it; rejects with what it said when it ended before. */
export async function untilHeld(held: Fault, { ended }: Running): Promise<void> {
  const early = ended.then(({ code, signal, stdout, stderr }) => {
    throw new Error(`ended with ${String(code ?? signal)} before it was held: ${stdout}${stderr}`);
  });
  await Promise.race([held.reached(1), early]);
}
