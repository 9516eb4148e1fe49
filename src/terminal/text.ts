import { WecomError, type OrgsyncError } from '../errors.ts';

/** Characters that move the cursor, ring the bell, change the direction of text, or break a line. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Our own colours: the only escape sequences that a table keeps. */
export const OWN_COLOUR = /(\u001b\[(?:0|1|2|22|31|32|33|36|39)m)/;

/** Makes text from outside safe for a terminal: control and bidi characters become visible (`<U+001B>`), line breaks and tabs become spaces. */
export function plain(text: string): string {
  return text.replace(UNSAFE, (character) => (/[\t\n\r\u2028\u2029]/.test(character) ? ' ' : `<U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}>`));
}

/** As {@link plain}, but keeps the colours that {@link Paint} has added. */
export function plainButPainted(text: string): string {
  return text
    .split(OWN_COLOUR)
    .map((part, index) => (index % 2 === 1 ? part : plain(part)))
    .join('');
}

/** As {@link plain}, line by line. */
export function plainLines(text: string): string {
  return text.split('\n').map(plain).join('\n');
}

/** Formats an error for programs: the error object of `--json`. */
export function errorDocument(error: OrgsyncError) {
  const facts = error instanceof WecomError ? { errcode: error.errcode, request: error.request } : { errcode: null, request: null };
  return { code: error.code, message: error.message, hint: error.hint ?? null, ...facts };
}

/**
 * Formats an error for people: what failed and where, why, and what to do. `about` names the corp. With `verbose`, the causes
 * follow, one line each; where the code failed only for a defect, or with `verbose` above 1: an expected error says all by its words.
 */
export function errorText(error: OrgsyncError, { about, verbose }: { readonly about?: string; readonly verbose: number }): string {
  const lines = [`orgsync: ${about === undefined ? '' : `${plain(about)}: `}${error.message}`, ...reasons(error)];
  if (error.hint !== undefined) lines.push(`  fix: ${error.hint}`);
  if (verbose > 0) lines.push(...causesBelow(error, lines.join('\n')));
  if (verbose > 1 || (verbose > 0 && error.kind === 'defect')) lines.push(...stacks(error));
  return lines.join('\n');
}

function reasons(error: OrgsyncError): readonly string[] {
  const said = error instanceof WecomError ? [`  why: WeCom answered ${error.request} with errcode ${error.errcode}`] : [];
  const cause = error.cause instanceof Error ? firstLine(error.cause.message) : '';
  return cause === '' || error.message.includes(cause) || said.length > 0 ? said : [`  why: ${cause}`];
}

/** The causes of an error that `said` does not hold yet, the nearest first. */
function causesBelow({ cause }: Error, said: string): readonly string[] {
  if (!(cause instanceof Error)) return [];
  // A connection that was tried at several addresses fails with one error for each, and an empty message.
  const parts: readonly unknown[] = cause instanceof AggregateError ? cause.errors : [];
  const messages = [cause, ...parts].flatMap((one) => (one instanceof Error && one.message !== '' ? [firstLine(one.message)] : []));
  const lines = [...new Set(messages)].filter((message) => !said.includes(message)).map((message) => `  caused by: ${message}`);
  return [...lines, ...causesBelow(cause, [said, ...lines].join('\n'))];
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}

function stacks(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  return [...(error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)), ...stacks(error.cause)];
}

/** Formats local time: `2026-03-01 09:05`. Intl is not used, because its first call takes longer than a query of the store. */
export function localTime(at: Date): string {
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
