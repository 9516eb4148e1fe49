import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { ConfigError } from './problems.ts';
import { type Distrust, findDistrust } from './trust.ts';

/** Who asks, and from where. What is not needed is not asked for: a container may have no home, and a working directory may be gone. */
export interface Surroundings {
  /** `--config`, which takes precedence over everything. */
  readonly explicitPath?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** May throw. */
  readonly cwd: string;
  /** May throw. */
  readonly home: string;
}

/** The file that was found. */
interface FoundConfig {
  readonly path: string;
  /** What is doubtful about a file that was named all the same; one that was searched for is refused. */
  readonly distrust: Distrust | undefined;
}

const NAMES = ['orgsync.config.yml', 'orgsync.config.yaml', 'orgsync.config.json', 'orgsync.config.js', '.orgsyncrc', '.orgsyncrc.yml', '.orgsyncrc.yaml', '.orgsyncrc.json', '.orgsyncrc.js'];

/**
 * Finds the configuration. Throws ConfigError when there is none, when it may not be read (cosmiconfig's own search
 * passes over such a file in silence, and a process under the wrong account would run with another configuration), or
 * when it was searched for and another account could have put it there.
 */
export async function findConfig(surroundings: Surroundings): Promise<FoundConfig> {
  const { explicitPath, env } = surroundings;
  const named = explicitPath ?? (env['ORGSYNC_CONFIG'] || undefined);
  if (named !== undefined) {
    const namedBy = explicitPath === undefined ? '$ORGSYNC_CONFIG' : '--config';
    const path = isAbsolute(named) ? resolve(named) : resolve(workingFolder(surroundings, `${named} (named by ${namedBy})`), named);
    await ensureReadable(path, namedBy);
    return { path, distrust: distrustOf(path) };
  }
  const cwd = orUndefined(() => surroundings.cwd);
  for (const path of searchPlaces(cwd, orUndefined(() => surroundings.home))) {
    if (!(await isFile(path))) continue;
    await ensureReadable(path, 'the search');
    const distrust = findDistrust(path);
    if (distrust !== undefined) throw untrusted(path, distrust);
    return { path, distrust };
  }
  throw new ConfigError(cwd ?? 'the working directory', [{ key: '', message: `no configuration found: no config.yml or orgsync.config.yml here or in any other place that is searched${cwd === undefined ? '; the working directory no longer exists' : ''}` }], {
    code: 'config_missing',
    hint: 'write one: orgsync config example > config.yml (the commented config.example.yml); or name a file with --config; `orgsync demo` needs no configuration',
  });
}

/** Every path that is looked at, in order. A home that is no absolute path (`HOME=` in a crontab) is none. */
function searchPlaces(cwd: string | undefined, home: string | undefined): readonly string[] {
  const upward: string[] = [];
  if (cwd !== undefined) upward.push(join(cwd, 'config.yml'));
  const folders = cwd === undefined ? [] : [resolve(cwd)];
  for (const folder of folders) {
    upward.push(...NAMES.map((name) => join(folder, name)));
    if (folder !== dirname(folder)) folders.push(dirname(folder));
  }
  return [...upward, ...(home !== undefined && isAbsolute(home) ? [join(home, '.config/orgsync/config.yml')] : []), '/etc/orgsync/config.yml'];
}

/** What the operating system may not know: the home of an account without entry, a working directory that was removed. */
function orUndefined(ask: () => string): string | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}

function workingFolder(surroundings: Surroundings, wanted: string): string {
  const cwd = orUndefined(() => surroundings.cwd);
  if (cwd !== undefined) return cwd;
  throw new ConfigError(wanted, [{ key: '', message: 'cannot be found: the working directory no longer exists' }], { code: 'config_missing', hint: 'name it by its absolute path, or change to a folder that exists' });
}

/** A file behind a pipe, or gone by now, is no matter of trust. */
function distrustOf(path: string): Distrust | undefined {
  try {
    return findDistrust(path);
  } catch {
    return undefined;
  }
}

function untrusted(path: string, { message, fix }: Distrust): ConfigError {
  return fileError(path, `was found by searching and is not believed: it ${message}`, `if it is yours, name it: --config ${path}, or ORGSYNC_CONFIG; or mend it: ${fix}`, 'config_untrusted');
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function ensureReadable(path: string, namedBy: string): Promise<void> {
  try {
    if ((await stat(path)).isDirectory()) throw fileError(path, `is a folder (named by ${namedBy}); expected a file`, 'name the file itself');
    // Asks as the effective user, as reading will; access(2) asks as the real one. A pipe that nobody writes does not hold it up.
    await (await open(path, constants.O_RDONLY | constants.O_NONBLOCK)).close();
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw fileError(path, `does not exist (named by ${namedBy})`, 'name a file that exists, or write one: orgsync config example > FILE', 'config_missing');
    }
    if (code !== 'EACCES' && code !== 'EPERM') throw fileError(path, `cannot be read (found by ${namedBy}): ${error instanceof Error ? error.message : String(error)}`, 'name a file that can be read');
    throw fileError(path, `cannot be read by this account (found by ${namedBy})`, `allow this account to read it, for example: chgrp orgsync ${path} && chmod 640 ${path}`);
  }
}

function fileError(path: string, message: string, hint: string, code: 'config_missing' | 'config_unreadable' | 'config_untrusted' = 'config_unreadable'): ConfigError {
  return new ConfigError(path, [{ key: '', message }], { code, hint });
}
