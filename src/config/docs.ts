import { describedSchema, type JsonSchema, jsonSchema } from './json-schema.ts';

/** The text of `docs/orgsync.schema.json`. */
export function schemaText(): string {
  return `${JSON.stringify(jsonSchema(), null, 2)}\n`;
}

const INTRODUCTION = `# Configuration

<!-- Written by npm run docs from src/config/schema.ts: change that, not this. -->

orgsync reads one YAML file (or JSON, or JavaScript). It takes the first of these:

1. the file named by \`--config\`
2. the file named by \`ORGSYNC_CONFIG\`
3. \`config.yml\` in the working directory
4. \`orgsync.config.yml\`, \`.yaml\`, \`.json\`, \`.js\`, or \`.orgsyncrc\` with or without such an ending, in the working directory or the nearest one above it
5. \`~/.config/orgsync/config.yml\`
6. \`/etc/orgsync/config.yml\`

A file that was found by searching (3 to 6) is an error when it, its folder or a link to it belongs to another account (not
root), or when other accounts may write it: also when root starts orgsync. Name it with \`--config\` or \`ORGSYNC_CONFIG\` to
use it all the same; then it is a warning. A file that is found but cannot be read is an error; orgsync does not take the next one. \`orgsync config show\` prints the
values in use and the name of the file, with secrets as \`***\`. \`orgsync config example\` prints
\`config.example.yml\`, which has every key with a comment.

- **From the environment**: \`\${NAME}\` and \`\${NAME:-default}\` work in every value. A variable that is not set and has no
  default is an error. In the password of an address, characters such as \`@\` and \`/\` are encoded for you. Write \`$\${\` for a
  literal \`\${\`.
- **Numbers** need no quotes where text is expected: \`gate: { SITE: 01 }\` means the text \`01\`, exactly as written.
- **Secrets** are text, usually \`\${NAME}\`, or \`{ file: PATH }\`. Blanks, line ends and a byte order mark around
  them are ignored. A secret of WeCom that holds a blank, a line break, quotes or a character that is not ASCII is an error,
  and so is a secret in the place of an \`id\` or \`name\`. It is never shown.
- **Relative paths** start at the folder of the configuration file.
- **Durations** are written \`500ms\`, \`60s\`, \`90m\`, \`6h\`, \`7d\`, \`1h30m\`.
- **\`ORGSYNC_READ_ONLY=1\`** means \`read_only: true\` and takes precedence over the file.
- **\`ORGSYNC_ALLOW_TAKEOVER=1\`** allows a run to write a corp that a newer version or another environment wrote. Afterwards
  the corp belongs to this version and environment. It has no key, because it should not stay switched on.

All problems are reported together, each with file, line and column, the key, what was found and what is accepted (exit
code 78). An editor that understands the first line of \`config.example.yml\` shows them while you type.
`;

/** The text of `docs/configuration.md`. */
export function referenceText(): string {
  const { properties = {}, required = [] } = describedSchema();
  const entries = Object.entries(properties);
  const plainKeys = entries.filter(([, part]) => !isSection(part));
  const sections = entries.filter(([, part]) => isSection(part));
  const top = ['## Keys at the top\n', table(plainKeys.map(([key, part]) => ({ key, part, required: required.includes(key) })))];
  return [INTRODUCTION, ...top, ...sections.flatMap(([key, part]) => section(key, part))].join('\n') + '\n';
}

interface Row {
  readonly key: string;
  readonly part: JsonSchema;
  readonly required: boolean;
}

function isSection(part: JsonSchema): boolean {
  return rowsOf('', part).length > 0;
}

function section(key: string, part: JsonSchema): readonly string[] {
  return [`\n## ${key}`, `\n${part.description ?? ''}.\n`, table(rowsOf(key, part))];
}

/** The keys below a key, one level deep; those of list entries as `corps[].id`. */
function rowsOf(prefix: string, part: JsonSchema): readonly Row[] {
  if (part.accepts !== undefined) return [];
  if (part.anyOf !== undefined) return part.anyOf.flatMap((branch) => rowsOf(prefix, branch));
  if (part.items?.properties !== undefined) return rowsOf(`${prefix}[]`, part.items);
  return Object.entries(part.properties ?? {}).flatMap(([name, inner]) => {
    const key = `${prefix}.${name}`;
    const own: Row = { key, part: inner, required: part.required?.includes(name) === true };
    return [own, ...(isOverride(inner) ? [] : rowsOf(key, inner))];
  });
}

/** A corp's own `wecom:` and `safety:` have the keys of the sections of that name. */
function isOverride({ properties = {} }: JsonSchema): boolean {
  return 'api' in properties || 'min_members' in properties;
}

function table(rows: readonly Row[]): string {
  const lines = rows.map(({ key, part, required }) => `| ${[`\`${key}\``, accepts(part), required ? '**required**' : initial(part), meaning(part)].map(cell).join(' | ')} |`);
  return ['| key | accepts | default | what it is |', '|---|---|---|---|', ...lines].join('\n');
}

function accepts(part: JsonSchema): string {
  if (part.accepts !== undefined) return part.accepts;
  if (part.items !== undefined) return 'a list';
  return isOverride(part) ? 'a mapping, keys as in the section of that name' : 'a mapping';
}

function initial({ default: value }: JsonSchema): string {
  if (value === undefined) return 'none';
  return typeof value === 'object' ? 'empty' : `\`${JSON.stringify(value).replaceAll('"', '')}\``;
}

function meaning({ description = '', examples = [], default: value }: JsonSchema): string {
  const others = examples.filter((example) => example !== value).map((example) => `\`${typeof example === 'string' ? example : JSON.stringify(example)}\``);
  return others.length === 0 ? description : `${description}. Such as ${others.join(' or ')}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
