import type { Clock } from '../core/ports/system.ts';
import type { TokenCache, TokenKey } from '../core/ports/tokens.ts';
import { untilAborted } from '../core/abort.ts';

/** How long to wait for another fetch before fetching as well. */
const PATIENCE_MS = 15_000;

/** A text that is valid until a moment on the monotonic clock. */
interface Kept {
  readonly text: string;
  readonly until: number;
}

/** A token cache for this process, used when there is no Redis. */
export function createTokenCache(clock: Clock): TokenCache {
  const tokens = new Map<string, Kept>();
  const refusals = new Map<string, Kept>();
  const turns = new Map<string, Promise<void>>();
  const nameOf = (key: TokenKey | null): string => (key === null ? '' : `${key.corpId} ${key.secretDigest}`);
  const find = (kept: ReadonlyMap<string, Kept>, name: string): string | undefined => {
    const found = kept.get(name);
    return found !== undefined && found.until > clock.monotonic() ? found.text : undefined;
  };
  const takeTurn = (name: string): (() => Promise<void>) => {
    let free: () => void = () => undefined;
    const own = new Promise<void>((resolve) => (free = resolve));
    turns.set(name, own);
    return async () => {
      if (turns.get(name) === own) turns.delete(name);
      free();
      return Promise.resolve();
    };
  };

  return {
    async turn(key, { signal, dead }) {
      const name = nameOf(key);
      const giveUpAt = clock.monotonic() + PATIENCE_MS;
      for (;;) {
        signal.throwIfAborted();
        const sealed = find(tokens, name);
        if (sealed !== undefined && sealed !== dead) return { is: 'found', sealed };
        const other = turns.get(name);
        const left = giveUpAt - clock.monotonic();
        if (other === undefined || left <= 0) return { is: 'turn', refused: find(refusals, name), barred: find(refusals, nameOf(null)), end: takeTurn(name) };
        await endOrPatience(other, { clock, left, signal });
      }
    },
    async put(key, sealed, ttlMs) {
      tokens.set(nameOf(key), { text: sealed, until: clock.monotonic() + ttlMs });
      return Promise.resolve();
    },
    async dropIf(key, sealed) {
      if (tokens.get(nameOf(key))?.text === sealed) tokens.delete(nameOf(key));
      return Promise.resolve();
    },
    async putRefusal(key, text, ttlMs) {
      refusals.set(nameOf(key), { text, until: clock.monotonic() + ttlMs });
      return Promise.resolve();
    },
  };
}

/** Resolves when the other's turn has ended, or when our patience has; rejects on abort. */
async function endOrPatience(other: Promise<void>, { clock, left, signal }: { readonly clock: Clock; readonly left: number; readonly signal: AbortSignal }): Promise<void> {
  const patience = new AbortController();
  const tired = clock.sleep(left, patience.signal).catch(() => undefined);
  await untilAborted(Promise.race([other, tired]), signal).finally(() => patience.abort());
}
