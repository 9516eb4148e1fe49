import { z } from 'zod';
import { decodePercent } from '../core/percent.ts';
import { DURATION_FORM, DURATION_PATTERN, parseDuration } from '../core/duration.ts';
import type { Limit } from '../core/safety.ts';
import { impossibleInSecret, looksLikeCorpId, looksLikeSecret, Secret, trimSecret } from '../core/secret.ts';
import { isSentinelUrl, parseSentinelUrl, SENTINEL_FORM } from '../core/sentinel-url.ts';
import { type Concealed, SecretUrl } from './secret-url.ts';

/**
 * The kinds of values in a configuration. `error` is never a sentence but names what is accepted: a problem is printed as
 * `found 60; expected a duration such as …`. The reference prints the same words, from `accepts`.
 */

/** Milliseconds; written as a duration in the file. */
export type Milliseconds = number;

/** A share from 0 to 1; written as a percentage in the file. */
export type Share = number;

/** The folder of the configuration file: relative paths start there. */
export interface Folder {
  resolve(path: string): string;
  /** The text of a secret's file, or what is wrong with the file. */
  readSecret(path: string): { readonly text: string } | { readonly problem: string };
}

/** A mapping that accepts only known keys. */
export function mapping<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodReadonly<z.ZodObject<Shape, z.core.$strict>> {
  return z.strictObject(shape, { error: 'a mapping (key: value)' }).readonly();
}

/** A list of `item`. */
export function list<Item extends z.ZodType>(item: Item, { min = 0, of }: { min?: number; of: string }) {
  const error = min > 0 ? `a list of ${of}, at least ${min}` : `a list of ${of}`;
  return z.array(item, { error }).min(min, { error }).readonly();
}

const SOMETHING = /\S/;

/** Text that is not empty and that matches `pattern`. */
export function text(expected: string, pattern = SOMETHING) {
  return z.string({ error: expected }).regex(pattern, { error: expected }).meta({ accepts: expected, unquoted: pattern === SOMETHING });
}

/** True or false, as YAML writes them. */
export function flag() {
  const words = new Map<unknown, boolean>([
    ['true', true],
    ['false', false],
  ]);
  const meant = (value: unknown): unknown => words.get(String(value).toLowerCase()) ?? value;
  return z.preprocess(meant, z.boolean({ error: 'true or false' })).meta({ accepts: 'true or false' });
}

/** A number as YAML writes it, but not in hexadecimal or octal form. */
const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** A number within bounds; both bounds are included. */
export function number({ min, max, whole = true, error = `a ${whole ? 'whole ' : ''}number from ${min} to ${max}` }: { min: number; max: number; whole?: boolean; error?: string }) {
  const plain = whole ? z.int({ error }) : z.number({ error });
  const digits = (value: unknown): unknown => (typeof value === 'string' && NUMBER.test(value) ? Number(value) : value);
  return z.preprocess(digits, plain.min(min, { error }).max(max, { error })).meta({ accepts: error });
}

/** A word, or a number as {@link number} reads it. */
export function wordOrNumber<const Word extends string>(word: Word, bounds: { min: number; max: number }) {
  const error = `${word}, or a whole number from ${bounds.min} to ${bounds.max}`;
  return z.union([z.literal(word, { error }), number({ ...bounds, error })], { error }).meta({ accepts: error });
}

/** One of several words. */
export function choice<const Words extends readonly [string, ...string[]]>(...words: Words) {
  const error = words.length === 2 ? words.join(' or ') : `one of ${words.join(', ')}`;
  return z.enum(words, { error }).meta({ accepts: error });
}

/** A duration; parsed to milliseconds. */
export function duration({ min, max }: { min: string; max: string }) {
  const [least, most] = [parseDuration(min) ?? 0, parseDuration(max) ?? Infinity];
  const error = `${DURATION_FORM}, from ${min} to ${max}`;
  return z
    .string({ error })
    .regex(DURATION_PATTERN, { error })
    .transform((written, context): Milliseconds => {
      const milliseconds = parseDuration(written) ?? NaN;
      if (!(milliseconds >= least && milliseconds <= most)) context.addIssue({ code: 'custom', message: error, input: written });
      return milliseconds;
    })
    .meta({ accepts: `a duration from ${min} to ${max}` });
}

const PERCENTAGE = /^\d+(\.\d+)?\s*%$/;

/** A percentage; parsed to a share. */
export function percentage({ max }: { max: number }) {
  const error = `a percentage from 0% to ${max}%`;
  return z
    .string({ error })
    .regex(PERCENTAGE, { error })
    .refine((written) => Number.parseFloat(written) <= max, { error })
    .transform((written): Share => Number.parseFloat(written) / 100)
    .meta({ accepts: error });
}

/** A percentage, or a number of members or departments. */
export function limit() {
  const error = 'a percentage such as 10%, or a whole number';
  const share = z
    .string({ error })
    .regex(/^\d+(\.\d+)?\s*%?$/, { error })
    .refine((written) => !written.endsWith('%') || Number.parseFloat(written) <= 100, { error: 'a percentage up to 100%' })
    .refine((written) => written.endsWith('%') || !written.includes('.'), { error })
    .transform((written): Limit => (written.endsWith('%') ? { share: Number.parseFloat(written) / 100 } : { count: Number(written) }));
  const count = z
    .int({ error })
    .min(0, { error })
    .transform((written): Limit => ({ count: written }));
  return z.union([share, count], { error }).meta({ accepts: error });
}

