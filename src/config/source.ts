import { Document, isCollection, isMap, isNode, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument, type Scalar, visit } from 'yaml';
import { interpolate } from './interpolate.ts';
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

/** Reads YAML or JSON and replaces `${NAME}`. */
export function parseSource(text: string, env: Environment): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const faults = [...document.errors, ...document.warnings].map(({ code, message, pos }) => {
    const at = position(pos[0]);
    return { at, key: code === 'DUPLICATE_KEY' ? wordAt(text, pos[0]) : '', message: faultMessage(code, message, text.split('\n')[at.line - 1] ?? '') };
  });
  return sourceOf(document, env, { faults: firstOfEachLine(faults), position, text });
}

/** Takes the value that a JavaScript configuration exports and replaces `${NAME}`. There are no positions. */
export function valueSource(value: unknown, env: Environment): Source {
  return sourceOf(new Document(value), env, { faults: [], position: () => undefined, text: '' });
}

function faultMessage(code: string, message: string, line: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key stands here a second time';
  return `not valid YAML: ${withoutText(message)}${advice(line)}`;
}

function wordAt(text: string, offset: number): string {
  return /^["']?([\w-]+)/.exec(text.slice(offset))?.[1] ?? '';
}

/** Removes the text after the colon: there yaml quotes the file, possibly a password that lacks quotes. */
function withoutText(message: string): string {
  return message.replace(/: .*$/s, '');
}

function advice(line: string): string {
  if (/[{[].*\$\{/.test(line)) return ' (between braces or brackets write "${NAME}", with quotes)';
  return /[:-]\s+[!&*|>@`%]/.test(line) ? QUOTES : '';
}

const QUOTES = ' (text that begins with one of ! & * | > @ ` % wants quotes)';

/** One mistake can cause several YAML errors in the same line. */
function firstOfEachLine(faults: readonly (Problem & { readonly at: Position })[]): readonly Problem[] {
  return faults.filter(({ at }, index) => faults.findIndex((other) => other.at.line === at.line) === index);
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
