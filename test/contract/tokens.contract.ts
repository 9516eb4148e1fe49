import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { TokenCache, TokenKey } from '../../src/core/ports/tokens.ts';

const never = new AbortController().signal;
setMaxListeners(0, never);
const KEY: TokenKey = { corpId: 'ww1', secretDigest: 'abc' };

/** What every token cache keeps. `open` gives so many users of the same, empty cache. */
export function describeTokens(name: string, open: (users: number) => Promise<readonly [TokenCache, ...TokenCache[]]>): void {
  describe(`the token cache ${name}`, () => {
    test('gives back what was put, to everybody, by corp and secret', async () => {
      const [one, ...others] = await open(2);
      await one.put(KEY, 'sealed', 60_000);
      for (const user of [one, ...others]) expect(await user.get(KEY)).toBe('sealed');
      expect(await one.get({ ...KEY, corpId: 'ww2' })).toBeUndefined();
      expect(await one.get({ ...KEY, secretDigest: 'abd' })).toBeUndefined();
    });

    test('drops a token only when it is still the one that is meant', async () => {
      const [cache] = await open(1);
      await cache.put(KEY, 'new', 60_000);
      await cache.dropIf(KEY, 'old');
      expect(await cache.get(KEY)).toBe('new');
      await cache.dropIf(KEY, 'new');
      expect(await cache.get(KEY)).toBeUndefined();
    });

    test('forgets a token when its time has passed', async () => {
      const [cache] = await open(1);
      await cache.put(KEY, 'sealed', 1);
      await expect.poll(() => cache.get(KEY)).toBeUndefined();
    });

    test('lets one fetch at a time, so that one token is fetched for all', async () => {
      const users = await open(8);
      const work = { now: 0, most: 0, fetched: 0 };
      const renew = async (user: TokenCache): Promise<string> =>
        await user.single(KEY, never, async () => {
          work.now += 1;
          work.most = Math.max(work.most, work.now);
          const found = await user.get(KEY);
          if (found === undefined) {
            work.fetched += 1;
            await user.put(KEY, 'fresh', 60_000);
          }
          work.now -= 1;
          return found ?? 'fresh';
        });
      const tokens = await Promise.all(users.flatMap((user) => [renew(user), renew(user), renew(user)]));
      expect(new Set(tokens)).toEqual(new Set(['fresh']));
      expect(work).toEqual({ now: 0, most: 1, fetched: 1 });
    });

    test('tells everybody for a while what was refused: to a corp and secret, or to all', async () => {
      const [one, two] = await open(2);
      const other = two ?? one;
      await one.putRefusal(KEY, 'refused', 60_000);
      await one.put(KEY, 'sealed', 60_000);
      expect(await other.refusal(KEY)).toBe('refused');
      expect(await other.get(KEY)).toBe('sealed');
      for (const asked of [{ ...KEY, corpId: 'ww2' }, { ...KEY, secretDigest: 'abd' }, null]) expect(await other.refusal(asked)).toBeUndefined();
      await one.putRefusal(null, 'barred', 60_000);
      expect([await other.refusal(null), await other.refusal(KEY)]).toEqual(['barred', 'refused']);
      await one.putRefusal(KEY, 'again', 1);
      await expect.poll(() => other.refusal(KEY)).toBeUndefined();
    });

    test('goes on to the next one when a fetch fails', async () => {
      const [one, two] = await open(2);
      const failed = one.single(KEY, never, () => Promise.reject(new Error('refused')));
      await expect(failed).rejects.toThrow('refused');
      expect(await (two ?? one).single(KEY, never, () => Promise.resolve('mine'))).toBe('mine');
    });

    test('lets go of who gives up waiting, and of nobody else', async () => {
      const [one, two] = await open(2);
      const held: { finish?: () => void } = {};
      const first = one.single(KEY, never, () => new Promise<string>((resolve) => (held.finish = () => resolve('done'))));
      await expect.poll(() => held.finish).toBeDefined();
      const giveUp = new AbortController();
      const second = (two ?? one).single(KEY, giveUp.signal, () => Promise.resolve('never'));
      giveUp.abort(new Error('enough'));
      await expect(second).rejects.toThrow('enough');
      held.finish?.();
      expect(await first).toBe('done');
    });
  });
}
