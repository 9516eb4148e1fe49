import { Document, isCollection, isMap, isNode, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar, visit } from 'yaml';
import { interpolate } from './interpolate.ts';
import { DEEPEST, findDeepNesting } from './nesting.ts';
import { keyName, type KeyPath, type Position, type Problem } from './problems.ts';

/** A configuration as it was written, before its keys are checked. */
export interface Source {
  /** Plain data with variables replaced, without keys that have no value. Numbers, true and false are text as written: their meaning depends on the key. */
  readonly value: unknown;
  /** Problems found so far. With `broken`, `value` cannot be used. */
  readonly problems: readonly Problem[];
  readonly broken: boolean;
  /** The position of the value at `path`, or of the nearest existing value around it. */
  locate(path: KeyPath): Position | undefined;
  /** The position of the last key of `path`. */
  locateKey(path: KeyPath): Position | undefined;
  /** The value as written, with `${NAME}`; undefined when it is missing or not a scalar. */
  written(path: KeyPath): string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** More would not be read by anybody. */
const FAULTS_SHOWN = 20;

/** Reads YAML or JSON, and fills in `${NAME}`. */
export function parseSource(text: string, env: Environment): Source {
  const deep = findDeepNesting(text);
  if (deep !== undefined) return brokenSource([{ at: positionIn(text, deep), key: '', message: 'brackets or lists are nested too deep for a configuration' }]);
  const lines = new LineCounter();
  // Looked for below: yaml compares each key with every other one.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const found = [...document.errors, ...document.warnings].slice(0, FAULTS_SHOWN * 10);
  const written = found.length === 0 ? [] : text.split('\n');
  const faults = found.map(({ message, pos }) => {
    const at = position(pos[0]);
    return { at, key: '', message: faultMessage(message, written[at.line - 1] ?? '') };
  });
  const repeated = repeatedKeys(document).map(({ key, offset }) => ({ at: position(offset), key, message: 'this key stands here a second time' }));
  return sourceOf(document, env, { faults: firstOfEachLine([...faults, ...repeated]).slice(0, FAULTS_SHOWN), position, text });
}

function positionIn(text: string, offset: number): Position {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** A source of which nothing can be known but what is wrong with it. */
function brokenSource(problems: readonly Problem[]): Source {
  return { value: undefined, problems, broken: true, locate: () => undefined, locateKey: () => undefined, written: () => undefined };
}

/** Keys that stand a second time in their mapping. */
function repeatedKeys(document: Document): readonly { readonly key: string; readonly offset: number }[] {
  const repeated: { key: string; offset: number }[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) repeated.push({ key: String(key.value), offset: key.range?.[0] ?? 0 });
        seen.add(key.value);
      }
    },
  });
  return repeated;
}

/** Takes the value that a JavaScript configuration exports and replaces `${NAME}`. There are no positions. */
export function valueSource(value: unknown, env: Environment): Source {
  if (isDeep(value)) return brokenSource([{ key: '', message: 'what it exports is nested too deep for a configuration, or within itself' }]);
  return sourceOf(new Document(value), env, { faults: [], position: () => undefined, text: '' });
}

function faultMessage(message: string, line: string): string {
  return `not valid YAML: ${withoutText(message)}${advice(line)}`;
}

/** After a colon yaml repeats what stands in the file, which may be a password that wanted quotes. */
function withoutText(message: string): string {
  return message.replace(/: .*$/s, '');
}

