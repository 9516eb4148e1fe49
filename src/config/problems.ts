import { looksLikeSecret } from '../core/secret.ts';
import { OrgsyncError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

/** A place in a configuration: keys and indexes from the top. */
export type KeyPath = readonly PropertyKey[];

/** A position in a file; both numbers start at 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** One problem in a configuration. */
export interface Problem {
  /** Missing when the file has no positions (JavaScript) or cannot be read. */
  readonly at?: Position;
  /** The key, such as `corps[0].secret`; empty when the problem concerns the whole file. */
  readonly key: string;
  readonly message: string;
}

/** The configuration cannot be used. Contains all problems, in the order of the file, and never a secret or a value from the environment. */
export class ConfigError extends OrgsyncError {
  override readonly name = 'ConfigError';
  readonly path: string;
  readonly problems: readonly Problem[];

  constructor(path: string, problems: readonly Problem[], { code = 'config_invalid', hint = HINT, cause }: { code?: ErrorCode; hint?: string; cause?: unknown } = {}) {
    const sorted = problems.toSorted(byPosition);
    const lines = sorted.slice(0, MOST_SHOWN).map((problem) => describeProblem(path, problem));
    const more = sorted.length > lines.length ? [`… and ${sorted.length - lines.length} more`] : [];
    super('config', { code, hint, cause, message: sorted.length === 1 ? lines.join('') : [`${sorted.length} problems in ${path}`, ...lines, ...more].join('\n') });
    this.path = path;
    this.problems = sorted;
  }
}

/** More problems than these are counted only. */
const MOST_SHOWN = 50;

const HINT = 'see docs/configuration.md, or `orgsync config schema`, for every key and what it accepts';

function describeProblem(path: string, { at, key, message }: Problem): string {
  const where = at === undefined ? path : `${path}:${at.line}:${at.column}`;
  return key === '' ? `${where}: ${message}` : `${where} ${key}: ${message}`;
}

function byPosition(one: Problem, other: Problem): number {
  return (one.at?.line ?? 0) - (other.at?.line ?? 0) || (one.at?.column ?? 0) - (other.at?.column ?? 0);
}

/** `corps[0].secret`; what looks like a secret where a key should be is not shown. */
export function keyName(path: KeyPath): string {
  const shown = (part: PropertyKey): string => (looksLikeSecret(String(part)) ? '***' : String(part));
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${shown(part)}`)).join('');
}
