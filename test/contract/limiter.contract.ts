import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { Limiter, PaceScope } from '../../src/core/ports/slots.ts';
import { mostInASecond } from '../support/sliding.ts';

const never = new AbortController().signal;
setMaxListeners(0, never);

/** Takes `count` starts one after the other and tells when each was. */
export async function takeMany(limiter: Limiter, scopes: readonly PaceScope[], count: number): Promise<number[]> {
  const starts: number[] = [];
  for (let i = 0; i < count; i += 1) {
    await limiter.take(scopes, never);
    starts.push(performance.now());
  }
  return starts;
}

/** What every limiter keeps. `open` gives so many users of the same scopes; `room` is how much further apart it says that several users start. */
export function describeLimiter(name: string, open: (users: number) => Promise<readonly Limiter[]>, room = 1): void {
  describe(`the limiter ${name}`, () => {
    test('never lets more than the rate into any sliding second, however many users ask at once', async () => {
      const users = await open(4);
      const scopes = [{ name: 'corp', perSecond: 20 }];
      const starts = await Promise.all(users.flatMap((user) => [takeMany(user, scopes, 5), takeMany(user, scopes, 5)]));
      expect(starts.flat()).toHaveLength(40);
      expect(mostInASecond(starts.flat())).toBeLessThanOrEqual(20);
    });

    test('comes close to the rate when it is asked for', async () => {
      const users = await open(2);
      const scopes = [{ name: 'corp', perSecond: 25 }];
      await Promise.all(users.map((user) => takeMany(user, scopes, 1)));
      const startedAt = performance.now();
      await Promise.all(users.flatMap((user) => [takeMany(user, scopes, 10), takeMany(user, scopes, 10)]));
      expect(performance.now() - startedAt).toBeLessThan(2_000 * room);
    });

    test('keeps the rate of each of several scopes taken at once', async () => {
      const users = await open(2);
      const corp = (n: number): PaceScope[] => [{ name: `corp:${n}`, perSecond: 10 }, { name: 'all', perSecond: 15 }];
      const starts = await Promise.all(users.flatMap((user) => [1, 2].map((n) => takeMany(user, corp(n), 6))));
      expect(mostInASecond(starts.flat())).toBeLessThanOrEqual(15);
      for (const n of [0, 1]) expect(mostInASecond(starts.filter((_, i) => i % 2 === n).flat())).toBeLessThanOrEqual(10);
    });

    test('lets go of who gives up', async () => {
      const [user] = await open(1);
      const scopes = [{ name: 'corp', perSecond: 1 }];
      await user?.take(scopes, never);
      const giveUp = new AbortController();
      const second = user?.take(scopes, giveUp.signal);
      giveUp.abort(new Error('enough'));
      await expect(second).rejects.toThrow('enough');
      await expect(user?.take(scopes, giveUp.signal)).rejects.toThrow('enough');
    });
  });
}