function advice(line: string): string {
  if (/[：，“”‘’｛｝［］\u00a0\u3000]/u.test(line)) return ' (there is full-width punctuation, or an unusual blank, in this line: YAML wants : , " and blanks of ASCII)';
  if (/[{[].*\$\{/.test(line)) return ' (between braces or brackets write "${NAME}", with quotes)';
  return /[:-]\s+[!&*|>@`%]/.test(line) ? QUOTES : '';
}

const QUOTES = ' (text that begins with one of ! & * | > @ ` % wants quotes)';

/** No configuration has more values. */
const MOST_VALUES = 1_000_000;

/** Deeper than any configuration, larger, or without end. */
function isDeep(exported: unknown): boolean {
  let values = 0;
  const pending: (readonly [unknown, number])[] = [[exported, 0]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [value, depth] = next;
    values += 1;
    if (depth > DEEPEST || values > MOST_VALUES) return true;
    if (value !== null && typeof value === 'object') for (const inner of Object.values(value)) pending.push([inner, depth + 1]);
  }
  return false;
}

/** One slip makes YAML stumble several times in its line. */
function firstOfEachLine(faults: readonly (Problem & { readonly at: Position })[]): readonly Problem[] {
  const lines = new Set<number>();
  return faults.filter(({ at: { line } }) => !lines.has(line) && lines.add(line));
}

interface Origin {
  readonly faults: readonly Problem[];
  readonly position: (offset: number) => Position | undefined;
  readonly text: string;
}

function sourceOf(document: Document, env: Environment, { faults, position, text }: Origin): Source {
  const writtenAs = new Map<Node, string>();
  const unfilled: Problem[] = [];
  const at = (node: unknown): Position | undefined => (isNode(node) && node.range ? position(node.range[0]) : undefined);
  const located = (node: unknown): { at?: Position } => {
    const found = at(node);
    return found === undefined ? {} : { at: found };
  };
  visit(document, {
    Scalar(key, node, ancestors) {
      if (key === 'key' || node.value === null) return;
      if (typeof node.value !== 'string') {
        node.value = sourceText(node, text);
        return;
      }
      writtenAs.set(node, node.value);
      const { filled, problems } = interpolate(node.value, env);
      node.value = filled;
      for (const message of problems) unfilled.push({ ...located(node), key: keyName(pathOf([...ancestors, node])), message });
    },
  });
  const node = (path: KeyPath): unknown => nodeAt(document, path);
  return {
    ...plainValue(document, faults, unfilled),
    locate: (path) => at(nearest(path, node)) ?? position(0),
    locateKey: (path) => at(keyNode(node(path.slice(0, -1)), path.at(-1))) ?? at(nearest(path, node)) ?? position(0),
    written(path) {
      const found = node(path);
      if (!isScalar(found)) return undefined;
      return writtenAs.get(found) ?? sourceText(found, text);
    },
  };
}

/** The keys and indexes from the first to the last node of `chain`. */
function pathOf(chain: readonly unknown[]): KeyPath {
  return chain.flatMap((node, index): (string | number)[] => {
    if (isPair(node)) return isScalar(node.key) ? [String(node.key.value)] : [];
    return isSeq(node) ? [node.items.indexOf(chain[index + 1])] : [];
  });
}

function plainValue(document: Document, faults: readonly Problem[], unfilled: readonly Problem[]): Pick<Source, 'value' | 'problems' | 'broken'> {
  if (faults.length > 0) return { value: undefined, problems: faults, broken: true };
  try {
    return { value: withoutNothing(document.toJS()), problems: unfilled, broken: false };
  } catch (error) {
    const message = `not valid YAML: ${withoutText(error instanceof Error ? error.message : String(error))}${QUOTES}`;
    return { value: undefined, problems: [{ key: '', message }], broken: true };
  }
}

/** Removes keys without a value: a section in which every line is commented out has its defaults. */
function withoutNothing(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNothing);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutNothing(inner)]));
}

function nodeAt(document: Document, path: KeyPath): unknown {
  return path.length === 0 ? document.contents : document.getIn(path, true);
}

function nearest(path: KeyPath, node: (path: KeyPath) => unknown): unknown {
  for (let length = path.length; length > 0; length--) {
    const found = node(path.slice(0, length));
    if (isNode(found)) return found;
  }
  return node([]);
}

function keyNode(parent: unknown, key: PropertyKey | undefined): unknown {
  if (!isMap(parent)) return undefined;
  return parent.items.find((pair) => isScalar(pair.key) && pair.key.value === key)?.key;
}

function sourceText(node: Scalar, text: string): string {
  if (!node.range || isCollection(node)) return String(node.value);
  return text.slice(node.range[0], node.range[1]);
}
