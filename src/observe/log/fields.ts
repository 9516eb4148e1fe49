import type { Logform } from 'winston';
import { snakeCase } from '../../core/json.ts';

type Facts = Readonly<Record<string, unknown>>;

/**
 * The fields of an event with the names of the Elastic Common Schema. Fields that ECS does not know are below `orgsync`, so
 * that no index gets one field with two types.
 */
export function ecsFields({ event, facts, ...info }: Logform.TransformableInfo, { host, pid, traceId }: { readonly host: string; readonly pid: number; readonly traceId: string }): Logform.TransformableInfo {
  const { corp, error, code, seconds, outcome, ...rest } = asFacts(facts);
  return {
    ...info,
    'event.action': event,
    'host.hostname': host,
    'process.pid': pid,
    'trace.id': traceId,
    ...(corp === undefined ? {} : { 'organization.id': corp }),
    ...(typeof seconds === 'number' ? { 'event.duration': Math.round(seconds * 1e9) } : {}),
    ...(outcome === undefined ? {} : { 'event.outcome': ecsOutcome(outcome) }),
    ...errorFields(error, code),
    ...(Object.keys(rest).length + (outcome === undefined ? 0 : 1) === 0 ? {} : { orgsync: { ...rest, ...(outcome === undefined ? {} : { outcome }) } }),
  };
}

/** The fields of an event for plain JSON, where an Error would become an empty object. */
export function plainFacts(facts: unknown): Facts {
  const entries = Object.entries(asFacts(facts));
  return Object.fromEntries(entries.map(([key, value]) => [key, value instanceof Error ? { type: value.name, message: value.message, stack: value.stack } : value]));
}

/** Characters that would break a line or move the cursor of a terminal. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g;

/** An event as a line for people: `2026-03-01T10:00:00.000Z info corp_ok Head office: ok corp=ww12 members=812`. */
export function describeFacts({ timestamp, level, event, message, facts }: Logform.TransformableInfo): string {
  const pairs = Object.entries(asFacts(facts)).map(([key, value]) => `${key}=${asText(value)}`);
  return [timestamp, level, event, message, ...pairs].map(String).join(' ').replaceAll(UNSAFE, ' ');
}

/** Names in the form of columns and JSON: `departments_changed`. */
function asFacts(facts: unknown): Facts {
  if (facts === null || typeof facts !== 'object') return {};
  return Object.fromEntries(Object.entries(facts).map(([name, fact]) => [snakeCase(name), fact]));
}

function asText(value: unknown): string {
  if (value instanceof Error) return value.message;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** ECS has three outcomes; our own is in `orgsync.outcome`. */
function ecsOutcome(outcome: unknown): string {
  if (outcome === 'ok') return 'success';
  return outcome === 'skipped' || outcome === 'interrupted' ? 'unknown' : 'failure';
}

/** The formatter converts `err` to `error.*`. */
function errorFields(error: unknown, code: unknown): Readonly<Record<string, unknown>> {
  if (error instanceof Error) return { err: error };
  const known = code ?? error;
  return known === undefined ? {} : { 'error.code': asText(known) };
}
