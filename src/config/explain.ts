import type { z } from 'zod';
import { nearest } from '../core/nearest.ts';
import { looksLikeSecret } from '../core/secret.ts';
import { keyName, type KeyPath, type Problem } from './problems.ts';
import type { Source } from './source.ts';

type Issue = z.core.$ZodIssue;

/** More problems than these are read by nobody, and finding the place of each takes time. */
const MOST_EXPLAINED = 100;

/** The parts of a JSON Schema in which keys are looked up. */
export interface KeyTree {
  readonly properties?: Readonly<Record<string, KeyTree>>;
  readonly items?: KeyTree;
  readonly anyOf?: readonly KeyTree[];
}

/** Keys whose values never appear in a message. */
const SECRET_KEYS = new Set<PropertyKey>(['secret', 'contacts_secret', 'hmac_key', 'wecom_robot', 'store', 'store_read', 'redis', 'webhook', 'ping', 'proxy', 'pushgateway', 'file', 'api']);

/** Describes zod's issues in the words of the file: the key, what was found, what is accepted, the nearest known key. */
export function explain(issues: readonly Issue[], source: Source, keys: KeyTree): readonly Problem[] {
  return issues.slice(0, MOST_EXPLAINED).flatMap(flatten).slice(0, MOST_EXPLAINED).flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') return issue.keys.slice(0, MOST_EXPLAINED).map((key) => unknownKey([...issue.path, key], source, keys));
    if (issue.code === 'invalid_key') return [invalidKey(issue.path, source)];
    return [{ ...place(source.locate(issue.path)), key: keyName(issue.path), message: sentence(issue, source) }];
  });
}

/** Drops alternatives for which the value has the wrong type: they do not explain what is wrong with the value. */
function flatten(issue: Issue): readonly Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = issue.errors.filter((branch) => !branch.some(({ code, path }) => code === 'invalid_type' && path.length === 0));
  const [branch] = meant;
  if (branch === undefined || meant.length > 1) return [issue];
  return branch.flatMap((inner) => flatten({ ...inner, path: [...issue.path, ...inner.path] }));
}

function unknownKey(path: KeyPath, source: Source, keys: KeyTree): Problem {
  const name = String(path.at(-1));
  const near = nearest(name, knownKeys(keys, path.slice(0, -1)));
  const advice = near === undefined ? elsewhere(name, keys) : `; did you mean ${near}?`;
  return { ...place(source.locateKey(path)), key: keyName(path), message: `unknown key${advice}` };
}

function invalidKey(path: KeyPath, source: Source): Problem {
  return { ...place(source.locateKey(path)), key: keyName(path), message: 'not the name of an environment variable; expected letters, digits and _' };
}

function sentence(issue: Issue, source: Source): string {
  if (issue.code === 'custom' && issue.params?.['problem'] === true) return issue.message;
  return `${found(issue.path, source)}; expected ${issue.message}`;
}

function found(path: KeyPath, source: Source): string {
  const written = source.written(path);
  const value = valueAt(source.value, path);
  if (written !== undefined) return `found ${mayBeShown(written, path) ? quoted(written) : concealed(written, value, path)}`;
  if (Array.isArray(value)) return value.length === 0 ? 'found an empty list' : 'found a list';
  return value === undefined ? 'missing' : 'found a mapping';
}

/** The longest that an id may be: what is longer may be a secret in its place. */
const LONGEST_ID = 32;

/** What stands in the place of something public may be a secret all the same: columns in another order, id and secret exchanged. */
function mayBeShown(written: string, path: KeyPath): boolean {
  if (path.some((part) => SECRET_KEYS.has(part)) || looksLikeSecret(written)) return false;
  return path.at(-1) !== 'id' || written.length <= LONGEST_ID;
}

/** Keys of {@link SECRET_KEYS} whose values are addresses. */
const ADDRESS_KEYS = new Set<PropertyKey>(['store', 'store_read', 'redis', 'webhook', 'ping', 'proxy', 'pushgateway', 'api']);

/** A value made of `${NAME}` only may be shown, and of an address its scheme and host; anything else could be the secret itself. */
function concealed(written: string, value: unknown, path: KeyPath): string {
  if (/^(?:\$\{[^}]*\})+$/.test(written)) return `${written.replace(/:-[^}]*/g, ':-…')}${value === '' ? ', which is empty' : ''}`;
  if (quoted(written) === 'nothing') return 'nothing';
  if (!path.some((part) => ADDRESS_KEYS.has(part))) return 'text that is not shown here';
  return shownAddress(written.trim()) ?? 'text that begins with no scheme:// and is not shown here';
}

/** The scheme and, where it is certain which part that is, the host of an address: never its account, path or query. */
function shownAddress(written: string): string | undefined {
  const [, scheme] = /^([a-z][a-z\d+.-]*:\/\/)/i.exec(written) ?? [];
  if (scheme === undefined) return undefined;
  if (written.includes('${') || !URL.canParse(written)) return `${scheme}…`;
  const { host, pathname, search, hash, username, password } = new URL(written);
  // In a password that was not encoded, / ? or # end the host too early: then an @ follows, and what looks like the host is a part of the account.
  const isHost = host !== '' && !`${pathname}${search}${hash}`.includes('@');
  if (!isHost) return `${scheme}…`;
  return `${scheme}${username === '' && password === '' ? '' : '…@'}${host}${/^\/?$/.test(pathname) && search === '' ? '' : '/…'}`;
}

function quoted(written: string): string {
  const line = written.trim();
  if (line === '' || line === '~' || line === 'null') return 'nothing';
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}

function valueAt(value: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((inner, part) => (inner !== null && typeof inner === 'object' ? Reflect.get(inner, part) : undefined), value);
}

function place(at: Problem['at']): Pick<Problem, 'at'> {
  return at === undefined ? {} : { at };
}

function knownKeys(tree: KeyTree, path: KeyPath): readonly string[] {
  const alternatives = (tree.anyOf ?? [tree]).flatMap((inner) => inner.anyOf ?? [inner]);
  const [first, ...rest] = path;
  if (first === undefined) return alternatives.flatMap((inner) => Object.keys(inner.properties ?? {}));
  return alternatives.flatMap((inner) => {
    const next = typeof first === 'number' ? inner.items : inner.properties?.[String(first)];
    return next === undefined ? [] : knownKeys(next, rest);
  });
}

/** The other places of a known key. Usually its line is indented too little or too much. */
function elsewhere(name: string, keys: KeyTree): string {
  const places = Object.entries(keys.properties ?? {}).flatMap(([section, tree]) => (knownKeys(tree, []).includes(name) ? [`${section}.${name}`] : []));
  if (keys.properties !== undefined && Object.hasOwn(keys.properties, name)) places.push(`${name}, at the top`);
  return places.length === 0 ? '' : `; it belongs to ${places.join(' or ')}`;
}
