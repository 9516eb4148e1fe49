import type { Clock } from '../core/ports/system.ts';
import type { TokenCache, TokenKey } from '../core/ports/tokens.ts';
import { untilAborted } from '../core/abort.ts';

/** How long to wait for another fetch before fetching as well. */
const PATIENCE_MS = 15_000;

/** A token cache for this process, used when there is no Redis. */
export function createTokenCache(clock: Clock): TokenCache {
  const tokens = new Map<string, { readonly sealed: string; readonly until: number }>();
  const fetching = new Map<string, Promise<unknown>>();
  const refusals = new Map<string, { readonly text: string; readonly until: number }>();
  const nameOf = (key: TokenKey | null): string => (key === null ? '' : `${key.corpId} ${key.secretDigest}`);

  return {
    async get(key) {
      const found = tokens.get(nameOf(key));
      return Promise.resolve(found !== undefined && found.until > clock.monotonic() ? found.sealed : undefined);
    },
    async put(key, sealed, ttlMs) {
      tokens.set(nameOf(key), { sealed, until: clock.monotonic() + ttlMs });
      return Promise.resolve();
    },
    async dropIf(key, sealed) {
      if (tokens.get(nameOf(key))?.sealed === sealed) tokens.delete(nameOf(key));
      return Promise.resolve();
    },
    async refusal(key) {
      const found = refusals.get(nameOf(key));
      return Promise.resolve(found !== undefined && found.until > clock.monotonic() ? found.text : undefined);
    },
    async putRefusal(key, text, ttlMs) {
      refusals.set(nameOf(key), { text, until: clock.monotonic() + ttlMs });
      return Promise.resolve();
    },
    async single(key, signal, fetch) {
      const name = nameOf(key);
      const giveUpAt = clock.monotonic() + PATIENCE_MS;
      for (let other = fetching.get(name); other !== undefined; other = fetching.get(name)) {
        const left = giveUpAt - clock.monotonic();
        if (left <= 0) break;
        const patience = new AbortController();
        const settled = other.then(
          () => undefined,
          () => undefined,
        );
        const tired = clock.sleep(left, patience.signal).catch(() => undefined);
        await untilAborted(Promise.race([settled, tired]), signal).finally(() => patience.abort());
      }
      const own = fetch();
      fetching.set(name, own);
      return own.finally(() => {
        if (fetching.get(name) === own) fetching.delete(name);
      });
    },
  };
}
