import { open, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ConfigError } from './problems.ts';

/** Where to search. */
export interface Surroundings {
  /** `--config`, which takes precedence over everything. */
  readonly explicitPath?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly home: string;
}

const NAMES = ['orgsync.config.yml', 'orgsync.config.yaml', 'orgsync.config.json', 'orgsync.config.js', '.orgsyncrc', '.orgsyncrc.yml', '.orgsyncrc.yaml', '.orgsyncrc.json', '.orgsyncrc.js'];

/**
 * The path of the configuration. Throws ConfigError when there is none, or when it cannot be read. cosmiconfig's own search
 * silently skips such a file: a process under the wrong account would then run with another configuration.
 */
export async function findConfig({ explicitPath, env, cwd, home }: Surroundings): Promise<string> {
  const named = explicitPath ?? (env['ORGSYNC_CONFIG'] || undefined);
  if (named !== undefined) {
    const path = resolve(cwd, named);
    await ensureReadable(path, explicitPath === undefined ? '$ORGSYNC_CONFIG' : '--config');
    return path;
  }
  for (const path of searchPlaces(cwd, home)) {
    if (!(await isFile(path))) continue;
    await ensureReadable(path, 'the search');
    return path;
  }
  throw new ConfigError(cwd, [{ key: '', message: 'no configuration found: no config.yml or orgsync.config.yml here or in any other place that is searched' }], {
    code: 'config_missing',
    hint: 'copy config.example.yml to config.yml and edit it, or name a file with --config; `orgsync demo` needs no configuration',
  });
}

/** Every path that is searched, in order. */
function searchPlaces(cwd: string, home: string): readonly string[] {
  const upward: string[] = [];
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    upward.push(...NAMES.map((name) => join(folder, name)));
    if (folder === dirname(folder)) break;
  }
  return [join(cwd, 'config.yml'), ...upward, join(home, '.config/orgsync/config.yml'), '/etc/orgsync/config.yml'];
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
    // Opening checks the effective user, like reading does; access(2) checks the real user.
    await (await open(path)).close();
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw fileError(path, `does not exist (named by ${namedBy})`, 'name a file that exists, or copy config.example.yml there', 'config_missing');
    }
    throw fileError(path, `cannot be read by this account (found by ${namedBy})`, `allow this account to read it, for example: chgrp orgsync ${path} && chmod 640 ${path}`);
  }
}

function fileError(path: string, message: string, hint: string, code: 'config_missing' | 'config_unreadable' = 'config_unreadable'): ConfigError {
  return new ConfigError(path, [{ key: '', message }], { code, hint });
}
