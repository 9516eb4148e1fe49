import type { Secret } from '../core/secret.ts';
import { explain } from './explain.ts';
import type { Folder } from './fields.ts';
import { ConfigError } from './problems.ts';
import { breaches } from './rules.ts';
import { corp, type ParsedConfig, type SafetySettings, type WecomSettings } from './schema.ts';
import { valueSource } from './source.ts';

/** One corp with everything that holds for it: its own settings where it has any, else those of all corps. */
export interface CorpConfig {
  readonly id: string;
  /** The id where no name is given. */
  readonly name: string;
  readonly secret: Secret;
  readonly agent_id: number | null;
  readonly contacts_secret: Secret | null;
  readonly wecom: Omit<WecomSettings, 'rate_total'>;
  readonly safety: SafetySettings;
}

type Defaults = Pick<ParsedConfig, 'wecom' | 'safety'>;
type ParsedCorp = Extract<ParsedConfig['corps'], readonly unknown[]>[number];

/** Joins a corp with the settings of all corps. */
export function resolveCorp({ id, name, secret, agent_id, contacts_secret, wecom, safety }: ParsedCorp, defaults: Defaults): CorpConfig {
  const { rate_total: _ofAllCorps, ...forEach } = defaults.wecom;
  return {
    id,
    name: name ?? id,
    secret,
    agent_id: agent_id ?? null,
    contacts_secret: contacts_secret ?? null,
    wecom: { ...forEach, ...present(wecom) },
    safety: { ...defaults.safety, ...present(safety) },
  };
}

/** The corps that the rows of `corps.query` describe. Throws ConfigError, with the number of the row, as a list in the file would. */
export function corpsFromRows(rows: readonly unknown[], defaults: Defaults): readonly CorpConfig[] {
  const source = valueSource({ corps: rows }, {});
  const list = (source.value as { corps: readonly unknown[] }).corps;
  const parsed = list.map((row) => corp(NO_FILES).safeParse(row));
  const problems = parsed.flatMap(({ error }, row) => explain((error?.issues ?? []).map((issue) => ({ ...issue, path: ['corps', row, ...issue.path] })), source, {}));
  const doubles = breaches(source.value).map(({ message, path }) => ({ key: `corps[${String(path[1])}].${String(path[2])}`, message }));
  if (list.length === 0) problems.push({ key: '', message: 'no row: there is no corp to sync' });
  if (problems.length + doubles.length > 0) {
    throw new ConfigError('corps.query', [...problems, ...doubles], { code: 'corps_query_invalid', hint: 'run the query by hand: it must give id, name and secret, one row a corp' });
  }
  return parsed.flatMap(({ data }) => (data === undefined ? [] : [resolveCorp(data, defaults)]));
}

const NO_FILES: Folder = {
  resolve: (path) => path,
  readSecret() {
    throw new Error('a row holds the secret itself, not a file');
  },
};

type Present<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

function present<T extends object>(settings: T | undefined): Present<T> {
  return Object.fromEntries(Object.entries(settings ?? {}).filter(([, value]) => value !== undefined)) as Present<T>;
}
