import { setMaxListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import type { TokenCache, TokenKey } from '../../src/core/ports/tokens.ts';

const never = new AbortController().signal;
setMaxListeners(0, never);
const KEY: TokenKey = { corpId: 'ww1', secretDigest: 'abc' };

async function find(cache: TokenCache, key = KEY): Promise<string | undefined> {
  const turn = await cache.turn(key, { signal: never });
  if (turn.is === 'found') return turn.sealed;
  await turn.end();
  return undefined;
}

async function refusals(cache: TokenCache, key = KEY): Promise<unknown> {
  const turn = await cache.turn(key, { signal: never, dead: 'sealed' });
  if (turn.is === 'found') return turn.sealed;
  await turn.end();
  return [turn.refused, turn.barred];
}

/** What every token cache keeps. `open` gives so many users of the same, empty cache. */
export function describeTokens(name: string, open: (users: number) => Promise<readonly [TokenCache, ...TokenCache[]]>): void {
  describe(`the token cache ${name}`, () => {
    test('gives back what was put, to everybody, by corp and secret', async () => {
      const [one, ...others] = await open(2);
      await one.put(KEY, 'sealed', 60_000);
      for (const user of [one, ...others]) expect(await find(user)).toBe('sealed');
      expect(await find(one, { ...KEY, corpId: 'ww2' })).toBeUndefined();
      expect(await find(one, { ...KEY, secretDigest: 'abd' })).toBeUndefined();
    });

    test('drops a token only when it is still the one that is meant', async () => {
      const [cache] = await open(1);
      await cache.put(KEY, 'new', 60_000);
      await cache.dropIf(KEY, 'old');
      expect(await find(cache)).toBe('new');
      await cache.dropIf(KEY, 'new');
      expect(await find(cache)).toBeUndefined();
    });

    test('forgets a token when its time has passed', async () => {
      const [cache] = await open(1);
      await cache.put(KEY, 'sealed', 1);
      await expect.poll(() => find(cache)).toBeUndefined();
    });

    test('lets one fetch at a time, so that one token is fetched for all', async () => {
      const users = await open(8);
      const work = { now: 0, most: 0, fetched: 0 };
      const renew = async (user: TokenCache): Promise<string> => {
        const turn = await user.turn(KEY, { signal: never });
        if (turn.is === 'found') return turn.sealed;
        work.now += 1;
        work.most = Math.max(work.most, work.now);
        work.fetched += 1;
        await user.put(KEY, 'fresh', 60_000);
        work.now -= 1;
        await turn.end();
        return 'fresh';
      };
      const tokens = await Promise.all(users.flatMap((user) => [renew(user), renew(user), renew(user)]));
      expect(new Set(tokens)).toEqual(new Set(['fresh']));
      expect(work).toEqual({ now: 0, most: 1, fetched: 1 });
    });

    test('does not find a token that is dead: it gives the turn to renew it', async () => {
      const [one, two] = await open(2);
      await one.put(KEY, 'old', 60_000);
      const turn = await one.turn(KEY, { signal: never, dead: 'old' });
      expect(turn.is).toBe('turn');
      const other = (two ?? one).turn(KEY, { signal: never, dead: 'old' });
      await one.put(KEY, 'new', 60_000);
      if (turn.is === 'turn') await turn.end();
      expect(await other).toEqual({ is: 'found', sealed: 'new' });
    });

    test('tells everybody for a while what was refused: to a corp and secret, or to all', async () => {
      const [one, two] = await open(2);
      const other = two ?? one;
      await one.putRefusal(KEY, 'refused', 60_000);
      await one.put(KEY, 'sealed', 60_000);
      expect(await refusals(other)).toEqual(['refused', undefined]);
      expect(await find(other)).toBe('sealed');
      for (const asked of [{ ...KEY, corpId: 'ww2' }, { ...KEY, secretDigest: 'abd' }]) expect(await refusals(other, asked)).toEqual([undefined, undefined]);
      await one.putRefusal(null, 'barred', 60_000);
      expect(await refusals(other)).toEqual(['refused', 'barred']);
      await one.putRefusal(KEY, 'again', 1);
      await expect.poll(() => refusals(other)).toEqual([undefined, 'barred']);
    });

    test('goes on to the next one when a fetch fails', async () => {
      const [one, two] = await open(2);
      const failed = await one.turn(KEY, { signal: never });
      expect(failed.is).toBe('turn');
      const next = (two ?? one).turn(KEY, { signal: never });
      if (failed.is === 'turn') await failed.end();
      expect((await next).is).toBe('turn');
    });

    test('lets go of who gives up waiting, and of nobody else', async () => {
      const [one, two] = await open(2);
      const first = await one.turn(KEY, { signal: never });
      const giveUp = new AbortController();
      const second = (two ?? one).turn(KEY, { signal: giveUp.signal });
      giveUp.abort(new Error('enough'));
      await expect(second).rejects.toThrow('enough');
      expect(first.is).toBe('turn');
      if (first.is === 'turn') await first.end();
      expect(await find(one)).toBeUndefined();
    });
  });
}
