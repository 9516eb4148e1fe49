import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { shutBy } from '../../src/core/gate.ts';

const ROOT = join(import.meta.dirname, '../..');
const text = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const [, README_CONFIG = ''] = /^```yaml\n([\s\S]*?)^```$/m.exec(text('README.md').split('\n## Set it up\n')[1] ?? '') ?? [];
const CONFIGURATIONS: readonly (readonly [string, string])[] = [
  ['the README’s configuration', README_CONFIG],
  ['config.example.yml', text('config.example.yml')],
];

type Variables = Readonly<Record<string, string>>;

/** `NAME=value`, one on each line. */
function assignments(lines: string): Variables {
  return Object.fromEntries([...lines.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]));
}

/** The variables that a configuration cannot do without. */
function needed(yaml: string): readonly string[] {
  return [...yaml.replace(/#.*$/gm, '').matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);
}

interface Document {
  readonly kind: string;
  readonly stringData?: Variables;
  readonly spec?: { readonly jobTemplate: { readonly spec: { readonly template: { readonly spec: { readonly containers: readonly { readonly env: readonly { readonly name: string; readonly value: string }[] }[] } } } } };
}

function manifestVariables(): Variables {
  const documents = parseAllDocuments(text('deploy/kubernetes/cronjob.yaml')).map((document) => document.toJS() as Document);
  const env = documents.flatMap(({ spec }) => spec?.jobTemplate.spec.template.spec.containers.flatMap((container) => container.env) ?? []);
  return Object.fromEntries(env.map(({ name, value }) => [name, value]));
}

const STARTERS: readonly (readonly [string, Variables])[] = [
  ['crontab.example', assignments(text('crontab.example'))],
  ['deploy/systemd', assignments([...text('deploy/systemd/orgsync.service').matchAll(/^Environment=(.*)$/gm)].map(([, pairs = '']) => pairs.replaceAll(' ', '\n')).join('\n'))],
  ['deploy/kubernetes', manifestVariables()],
];

describe.each(CONFIGURATIONS)('the starters and %s are one working set', (_, yaml) => {
  const { gate } = parse(yaml) as { readonly gate: Readonly<Record<string, string | readonly string[]>> };
  const wanted = Object.fromEntries(Object.entries(gate).map(([name, values]) => [name, [values].flat()]));

  it.each(STARTERS)('%s opens the gate', (_starter, variables) => {
    expect(Object.keys(wanted)).not.toEqual([]);
    expect(shutBy(wanted, variables)).toEqual([]);
  });

  it('deploy/environment.example has every variable, and opens the gate', () => {
    const variables = assignments(text('deploy/environment.example'));
    expect(needed(yaml).length).toBeGreaterThan(1);
    expect(needed(yaml).filter((name) => !(name in variables))).toEqual([]);
    expect(shutBy(wanted, variables)).toEqual([]);
  });
});

it('the lines for shards in crontab.example are that of a whole run, and --shard', () => {
  const lines = text('crontab.example').split('\n').filter((line) => line.includes(' orgsync run --config'));
  const [whole = '', ...shards] = lines.map((line) => line.replace(/^#/, '').replaceAll(/ +/g, ' '));
  expect(shards).toEqual(['1/2', '2/2'].map((shard) => `${whole} --shard ${shard}`));
});
