import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { rmSync } from 'node:fs';
import { loadConfig, type LoadedConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems.ts';

/** A folder of this test alone, with these files in it; gone after the test. */
export function folder(files: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'orgsync-config-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
    chmodSync(join(root, name), 0o640);
  }
  return root;
}

/** Loads `text` as the config.yml of a folder of its own. */
export async function load(text: string, env: Readonly<Record<string, string>> = {}, files: Readonly<Record<string, string>> = {}): Promise<LoadedConfig & { readonly root: string }> {
  const root = folder({ 'config.yml': text, ...files });
  return { ...(await loadConfig({ env, cwd: root, home: join(root, 'home') })), root };
}

/** The smallest configuration, and what a test is about. */
export const CORP = 'corps: [{ id: ww1, secret: "${S}" }]\n';

/** The ConfigError that loading ends with. */
export async function failure(promise: Promise<unknown>): Promise<ConfigError> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof ConfigError)) throw new Error(`expected a ConfigError, got ${String(thrown)}`);
  return thrown;
}

/** The problems of `text`, as `line:column key: message`. */
export async function problems(text: string, env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const { problems: found } = await failure(load(text, env));
  return found.map(({ at, key, message }) => `${at === undefined ? '' : `${at.line}:${at.column} `}${key}: ${message}`);
}
