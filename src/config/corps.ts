import type { Corp } from '../core/model.ts';
import type { Secret } from '../core/secret.ts';
import { OrgsyncError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { explain } from './explain.ts';
import type { Folder } from './fields.ts';
import { ConfigError } from './problems.ts';
import type { Problem } from './problems.ts';
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

/** A row of `corps.query` that cannot be used: its corp fails, and no other. */
interface UnusableCorp {
  /** As the row names it; by its place, such as `corps[2]`, where it has no id. */
  readonly corp: Corp;
  readonly problems: readonly Problem[];
  /** The same for people: `failed`, for it must not end a run that has others to sync. */
  readonly error: OrgsyncError;
}

/** What the rows of `corps.query` come to. */
export interface CorpRows {
  readonly corps: readonly CorpConfig[];
  readonly unusable: readonly UnusableCorp[];
}

const PATH = 'corps.query';
const HINT = 'run the query by hand: it must give id, name and secret, one row a corp';

/**
 * The corps that the rows of `corps.query` describe, each by itself: one without a secret is unusable, and so are all
 * that claim the same id. Throws ConfigError where nothing can be used, for then the query is wrong.
 */
export function readCorpRows(rows: readonly unknown[], defaults: Defaults): CorpRows {
  const source = valueSource({ corps: rows }, {});
  const list = (source.value as { corps: readonly unknown[] }).corps;
  const corps: CorpConfig[] = [];
  const unusable = new Map<string, UnusableCorp>();
  const doubles = doublesIn(source.value);
  for (const [index, row] of list.entries()) {
    const { data, error } = corp(NO_FILES).safeParse(row);
    const problems = [...explain((error?.issues ?? []).map((issue) => ({ ...issue, path: ['corps', index, ...issue.path] })), source, {}), ...(doubles.get(index) ?? [])];
    if (data !== undefined && problems.length === 0) corps.push(resolveCorp(data, defaults));
    if (problems.length > 0) addUnusable(unusable, nameOf(row, index), problems);
  }
  const usable = corps.filter(({ id }) => !unusable.has(id.toLowerCase()));
  if (usable.length === 0) throw invalid([...unusable.values()]);
  return { corps: usable, unusable: [...unusable.values()] };
}

/** What the store says of a statement that it does not understand, or that asks for what is not there. */
const NOT_UNDERSTOOD: ReadonlySet<ErrorCode> = new Set(['store_error', 'tables_missing', 'tables_outdated']);

/** Why `corps.query` brought no rows: whoever wrote the query is told, for neither a migration nor we can mend it. */
export function queryError(thrown: unknown): unknown {
  if (!(thrown instanceof OrgsyncError) || !NOT_UNDERSTOOD.has(thrown.code)) return thrown;
  return new ConfigError(PATH, [{ key: '', message: thrown.message }], { code: 'corps_query_invalid', hint: HINT, cause: thrown.cause });
}

function addUnusable(unusable: Map<string, UnusableCorp>, corp: Corp, found: readonly Problem[]): void {
  const key = corp.id.toLowerCase();
  const earlier = unusable.get(key);
  const problems = [...(earlier?.problems ?? []), ...found];
  const cause = new ConfigError(PATH, problems);
  unusable.set(key, { corp: earlier?.corp ?? corp, problems, error: new OrgsyncError('failed', { code: 'corp_row_unusable', message: cause.message, hint: HINT, cause }) });
}

function doublesIn(value: unknown): ReadonlyMap<number, readonly Problem[]> {
  const found = breaches(value).map(({ message, path }) => ({ row: Number(path[1]), problem: { key: `corps[${String(path[1])}].${String(path[2])}`, message } }));
  return new Map(found.map(({ row }) => [row, found.filter((other) => other.row === row).map(({ problem }) => problem)]));
}

function nameOf(row: unknown, index: number): Corp {
  const { id, name } = typeof row === 'object' && row !== null ? (row as { readonly id?: unknown; readonly name?: unknown }) : {};
  const known = typeof id === 'string' && id !== '' ? id : `corps[${index}]`;
  return { id: known, name: typeof name === 'string' && name !== '' ? name : known };
}

function invalid(unusable: readonly UnusableCorp[]): ConfigError {
  const problems = unusable.length === 0 ? [{ key: '', message: 'no row: there is no corp to sync' }] : unusable.flatMap((one) => one.problems);
  return new ConfigError(PATH, problems, { code: 'corps_query_invalid', hint: HINT });
}

const NO_FILES: Folder = {
  resolve: (path) => path,
  readSecret: () => ({ problem: 'a row holds the secret itself, not a file' }),
};

type Present<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

function present<T extends object>(settings: T | undefined): Present<T> {
  return Object.fromEntries(Object.entries(settings ?? {}).filter(([, value]) => value !== undefined)) as Present<T>;
}
