import { readFile, stat } from 'node:fs/promises';
import type { Corp } from '../core/model.ts';
import { looksLikeSecret } from '../core/secret.ts';
import { findConfig, type Surroundings } from './find.ts';
import { parseSource } from './source.ts';

/** No configuration is larger. */
const LARGEST_FILE = 4 * 1024 * 1024;

/**
 * Reads the ids and names of the corps from the configuration, and nothing else: also where a secret's variable is not set,
 * or something else is wrong. Null when a query reads the corps, or when the configuration is a program, which is not run
 * for this. Throws ConfigError when no configuration is found.
 */
export async function readCorpNames(surroundings: Surroundings): Promise<readonly Corp[] | null> {
  const { path } = await findConfig(surroundings);
  if (/\.[cm]?js$/.test(path)) return null;
  const found = await stat(path);
  if (!found.isFile() || found.size > LARGEST_FILE) return [];
  const { value } = parseSource(await readFile(path, 'utf8'), surroundings.env);
  const corps = property(value, 'corps');
  if (!Array.isArray(corps)) return property(corps, 'query') === undefined ? [] : null;
  return corps.flatMap((corp: unknown) => {
    const [id, name] = [property(corp, 'id'), property(corp, 'name')];
    // A secret may stand in the place of either.
    if (typeof id !== 'string' || !/^[\w-]{1,32}$/.test(id)) return [];
    return [{ id, name: typeof name === 'string' && name !== '' && !looksLikeSecret(name) ? name : id }];
  });
}

function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}
