import { Interrupted, WecomError } from '../../errors.ts';
import type { ErrorCode, OrgsyncError } from '../../errors.ts';
import { type Activity, ageOf, isStale } from '../freshness.ts';
import type { Corp } from '../model.ts';
import type { CorpResult, EndedRun } from '../outcome.ts';
import type { AlertKey, AlertRecord } from '../ports/alerts.ts';
import type { CorpRecord } from '../ports/records.ts';

/** A problem that people should know about. */
interface Incident extends AlertKey {
  /** null when it is not about one corp. */
  readonly corp: Corp | null;
  /** The reason for programs: the code of an error, or one that only alerts have. */
  readonly code: ErrorCode | 'corp_held_elsewhere' | 'no_run_began' | 'no_run_succeeded' | 'recovered';
  readonly message: string;
  readonly hint: string | null;
  /** WeCom's errcode, and the endpoint that returned it; null when the error does not come from WeCom. */
  readonly errcode: number | null;
  readonly request: string | null;
  /** Whom a held-back run would have dismissed, at most twenty. */
  readonly departing: readonly string[];
  readonly lastSuccessAt: Date | null;
}

/** What a run found: the problems, and the subjects without a problem. */
export interface Observations {
  readonly incidents: readonly Incident[];
  readonly healthy: readonly { readonly subject: string; readonly corp: Corp | null }[];
}

/** One alert: a problem began, continues (`reminder`), or ended (`recovered`). */
export interface Alert extends Incident {
  /** Names the step for receivers: the same however often it is tried, another once it has been told. */
  readonly id: string;
  readonly change: 'began' | 'reminder' | 'recovered';
  readonly since: Date;
}

/** A change to the alert book. The process that succeeds in writing it sends `alert`. */
export interface Step {
  readonly previous: AlertRecord | null;
  readonly next: AlertRecord;
  readonly alert: Alert;
}

/** What the decision needs in addition to the observations. `now` is in milliseconds since 1970. */
export interface AlertRules {
  readonly now: number;
  readonly host: string;
  readonly remindAfterMs: number;
}

/** The reminder that no process makes progress comes earlier than others, because nothing else reports it. */
const STALE_AGAIN_MS = 3_600_000;

const NOTHING: Observations = { incidents: [], healthy: [] };

/**
 * What a finished run found about its corps. An interrupted or skipped corp is no problem, unless its last success (in
 * `records`, read after the run) is older than `staleAfterMs`, or it was tried for that long and never succeeded. A run
 * that found the lease taken only shows that this host is able to run.
 */
export function observeRun(run: EndedRun, records: readonly CorpRecord[], { now, staleAfterMs }: { readonly now: number; readonly staleAfterMs: number }): Observations {
  if (run.reason === 'gate' || run.reason === 'read_only') return NOTHING;
  const known = new Map(records.map((record) => [record.corp.id, record]));
  const isOld = ({ corp }: CorpResult): boolean => isStale(ageOf(known.get(corp.id), now), staleAfterMs);
  const well = run.corps.filter(({ outcome, error }) => outcome === 'ok' && error === null);
  return {
    incidents: run.corps.flatMap((result) => incidentsOf(result, { isOld: isOld(result), lastSuccessAt: known.get(result.corp.id)?.lastSuccessAt ?? null })),
    healthy: [
      { subject: 'run', corp: null },
      ...(well.length > 0 ? [{ subject: 'fleet', corp: null }] : []),
      ...well.map(({ corp }) => ({ subject: subjectOf(corp), corp })),
    ],
  };
}

/** What a run found that could not begin, or that found a dead lease holder. A run that was stopped found nothing. */
export function observeFailure(error: OrgsyncError): Observations {
  if (error instanceof Interrupted) return NOTHING;
  const facts = { corp: null, ...factsOf(error), departing: [], lastSuccessAt: null };
  if (error.code === 'stale_behind_lease') return { incidents: [{ subject: 'fleet', kind: 'stale', ...facts }], healthy: [{ subject: 'run', corp: null }] };
  return { incidents: [{ subject: 'run', kind: 'failed', ...facts }], healthy: [] };
}

/**
 * What a run found that does nothing on this host (`why`), when it looked for the others: no run has begun anywhere for
 * `staleAfterMs`, or none has succeeded. A store in which no run ever began is not in use, and no problem.
 */
export function observeIdle(why: string, { lastBeganAt, lastSuccessAt }: Activity, { now, staleAfterMs }: { readonly now: number; readonly staleAfterMs: number }): Observations {
  const oldest = now - staleAfterMs;
  const about = { subject: 'fleet', kind: 'stale', corp: null, errcode: null, request: null, departing: [], lastSuccessAt } as const;
  if (lastBeganAt !== null && lastBeganAt.getTime() < oldest) {
    const hint = 'orgsync run -v says on each host why a run does nothing there; set the variables of gate: where runs are started';
    return { incidents: [{ ...about, code: 'no_run_began', message: `no run has begun since ${lastBeganAt.toISOString()}; on this host, ${why}`, hint }], healthy: [] };
  }
  if (lastSuccessAt === null || lastSuccessAt.getTime() >= oldest) return NOTHING;
  const hint = 'see what becomes of the runs of other hosts: orgsync status';
  return { incidents: [{ ...about, code: 'no_run_succeeded', message: `no run has succeeded since ${lastSuccessAt.toISOString()}; on this host, ${why}`, hint }], healthy: [] };
}

