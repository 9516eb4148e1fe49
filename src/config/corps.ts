import type { Corp } from '../core/model.ts';
import { looksLikeSecret, type Secret } from '../core/secret.ts';
import { OrgsyncError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { explain } from './explain.ts';
import type { Folder } from './fields.ts';
import { ConfigError } from './problems.ts';
import type { Problem } from './problems.ts';
import { breaches } from './rules.ts';
import { corp, type ParsedConfig, type SafetySettings, type WecomSettings } from './schema.ts';
import { valueSource } from './source.ts';

/** One corp with its effective settings: its own ones, and those of all corps for the rest. */
export interface CorpConfig {
  readonly id: string;
  /** The id when there is no name. */
  readonly name: string;
  readonly secret: Secret;
  readonly agent_id: number | null;
  readonly contacts_secret: Secret | null;
  readonly wecom: Omit<WecomSettings, 'rate_address'>;
  readonly safety: SafetySettings;
}

interface Defaults {
  readonly wecom: WecomSettings;
  readonly safety: SafetySettings;
}
type ParsedCorp = Extract<ParsedConfig['corps'], readonly unknown[]>[number];

/** Adds the settings of all corps to a corp. */
export function resolveCorp({ id, name, secret, agent_id, contacts_secret, wecom, safety }: ParsedCorp, defaults: Defaults): CorpConfig {
  const { rate_address: _ofAllCorps, ...forEach } = defaults.wecom;
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

/** A row of `corps.query` that cannot be used. Only its corp fails. */
interface UnusableCorp {
  /** The corp in the row; without an id, the row's place, such as `corps[2]`. */
  readonly corp: Corp;
  readonly problems: readonly Problem[];
  /** The problems as an error. Its kind is `failed`, because a run goes on with the other corps. */
  readonly error: OrgsyncError;
}

/** The result of reading the rows of `corps.query`. */
export interface CorpRows {
  readonly corps: readonly CorpConfig[];
  readonly unusable: readonly UnusableCorp[];
}

const PATH = 'corps.query';
const HINT = 'run the query by hand: it must give id, name and secret, one row a corp';

/**
 * Reads the corps from the rows of `corps.query`. Each row is checked separately: a row without a secret is unusable, and
 * so are all rows with the same id. Throws ConfigError when no row can be used, because the query is wrong then.
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

/** Errors of the store that mean: the statement is wrong or gives no rows, or a table or column in it does not exist. */
const NOT_UNDERSTOOD: ReadonlySet<ErrorCode> = new Set(['store_error', 'tables_missing', 'tables_outdated']);

/** An error of `corps.query` as a problem of the configuration: neither a migration nor orgsync can repair the query. */
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
  const { id, name }: { readonly id?: unknown; readonly name?: unknown } = typeof row === 'object' && row !== null ? row : {};
  // A secret may stand in the place of either: this name goes to logs, metrics, alerts and tables.
  const known = typeof id === 'string' && /^[\w-]{1,32}$/.test(id) ? id : `corps[${index}]`;
  return { id: known, name: typeof name === 'string' && name !== '' && !looksLikeSecret(name) ? name : known };
}

function invalid(unusable: readonly UnusableCorp[]): ConfigError {
  const problems = unusable.length === 0 ? [{ key: '', message: 'no rows, so there is no corp to sync' }] : unusable.flatMap((one) => one.problems);
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
