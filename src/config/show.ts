import { stringify } from 'yaml';
import { formatDuration } from '../core/duration.ts';
import { Secret } from '../core/secret.ts';
import type { LoadedConfig } from './load.ts';
import type { StoreTarget } from './schema.ts';

/** Keys with milliseconds; they are shown as durations. */
const DURATIONS = new Set(['timeout', 'frequency_wait', 'ttl', 'window', 'forget_wrong_after', 'stale_after', 'remind_after', 'keep']);
const SHARES = new Set(['max_wrong_share']);

/** The effective configuration in the form of the file; secrets and passwords in addresses are `***`. */
export function effectiveConfig({ config, path }: LoadedConfig): Readonly<Record<string, unknown>> {
  return { file: path, ...writtenKeys({ ...config, store: storeText(config.store) }) };
}

/** {@link effectiveConfig} as YAML. */
export function effectiveYaml(loaded: LoadedConfig): string {
  const { file, ...config } = effectiveConfig(loaded);
  return `# ${String(file)}\n${stringify(config, { lineWidth: 0 }).trimEnd()}`;
}

function storeText(store: StoreTarget): string {
  return store.engine === 'sqlite' ? `sqlite:${store.path}` : String(store.url);
}

function written(value: unknown, key = ''): unknown {
  if (value instanceof Secret) return String(value);
  if (typeof value === 'number' && DURATIONS.has(key)) return formatDuration(value);
  if (typeof value === 'number' && SHARES.has(key)) return percent(value);
  if (Array.isArray(value)) return value.map((item) => written(item));
  if (value === null || typeof value !== 'object') return value;
  if ('share' in value && typeof value.share === 'number') return percent(value.share);
  if ('count' in value && typeof value.count === 'number') return value.count;
  return writtenKeys(value);
}

function writtenKeys(value: object): Readonly<Record<string, unknown>> {
  const entries = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(entries.map(([inner, content]) => [inner, written(content, inner)]));
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(6))}%`;
}