/**
 * A secret: the text itself, or the file that holds it (for mounted secrets), without what a file adds around it.
 * One that WeCom made holds printable ASCII only; one that people chose may hold anything.
 */
export function secret(folder: Folder, { madeBy }: { readonly madeBy: 'wecom' | 'people' }) {
  const expected = 'text, or { file: PATH }';
  const unlikely = (trimmed: string): string | undefined => {
    if (trimmed === '') return 'holds nothing but blanks';
    const found = madeBy === 'people' ? undefined : impossibleInSecret(trimmed);
    if (found !== undefined) return `holds ${found}, which no secret of WeCom does; it is not shown here`;
    return madeBy === 'wecom' && looksLikeCorpId(trimmed) ? 'looks like the id of a corp; it is not shown here. Are id and secret exchanged?' : undefined;
  };
  const checked = (read: string, context: z.core.$RefinementCtx, path: readonly string[]): Secret => {
    const trimmed = trimSecret(read);
    const problem = unlikely(trimmed);
    if (problem === undefined) return new Secret(trimmed);
    context.addIssue({ code: 'custom', path: [...path], message: problem, params: { problem: true } });
    return z.NEVER;
  };
  const file = z.strictObject({ file: writtenPath() }, { error: expected }).transform(({ file }, context) => {
    const read = folder.readSecret(file);
    if ('text' in read) return checked(read.text, context, ['file']);
    context.addIssue({ code: 'custom', path: ['file'], message: read.problem, params: { problem: true } });
    return z.NEVER;
  });
  const literal = text(`${expected}, not empty`).transform((written, context) => checked(written, context, []));
  return z.union([literal, file], { error: expected }).meta({ accepts: expected });
}

/** `whsec_` and base64 of 24 to 64 bytes, as https://www.standardwebhooks.com has it. */
const SIGNING_SECRET = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/;

/** A {@link secret} that signs webhooks. */
export function signingSecret(folder: Folder) {
  const message = 'is no signing secret; expected whsec_ and 24 to 64 bytes in base64: echo "whsec_$(openssl rand -base64 32)"';
  const isOne = (written: Secret): boolean => {
    const bytes = Buffer.from(SIGNING_SECRET.exec(written.reveal())?.[1] ?? '', 'base64').length;
    return bytes >= 24 && bytes <= 64;
  };
  return secret(folder, { madeBy: 'people' }).refine(isOne, { error: message, params: { problem: true } }).meta({ accepts: 'whsec_ and base64 of 24 to 64 bytes, or { file: PATH }' });
}

/** Text that is shown to everybody: never a secret that was put in its place. */
export function shownText(expected: string, pattern = SOMETHING) {
  return text(expected, pattern).refine((written) => !looksLikeSecret(written), { error: `${expected}, and no secret; are id, name and secret exchanged?` });
}

/** The path of a file, as it is written. */
export function writtenPath(expected = 'the path of a file') {
  return text(expected).refine((written) => !beginsAtHome(written), { error: `${expected}, from / or from the folder of the configuration: only shells replace ~` });
}

/** Whether a path begins with `~`, which would be the name of a folder here. */
export function beginsAtHome(written: string): boolean {
  return /^~(?:\/|$)/.test(written);
}

/** The path of a file; parsed to an absolute path. */
export function path(folder: Folder) {
  return writtenPath().transform((written) => folder.resolve(written));
}

/** An address with one of `protocols`; parsed to a {@link SecretUrl}. */
export function url(protocols: readonly string[], example: string, concealed: Concealed = 'password') {
  const error = `an address such as ${example}`;
  return z
    .string({ error })
    .refine((written) => protocols.includes(protocolOf(written)), { error, abort: true })
    .refine(isDecodable, { error: `${error}, in whose user and password every % stands for a character; write a % itself as %25` })
    .transform((written) => new SecretUrl(written.trim(), concealed))
    .meta({ accepts: error });
}

/** The address of a Redis, or of the Sentinels that know it; parsed to a {@link SecretUrl}. */
export function redisUrl() {
  const example = 'redis://cache:6379/0';
  const one = url(['redis:', 'rediss:'], example);
  const expected = `an address such as ${example}, or ${SENTINEL_FORM}`;
  return z
    .string({ error: expected })
    .transform((written, context): SecretUrl => {
      if (isSentinelUrl(written)) {
        const parsed = parseSentinelUrl(written);
        if (!('problem' in parsed)) return new SecretUrl(written.trim());
        context.addIssue({ code: 'custom', message: parsed.problem, params: { problem: true } });
        return z.NEVER;
      }
      const result = one.safeParse(written, { jitless: true });
      if (result.success) return result.data;
      for (const { message } of result.error.issues) context.addIssue({ code: 'custom', message: message.endsWith(example) ? expected : message });
      return z.NEVER;
    })
    .meta({ accepts: expected });
}

/** Empty when the text is not an address or has no host. */
function protocolOf(written: string): string {
  if (!URL.canParse(written)) return '';
  const { protocol, hostname } = new URL(written);
  return hostname === '' ? '' : protocol;
}

function isDecodable(written: string): boolean {
  const { username, password } = new URL(written);
  return decodePercent(`${username}:${password}`) !== undefined;
}
