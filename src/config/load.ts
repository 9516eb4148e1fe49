import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Secret } from '../core/secret.ts';
import { type CorpConfig, resolveCorp } from './corps.ts';
import { explain } from './explain.ts';
import type { Folder } from './fields.ts';
import { findConfig, type Surroundings } from './find.ts';
import { type ConfigWarning, isOpenToOthers, openFolder } from './folder.ts';
import { describedSchema } from './json-schema.ts';
import { ConfigError, keyName, type KeyPath, type Problem } from './problems.ts';
import { breaches } from './rules.ts';
import { configSchema, type ParsedConfig } from './schema.ts';
import { SecretUrl } from './secret-url.ts';
import { parseSource, type Source, valueSource } from './source.ts';

/** Everything that holds for this process: parsed, defaults filled in, each corp joined with the settings of all. */
export interface Config extends Omit<ParsedConfig, 'corps'> {
  readonly corps: readonly CorpConfig[] | { readonly query: string };
}

/** A configuration that may be used. */
export interface LoadedConfig {
  readonly config: Config;
  /** The file it came from, absolute. */
  readonly path: string;
  readonly warnings: readonly ConfigWarning[];
  /** Every text that must not appear in any output, to be given to the redactor. */
  readonly secrets: readonly string[];
}

/** Finds, reads and checks the configuration. Throws ConfigError, with every problem at once. */
export async function loadConfig(surroundings: Surroundings): Promise<LoadedConfig> {
  const path = await findConfig(surroundings);
  const source = await readSource(path, surroundings.env);
  const folder = openFolder(dirname(path));
  const parsed = check(path, source, folder);
  const secrets = [...secretsIn(parsed)];
  return {
    config: settle(parsed, surroundings.env),
    path,
    warnings: [...risks(parsed), ...folder.warnings, ...exposure(path, secrets.map(([at]) => scalarAt(at, source)).filter((at) => isLiteral(source.written(at))))],
    secrets: [...new Set([...secrets.flatMap(([, texts]) => texts), ...proxyPasswords(surroundings.env)])],
  };
}

/** cosmiconfig reads what is no YAML for certain, and picks the loader by its ending; ours keep the document, so that problems have positions. */
async function readSource(path: string, env: Surroundings['env']): Promise<Source> {
  const withPositions = (_path: string, text: string): { source: Source } => ({ source: parseSource(text, env) });
  const loaders = { '.yml': withPositions, '.yaml': withPositions, '.json': withPositions, noExt: withPositions, default: withPositions };
  try {
    if (/\.ya?ml$/.test(path)) return parseSource(await readFile(path, 'utf8'), env);
    const { cosmiconfig } = await import('cosmiconfig');
    const loaded: unknown = await cosmiconfig('orgsync', { searchPlaces: [], loaders, cache: false }).load(path);
    const { config, isEmpty } = loaded as { config: unknown; isEmpty?: boolean };
    if (isEmpty === true || config === undefined || config === null) throw emptyFile(path);
    if (typeof config === 'object' && 'source' in config && !/\.[cm]?js$/.test(path)) return config.source as Source;
    return valueSource(config, env);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const message = `could not be loaded: ${error instanceof Error ? error.message : String(error)}`;
    throw new ConfigError(path, [{ key: '', message }], { code: 'config_unreadable', cause: error });
  }
}

function check(path: string, source: Source, folder: Folder): ParsedConfig {
  if (source.broken) throw new ConfigError(path, source.problems);
  const { value } = source;
  if (value === null || value === undefined) throw emptyFile(path);
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new ConfigError(path, [problemAt(source, [], `found ${Array.isArray(value) ? 'a list' : 'text'}; expected a mapping (key: value)`)]);
  }
  // One configuration is checked a process: compiling the checks would cost more than it saves.
  const result = configSchema(folder).safeParse(value, { jitless: true });
  const issues = result.error?.issues ?? [];
  const wrong = issues.length === 0 ? [] : explain(issues, source, describedSchema());
  const broken = breaches(value).map((breach) => problemAt(source, breach.path, breach.message));
  const problems = firstAtEachPlace([...source.problems, ...wrong, ...broken]);
  if (!result.success || problems.length > 0) throw new ConfigError(path, problems);
  return result.data;
}

function emptyFile(path: string): ConfigError {
  return new ConfigError(path, [{ key: '', message: 'the file is empty; expected at least corps:' }], { hint: 'config.example.yml shows a whole one' });
}

function problemAt(source: Source, path: KeyPath, message: string): Problem {
  const at = source.locate(path);
  return { ...(at === undefined ? {} : { at }), key: keyName(path), message };
}

/** A variable that is not set makes its value wrong as well; the first word is the one that helps. */
function firstAtEachPlace(problems: readonly Problem[]): readonly Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ at, message }) => {
    if (at === undefined) return true;
    const place = `${at.line}:${at.column}`;
    if (seen.has(place) && !message.startsWith('unknown key') && !message.startsWith('missing')) return false;
    seen.add(place);
    return true;
  });
}

function settle(parsed: ParsedConfig, env: Surroundings['env']): Config {
  const { corps } = parsed;
  return Object.freeze({
    ...parsed,
    read_only: parsed.read_only || !/^(0|false|no|off|)$/i.test(env['ORGSYNC_READ_ONLY'] ?? ''),
    corps: 'query' in corps ? corps : corps.map((corp) => resolveCorp(corp, parsed)),
  });
}

/** Every secret with its place in the file. */
function* secretsIn(value: unknown, path: KeyPath = []): Generator<readonly [KeyPath, readonly string[]]> {
  if (value instanceof SecretUrl) {
    if (value.concealed.length > 0) yield [path, value.concealed];
  } else if (value instanceof Secret) {
    yield [path, [value.reveal()]];
  } else if (value !== null && typeof value === 'object') {
    for (const [key, inner] of Object.entries(value)) yield* secretsIn(inner, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}

/** WeCom closes a corp's `user/getuserid` for the day once the wrong numbers pass 20 % of its member limit (P95402). */
const CLOSING_SHARE = 0.2;

function risks({ lookup }: ParsedConfig): readonly ConfigWarning[] {
  if (lookup.max_wrong_share < CLOSING_SHARE) return [];
  return [{ message: 'lookup.max_wrong_share is 20% or more, and WeCom closes live lookups of a corp for the day at 20%', fix: 'set lookup.max_wrong_share below 20%' }];
}

/** The environment's own proxies (`HTTPS_PROXY` and the like) may stand behind what goes wrong. */
function proxyPasswords(env: Surroundings['env']): readonly string[] {
  return Object.entries(env).flatMap(([name, value = '']) => (/^(https?|all)_proxy$/i.test(name) && URL.canParse(value) ? new SecretUrl(value).concealed : []));
}

/** A store's address is no longer what stands in the file: then the secret's place is the value around it. */
function scalarAt(at: KeyPath, source: Source): KeyPath {
  return source.written(at) === undefined ? at.slice(0, -1) : at;
}

/** Of an address only the password counts: its host may come from a variable. */
function isLiteral(written: string | undefined): boolean {
  if (written === undefined) return false;
  const [, password = written] = /:\/\/[^/@]*?:(.*)@/.exec(written) ?? [];
  return !password.includes('${');
}

function exposure(path: string, literals: readonly KeyPath[]): readonly ConfigWarning[] {
  const [first] = literals;
  if (first === undefined || !isOpenToOthers(path)) return [];
  return [{ message: `${path} holds a secret (${keyName(first)}) and every account of this machine may read it`, fix: `chmod 640 ${path}` }];
}
