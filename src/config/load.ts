import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Secret } from '../core/secret.ts';
import { isSwitchedOn } from '../core/switch.ts';
import { type CorpConfig, resolveCorp } from './corps.ts';
import { explain } from './explain.ts';
import type { Folder } from './fields.ts';
import { findConfig, type Surroundings } from './find.ts';
import { type ConfigWarning, isOpenToOthers, openFolder } from './folder.ts';
import { describedSchema } from './json-schema.ts';
import { ConfigError, keyName, type KeyPath, type Problem } from './problems.ts';
import { breaches } from './rules.ts';
import { configSchema, type ParsedConfig, type WecomSettings } from './schema.ts';
import { SecretUrl } from './secret-url.ts';
import { parseSource, type Source, valueSource } from './source.ts';

/** The effective configuration: parsed, with defaults, each corp with the settings of all corps. */
export interface Config extends Omit<ParsedConfig, 'corps' | 'wecom'> {
  readonly wecom: WecomSettings;
  readonly corps: readonly CorpConfig[] | { readonly query: string };
}

/** A valid configuration. */
export interface LoadedConfig {
  readonly config: Config;
  /** The absolute path of its file. */
  readonly path: string;
  readonly warnings: readonly ConfigWarning[];
  /** Keys that are read by an old name: for `doctor` and the log, not for stderr. */
  readonly oldNames: readonly ConfigWarning[];
  /** Every text that must not appear in any output, for the redactor. */
  readonly secrets: readonly string[];
}

/** Finds, reads and checks the configuration. Throws ConfigError with all problems. */
export async function loadConfig(surroundings: Surroundings): Promise<LoadedConfig> {
  const { path, distrust } = await findConfig(surroundings);
  const source = await readSource(path, surroundings.env);
  const folder = openFolder(dirname(path));
  const parsed = check(path, source, folder);
  const secrets = [...secretsIn(parsed)];
  return {
    config: settle(parsed, surroundings.env, source),
    path,
    warnings: [...(distrust === undefined ? [] : [{ message: `${path} ${distrust.message}`, fix: distrust.fix }]), ...risks(parsed), ...folder.warnings, ...exposure(path, secrets.map(([at]) => scalarAt(at, source)).filter((at) => isLiteral(source.written(at))))],
    oldNames: parsed.wecom.rate_total === undefined ? [] : [RATE_TOTAL],
    secrets: [...new Set([...secrets.flatMap(([, texts]) => texts), ...proxyPasswords(surroundings.env)])],
  };
}

/** No configuration is larger: ten thousand corps fill less. */
const LARGEST_FILE = 4 * 1024 * 1024;
/** How long a pipe or a program may take to say what the configuration is. */
const PATIENCE_MS = 10_000;

/** Reads the file by its ending. JavaScript is loaded as cosmiconfig does; its own search would load `.config/config.js` of the working directory as well. */
async function readSource(path: string, env: Surroundings['env']): Promise<Source> {
  try {
    if (!/\.[cm]?js$/.test(path)) return parseSource(await inTime(readText(path)), env);
    const { defaultLoaders } = await import('cosmiconfig');
    const config: unknown = await inTime(Promise.resolve(defaultLoaders['.js'](path, '')));
    if (config === undefined || config === null) throw emptyFile(path);
    return valueSource(config, env);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const message = `could not be loaded: ${error instanceof Error ? error.message : String(error)}`;
    throw new ConfigError(path, [{ key: '', message }], { code: 'config_unreadable', cause: error });
  }

  async function inTime<T>(reading: Promise<T>): Promise<T> {
    const patience = new AbortController();
    const tired = sleep(PATIENCE_MS, undefined, { signal: patience.signal }).then(() => {
      throw new ConfigError(path, [{ key: '', message: `could not be loaded within ${PATIENCE_MS / 1000} s` }], { code: 'config_unreadable', hint: 'a configuration in JavaScript must come to an end, and a pipe must be written' });
    });
    try {
      return await Promise.race([reading, tired]);
    } finally {
      patience.abort();
      tired.catch(() => undefined);
    }
  }
}

/** The text of the file, which may be a pipe. */
async function readText(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const parts: Buffer[] = [];
    for (let length = 0; length <= LARGEST_FILE; ) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(64 * 1024)).catch(async (error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
        await sleep(20);
        return { bytesRead: -1, buffer: Buffer.alloc(0) };
      });
      if (bytesRead === 0) return decode(path, Buffer.concat(parts));
      if (bytesRead > 0) parts.push(buffer.subarray(0, bytesRead));
      length += Math.max(bytesRead, 0);
    }
    throw new ConfigError(path, [{ key: '', message: `is larger than ${LARGEST_FILE / 1024 / 1024} MB; no configuration is` }], { code: 'config_unreadable' });
  } finally {
    await file.close();
  }
}