/**
 * Decides which alerts to send and what to record. A problem is reported when it begins, again after `remindAfterMs`, and
 * when it ends. A problem of a process on its host (`run`) ends only when the same host has a successful run.
 */
export function judgeAlerts({ incidents, healthy }: Observations, records: readonly AlertRecord[], rules: AlertRules): readonly Step[] {
  const known = new Map(records.map((record) => [keyOf(record), record]));
  const told = incidents.flatMap((incident) => stepsOf(incident, known.get(keyOf(incident)) ?? null, rules));
  const corps = new Map(healthy.map(({ subject, corp }) => [subject, corp]));
  const over = records.filter((record) => corps.has(record.subject) && isOurs(record, rules) && record.closedAt === null);
  return [...told, ...over.map((record) => recover(record, corps.get(record.subject) ?? null, rules))];
}

/**
 * The record with which the next run sends an alert again that could not be sent now.
 * @returns `previous` itself, or `next` as if it had never been sent
 */
export function untold({ previous, next }: Step): AlertRecord {
  return previous ?? { ...next, sentAt: new Date(0) };
}

function subjectOf(corp: Corp): string {
  return `corp:${corp.id}`;
}

function keyOf({ subject, kind }: AlertKey): string {
  return `${subject} ${kind}`;
}

function factsOf(error: OrgsyncError): Pick<Incident, 'code' | 'message' | 'hint' | 'errcode' | 'request'> {
  const wecom = error instanceof WecomError ? { errcode: error.errcode, request: error.request } : { errcode: null, request: null };
  return { code: error.code, message: error.message, hint: error.hint ?? null, ...wecom };
}

function incidentsOf({ corp, outcome, error, departing }: CorpResult, { isOld, lastSuccessAt }: { readonly isOld: boolean; readonly lastSuccessAt: Date | null }): readonly Incident[] {
  if (outcome === 'ok' && error === null) return [];
  const about = { subject: subjectOf(corp), corp, departing, lastSuccessAt };
  if (outcome === 'ok' && error !== null) return [{ ...about, kind: 'failed', ...factsOf(error) }];
  if ((outcome === 'failed' || outcome === 'held_back') && error !== null) return [{ ...about, kind: outcome, ...factsOf(error) }];
  if (!isOld) return [];
  const facts = error === null ? HELD_ELSEWHERE : factsOf(error);
  return [{ ...about, kind: 'stale', ...facts }];
}

const HELD_ELSEWHERE = {
  code: 'corp_held_elsewhere',
  message: 'other processes have held this corp without getting it done',
  hint: 'see what they do: orgsync status',
  errcode: null,
  request: null,
} as const;

function stepsOf(incident: Incident, previous: AlertRecord | null, { now, host, remindAfterMs }: AlertRules): readonly Step[] {
  const { subject, kind, code, message } = incident;
  const at = new Date(now);
  const next = { subject, kind, since: at, sentAt: at, closedAt: null, host, message };
  if (previous === null || previous.closedAt !== null || isForgotten(previous, { now, host, remindAfterMs })) {
    return [{ previous, next, alert: { ...incident, id: stepId(previous, next), change: 'began', since: at } }];
  }
  // A host that does nothing by intention has no better reason to hurry than any other.
  const isFromIdle = code === 'no_run_began' || code === 'no_run_succeeded';
  const againMs = kind === 'stale' && !isFromIdle ? STALE_AGAIN_MS : remindAfterMs;
  if (now - previous.sentAt.getTime() < againMs) return [];
  const { since } = previous;
  return [{ previous, next: { ...next, since }, alert: { ...incident, id: stepId(previous, next), change: 'reminder', since } }];
}

function isOurs({ subject, host }: AlertRecord, rules: AlertRules): boolean {
  return subject !== 'run' || host === rules.host;
}

/** Whether the problem of another host was not seen again, perhaps because the host is gone. Then this host's problem is new. */
function isForgotten(record: AlertRecord, rules: AlertRules): boolean {
  return !isOurs(record, rules) && rules.now - record.sentAt.getTime() > 2 * rules.remindAfterMs;
}

function recover(previous: AlertRecord, corp: Corp | null, { now }: AlertRules): Step {
  const { subject, kind, since, message } = previous;
  const next = { ...previous, closedAt: new Date(now) };
  const alert: Alert = { id: stepId(previous, next), change: 'recovered', subject, kind, corp, since, message, code: 'recovered', hint: null, errcode: null, request: null, departing: [], lastSuccessAt: new Date(now) };
  return { previous, next, alert };
}

/** Made of the record that stays as it was until the step has been told; {@link untold} leaves a new one never sent. */
function stepId(previous: AlertRecord | null, { subject, kind, host, since, closedAt }: AlertRecord): string {
  const times = [previous?.since ?? since, previous?.sentAt ?? new Date(0), previous?.closedAt ?? new Date(0)];
  return [subject, kind, subject === 'run' ? host : '', closedAt === null ? '' : 'over', ...times.map((time) => time.getTime())].join(' ');
}
