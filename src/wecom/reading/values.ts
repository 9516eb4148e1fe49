import type { Json } from '../../core/model.ts';
import { isRaw } from '../request/envelope.ts';

/** Department ids and orders are unsigned 32-bit numbers (P90208). */
const LARGEST = 2 ** 32 - 1;
/** WeCom nests less than this. Deeper values are rejected, because they could exhaust the stack. */
const DEEPEST = 32;

/** Reads a number from 0 to 2^32-1, also when it was sent as text. Anything else counts as not sent. */
export function readNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= LARGEST ? withoutSign(number) : undefined;
}

/** Turns `-0` into 0. No database stores `-0`, so it would be a change in every run. */
function withoutSign(zero: number): number {
  return zero + 0;
}

/** Removes NUL and replaces lone surrogates, which some databases and terminals do not accept. */
function clean(text: string): string {
  return isClean(text) ? text : text.replaceAll('\0', '').toWellFormed();
}

/** Cuts text to at most `longest` UTF-16 units, and never within a character. */
function cutTo(longest: number, text: string): string {
  if (text.length <= longest) return text;
  const head = text.slice(0, longest);
  return head.isWellFormed() ? head : head.slice(0, -1);
}

/** Reads text for people, and cuts it when it is too long. Undefined when it is not text, which counts as not sent. */
export function readText(value: unknown, longest: number): string | undefined {
  return typeof value === 'string' ? cutTo(longest, clean(value)) : undefined;
}

/** Reads text that must not be cut, such as a number or an address: when it is too long, it counts as not sent. */
export function readExact(value: unknown, longest: number): string | undefined {
  return typeof value === 'string' && value.length <= longest ? clean(value) : undefined;
}

/** Reads text as {@link readExact} does, also when it was sent as a number: a mobile has no sign and no fraction. */
export function readNumeric(value: unknown, longest: number): string | undefined {
  return readExact(typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? String(value) : value, longest);
}

/** Reads a userid: 1 to 64 printable ASCII characters, slightly more than P90195 allows. */
export function readUserid(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\x21-\x7e]{1,64}$/.test(value) ? value : undefined;
}

/** Reads a small number that WeCom sends as text, such as `gender`; also when it was sent as a number. */
export function readDigits(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && /^\d{1,2}$/.test(text) ? text : undefined;
}

/** Reads a list; undefined when it is not a list, or when one item is not usable. */
export function readList<T>(value: unknown, readItem: (item: unknown) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items: T[] = [];
  for (const item of value) {
    const read = readItem(item);
    if (read === undefined) return undefined;
    items.push(read);
  }
  return items;
}

/** Returns the usable items of a list; empty when it is not a list. */
export function readUsable<T>(value: unknown, readItem: (item: unknown) => T | undefined): readonly T[] {
  return Array.isArray(value) ? value.flatMap((item) => readItem(item) ?? []) : [];
}

/** Reads any JSON and cleans its texts; numbers that JSON cannot express (`1e999`) become null. Undefined when it is nested too deeply. A value that is clean already is not copied. */
export function readJson(value: unknown): Json | undefined {
  return isCleanJson(value, 0) ? value : cleanJson(value, 0);
}

function isClean(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

function isCleanJson(value: unknown, depth: number): value is Json {
  if (typeof value === 'string') return isClean(value);
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== 'object' || value === null) return value !== undefined;
  if (depth >= DEEPEST) return false;
  if (Array.isArray(value)) return value.every((item) => isCleanJson(item, depth + 1));
  if (!isRaw(value)) return false;
  for (const key in value) {
    if (!isClean(key) || !isCleanJson(value[key], depth + 1)) return false;
  }
  return true;
}

function cleanJson(value: unknown, depth: number): Json | undefined {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? withoutSign(value) : null;
  if (typeof value === 'string') return clean(value);
  if (depth >= DEEPEST) return undefined;
  if (Array.isArray(value)) return readList(value, (item) => cleanJson(item, depth + 1));
  if (!isRaw(value)) return undefined;
  const entries: [string, Json][] = [];
  for (const [key, item] of Object.entries(value)) {
    const read = cleanJson(item, depth + 1);
    if (read === undefined) return undefined;
    entries.push([clean(key), read]);
  }
  return Object.fromEntries(entries);
}