/** Decodes UTF-8, and UTF-16 with its mark, as Windows writes it. Bytes of another encoding are refused, except in comments. */
function decode(path: string, bytes: Buffer): string {
  const mark = bytes.subarray(0, 2).toString('hex');
  if (mark === 'fffe' || mark === 'feff') return new TextDecoder(mark === 'fffe' ? 'utf-16le' : 'utf-16be').decode(bytes);
  const text = bytes.toString('utf8');
  const line = text.split('\n').findIndex((written) => /^[^#]*\ufffd/.test(written));
  if (line === -1) return text;
  throw new ConfigError(path, [{ at: { line: line + 1, column: 1 }, key: '', message: 'is not UTF-8' }], { code: 'config_unreadable', hint: 'save the file as UTF-8 (iconv -f GBK -t UTF-8)' });
}

function check(path: string, source: Source, folder: Folder): ParsedConfig {
  if (source.broken) throw new ConfigError(path, source.problems);
  const { value } = source;
  if (value === null || value === undefined) throw emptyFile(path);
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new ConfigError(path, [problemAt(source, [], `found ${Array.isArray(value) ? 'a list' : 'text'}; expected a mapping (key: value)`)]);
  }
  // Each process checks one configuration: compiling the checks would take longer than it saves.
  const result = configSchema(folder).safeParse(value, { jitless: true });
  const issues = result.error?.issues ?? [];
  const wrong = issues.length === 0 ? [] : explain(issues, source, describedSchema());
  const broken = breaches(value).map((breach) => problemAt(source, breach.path, breach.message));
  const problems = firstAtEachPlace([...source.problems, ...wrong, ...broken]);
  if (!result.success || problems.length > 0) throw new ConfigError(path, problems);
  return result.data;
}

function emptyFile(path: string): ConfigError {
  return new ConfigError(path, [{ key: '', message: 'the file is empty; expected at least corps:' }], { hint: 'orgsync config example shows a complete configuration' });
}

function problemAt(source: Source, path: KeyPath, message: string): Problem {
  const at = source.locate(path);
  return { ...(at === undefined ? {} : { at }), key: keyName(path), message };
}

/** Keeps the first problem of each place: an unset variable also makes its value wrong, and only the first problem helps. */
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

const RATE_TOTAL: ConfigWarning = {
  message: 'wecom.rate_total is the old name of wecom.rate_address, which counts the requests of all processes from one address',
  fix: 'rename it to rate_address; the next version does not read rate_total',
};

function settle(parsed: ParsedConfig, env: Surroundings['env'], source: Source): Config {
  const { corps } = parsed;
  const { rate_total: oldRate, ...ofAll } = parsed.wecom;
  const isRenamed = oldRate === undefined || source.written(['wecom', 'rate_address']) !== undefined;
  const wecom = isRenamed ? ofAll : { ...ofAll, rate_address: oldRate };
  return Object.freeze({
    ...parsed,
    wecom,
    read_only: parsed.read_only || isSwitchedOn(env['ORGSYNC_READ_ONLY']),
    corps: 'query' in corps ? corps : corps.map((corp) => resolveCorp(corp, { wecom, safety: parsed.safety })),
  });
}

/** Every secret and its place in the file. */
function* secretsIn(value: unknown, path: KeyPath = []): Generator<readonly [KeyPath, readonly string[]]> {
  if (value instanceof SecretUrl) {
    if (value.concealed.length > 0) yield [path, value.concealed];
  } else if (value instanceof Secret) {
    yield [path, [value.reveal()]];
  } else if (value !== null && typeof value === 'object') {
    for (const [key, inner] of Object.entries(value)) yield* secretsIn(inner, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}

/** WeCom closes a corp's `user/getuserid` for the day when wrong numbers exceed 20 % of its member limit (P95402). */
const CLOSING_SHARE = 0.2;

function risks({ lookup }: ParsedConfig): readonly ConfigWarning[] {
  if (lookup.max_wrong_share < CLOSING_SHARE) return [];
  return [{ message: 'lookup.max_wrong_share is 20% or more, and WeCom closes live lookups of a corp for the day at 20%', fix: 'set lookup.max_wrong_share below 20%' }];
}

/** The passwords of proxies in the environment (`HTTPS_PROXY` and so on): error messages may contain them. */
function proxyPasswords(env: Surroundings['env']): readonly string[] {
  return Object.entries(env).flatMap(([name, value = '']) => (/^(https?|all)_proxy$/i.test(name) && URL.canParse(value) ? new SecretUrl(value).concealed : []));
}

/** The place of a secret in the file. The address of a store is parsed into several values: their place is the value around them. */
function scalarAt(at: KeyPath, source: Source): KeyPath {
  return source.written(at) === undefined ? at.slice(0, -1) : at;
}

/** In an address only the password matters: its host may come from a variable. */
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
