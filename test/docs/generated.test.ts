import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { referenceText, schemaText } from '../../src/config/docs.ts';
import { describedSchema, type JsonSchema } from '../../src/config/json-schema.ts';
import { loadConfig } from '../../src/config/load.ts';
import { folder } from '../config/support.ts';
import { commandsBlock, commandsPage, README_BLOCK } from './commands-block.ts';

const ROOT = join(import.meta.dirname, '../..');

// `npm run docs` writes what these compare: they are vitest's snapshots, in the places where people read them.
describe('what is generated', () => {
  it('docs/configuration.md is what the schema says', async () => {
    await expect(referenceText()).toMatchFileSnapshot(join(ROOT, 'docs/configuration.md'));
  });

  it('docs/orgsync.schema.json is what the schema says', async () => {
    await expect(schemaText()).toMatchFileSnapshot(join(ROOT, 'docs/orgsync.schema.json'));
  });

  it('docs/commands.md is what --help says', async () => {
    await expect(await commandsPage()).toMatchFileSnapshot(join(ROOT, 'docs/commands.md'));
  });

  it('README.md has every command', async () => {
    const path = join(ROOT, 'README.md');
    const readme = await readFile(path, 'utf8');
    expect(readme).toMatch(README_BLOCK);
    const block = await commandsBlock();
    await expect(readme.replace(README_BLOCK, (_, begin: string, end: string) => `${begin}\n\n${block}\n\n${end}`)).toMatchFileSnapshot(path);
  });
});

describe('config.example.yml', async () => {
  const text = await readFile(join(ROOT, 'config.example.yml'), 'utf8');

  it('begins with where its schema is', () => {
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=orgsync.schema.json');
  });

  it('loads', async () => {
    const root = folder({ 'config.yml': text, 'branch.secret': 'b' });
    const env = { HQ_SECRET: 'a', HQ_CONTACTS: 'c', DB_PASSWORD: 'p@ss', ALERT_ROBOT_KEY: 'k', HOOK_SECRET: `whsec_${'k'.repeat(32)}`, HOOK_KEY: 'h' };
    expect((await loadConfig({ env, cwd: root, home: root })).warnings).toEqual([]);
  });

  it('has every key of the schema', () => {
    const alternatives = [...text.matchAll(/^# ((?:corps|store_read): \S.*)$/gm)].map(([, line = '']) => parse(line) as unknown);
    const written = new Set([parse(text) as unknown, ...alternatives].flatMap((value) => [...keysOf(value)]));
    expect([...schemaKeys(describedSchema())].filter(([key, part]) => !written.has(key) && part.deprecated !== true).map(([key]) => key)).toEqual([]);
  });

  it('gives for a default what is the default', () => {
    const written = parse(text) as unknown;
    const others = [...schemaKeys(describedSchema())].filter(([key, part]) => isPlain(part.default) && key !== 'store' && at(written, key) !== part.default);
    expect(others.map(([key]) => key)).toEqual([]);
  });
});

/** `corps`, `corps[].id`, `lock.ttl`, … */
function* keysOf(value: unknown, prefix = ''): Generator<string> {
  if (Array.isArray(value)) for (const item of value) yield* keysOf(item, `${prefix}[]`);
  else if (value !== null && typeof value === 'object') {
    for (const [name, inner] of Object.entries(value)) {
      const key = prefix === '' ? name : `${prefix}.${name}`;
      yield key;
      yield* keysOf(inner, key);
    }
  }
}

/** The same keys with what the schema says of each; a corp's own wecom: and safety: are not gone into. */
function* schemaKeys(part: JsonSchema, prefix = ''): Generator<readonly [string, JsonSchema]> {
  if (part.accepts !== undefined) return;
  for (const branch of part.anyOf ?? []) yield* schemaKeys(branch, prefix);
  if (part.items !== undefined) yield* schemaKeys(part.items, `${prefix}[]`);
  for (const [name, inner] of Object.entries(part.properties ?? {})) {
    const key = prefix === '' ? name : `${prefix}.${name}`;
    yield [key, inner];
    if (!/^corps\[\]\.(wecom|safety)$/.test(key)) yield* schemaKeys(inner, key);
  }
}

function isPlain(value: unknown): boolean {
  return value !== undefined && typeof value !== 'object';
}

function at(value: unknown, key: string): unknown {
  return key.split('.').reduce<unknown>((inner, name) => (inner !== null && typeof inner === 'object' ? (inner as Record<string, unknown>)[name] : undefined), value);
}
