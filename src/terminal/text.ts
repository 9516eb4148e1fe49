import { WecomError, type OrgsyncError } from '../errors.ts';

/** Moves the cursor, rings the bell, turns the direction of text round, or breaks a line where none should break. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** What our own colours look like: the only escapes that a table lets through. */
export const OWN_COLOUR = /(\u001b\[(?:0|1|2|22|31|32|33|36|39)m)/;

/** Makes text from outside safe for a terminal: control and bidi characters become visible (`<U+001B>`), line breaks and tabs spaces. */
export function plain(text: string): string {
  return text.replace(UNSAFE, (character) => (/[\t\n\r\u2028\u2029]/.test(character) ? ' ' : `<U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}>`));
}

/** {@link plain}, but for the colours that {@link Paint} has put around it. */
export function plainButPainted(text: string): string {
  return text
    .split(OWN_COLOUR)
    .map((part, index) => (index % 2 === 1 ? part : plain(part)))
    .join('');
}

/** Several lines of ours, each made safe. */
export function plainLines(text: string): string {
  return text.split('\n').map(plain).join('\n');
}

/** An error as programs get it: the error object of `--json`. */
export function errorDocument(error: OrgsyncError) {
  const facts = error instanceof WecomError ? { errcode: error.errcode, request: error.request } : { errcode: null, request: null };
  return { code: error.code, message: error.message, hint: error.hint ?? null, ...facts };
}

/** An error as people get it: what failed and where, why, and what to do. `about` names the corp. */
export function errorText(error: OrgsyncError, { about, verbose }: { readonly about?: string; readonly verbose: number }): string {
  const lines = [`orgsync: ${about === undefined ? '' : `${plain(about)}: `}${error.message}`, ...reasons(error)];
  if (error.hint !== undefined) lines.push(`  fix: ${error.hint}`);
  if (verbose > 0) lines.push(...stacks(error));
  return lines.join('\n');
}

function reasons(error: OrgsyncError): readonly string[] {
  const said = error instanceof WecomError ? [`  why: WeCom answered ${error.request} with errcode ${error.errcode}`] : [];
  const cause = error.cause instanceof Error ? (error.cause.message.split('\n')[0] ?? '') : '';
  return cause === '' || error.message.includes(cause) || said.length > 0 ? said : [`  why: ${cause}`];
}

function stacks(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  return [...(error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)), ...stacks(error.cause)];
}

/** `2026-03-01 09:05`, where the reader is. Not by Intl, whose first use takes longer than a query of the store. */
export function localTime(at: Date): string {
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
