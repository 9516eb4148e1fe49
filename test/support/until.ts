import { setTimeout as sleep } from 'node:timers/promises';

/** How long a server may take to come to a state, also on a busy machine. */
const PATIENCE_MS = 60_000;

/** Asks a server until the answer is as wanted, and returns it. Unlike `expect.poll`, it works in hooks. Rejects with the last answer or error. */
export async function until<T>(ask: () => Promise<T>, isWanted: (answer: T) => boolean): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const asked = await ask().then((answer) => ({ answer }), (error: unknown) => ({ error }));
    if ('answer' in asked && isWanted(asked.answer)) return asked.answer;
    if (performance.now() > deadline) throw new Error(`still not as wanted: ${JSON.stringify(asked)}`, 'error' in asked ? { cause: asked.error } : {});
    await sleep(50);
  }
}
