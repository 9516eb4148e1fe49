import { parseDuration } from '../core/duration.ts';
import type { KeyPath } from './problems.ts';

/** A problem between keys that are each valid. */
export interface Breach {
  readonly path: KeyPath;
  readonly message: string;
}

/** A configuration that is not checked yet: rules run together with the schema, so that all problems are reported together. */
type Draft = Readonly<Record<string, unknown>>;

/** The rules between keys. */
const RULES: readonly ((draft: Draft) => readonly Breach[])[] = [
  uniqueCorps('id'),
  uniqueCorps('name'),
  queryNeedsMysql,
  queryGivesRows,
  replicaNeedsMysql,
  signatureNeedsWebhook,
  rateWithinAddress,
  windowWithinTtl,
];

/** The violated rules in `value`. */
export function breaches(value: unknown): readonly Breach[] {
  const draft = asDraft(value);
  return RULES.flatMap((rule) => rule(draft));
}

function uniqueCorps(key: 'id' | 'name') {
  return ({ corps }: Draft): readonly Breach[] => {
    const first = new Map<string, number>();
    return asList(corps).flatMap((corp, index) => {
      const written = corp[key];
      if (typeof written !== 'string') return [];
      const earlier = first.get(written.toLowerCase());
      if (earlier === undefined) first.set(written.toLowerCase(), index);
      return earlier === undefined ? [] : [{ path: ['corps', index, key], message: `corps[${earlier}] has the same ${key}` }];
    });
  };
}

function replicaNeedsMysql({ store, store_read: replica }: Draft): readonly Breach[] {
  if (!isSqlite(store) || replica === undefined) return [];
  return [{ path: ['store_read'], message: 'only a MySQL store has replicas; expected store: mysql://…' }];
}

function isSqlite(store: unknown): boolean {
  return store === undefined || (typeof store === 'string' && store.startsWith('sqlite:'));
}

function queryNeedsMysql({ corps, store }: Draft): readonly Breach[] {
  if (!isSqlite(store) || asDraft(corps)['query'] === undefined) return [];
  return [{ path: ['corps', 'query'], message: 'corps can be read by a query from a MySQL store only; expected store: mysql://…' }];
}

/** With INTO, a SELECT gives its rows to a file of the server, with all secrets, or to a variable. */
function queryGivesRows({ corps }: Draft): readonly Breach[] {
  const query = asDraft(corps)['query'];
  if (typeof query !== 'string') return [];
  const bare = query.replace(/'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`/gsu, "''").replace(/\/\*(?![M!])[^]*?\*\/|(?:--\s|#).*$|\/\*M?!\d*|\*\//gmu, ' ');
  if (!/\binto\s*(?:outfile\b|dumpfile\b|@)/iu.test(bare)) return [];
  return [{ path: ['corps', 'query'], message: 'INTO writes the rows to a file of the server or to a variable; expected a SELECT that gives its rows back' }];
}

function signatureNeedsWebhook({ alerts }: Draft): readonly Breach[] {
  return asList(asDraft(alerts)['to']).flatMap((target, index) => {
    if (target['webhook'] !== undefined) return [];
    const written = ['secret', 'hmac_key'].filter((key) => target[key] !== undefined);
    return written.map((key) => ({ path: ['alerts', 'to', index, key], message: 'signs only webhooks; expected webhook: in the same entry' }));
  });
}

/** Only where both are written: a rate above the default of the address is kept down by it. */
function rateWithinAddress({ wecom }: Draft): readonly Breach[] {
  const settings = asDraft(wecom);
  const name = settings['rate_address'] === undefined ? 'rate_total' : 'rate_address';
  const [rate, ofAddress] = [Number(settings['rate'] ?? 10), Number(settings[name] ?? Infinity)];
  if (!(rate > ofAddress)) return [];
  return [{ path: ['wecom', 'rate'], message: `found ${rate}; expected no more than ${name} (${ofAddress})` }];
}

function windowWithinTtl({ lock }: Draft): readonly Breach[] {
  const { ttl, window = '500ms' } = asDraft(lock);
  const [life, wait] = [milliseconds(ttl), milliseconds(window)];
  // A ttl below one second is reported by the schema.
  if (life === undefined || life < 1000 || wait === undefined || wait < life) return [];
  return [{ path: ['lock', 'window'], message: 'expected a shorter time than lock.ttl' }];
}

function milliseconds(value: unknown): number | undefined {
  return typeof value === 'string' ? parseDuration(value) : undefined;
}

function asDraft(value: unknown): Draft {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? { ...value } : {};
}

function asList(value: unknown): readonly Draft[] {
  return Array.isArray(value) ? value.map(asDraft) : [];
}
