import { countOf } from '../../core/count.ts';
import type { Json } from '../../core/model.ts';
import type { RunRecord } from '../../core/ports/records.ts';
import { ending, formatAge, HEALTH_EXIT_CODES, sparkline } from '../../core/status.ts';
import type { CorpStatus, Health } from '../../core/status.ts';
import type { OrgsyncError } from '../../errors.ts';
import type { Status } from '../../sync/status.ts';
import { replicaDocument, replicaText } from '../../terminal/replica.ts';
import { errorDocument } from '../../terminal/text.ts';
import { plain } from '../../terminal/terminal.ts';
import type { Terminal } from '../../terminal/terminal.ts';

/** Creates the document of `status --json`. Times are ISO 8601 in UTC, ages and durations are seconds. */
export function statusDocument(status: Status): Json {
  return {
    status: status.health,
    exit_code: HEALTH_EXIT_CODES[status.health],
    at: status.at.toISOString(),
    max_age_seconds: status.maxAgeMs / 1000,
    corps: status.corps.map(corpDocument),
    leases: status.holders?.map(({ name, host, pid, since, expiresAt }) => ({
      name,
      host,
      pid,
      since: since.toISOString(),
      expires_at: expiresAt?.toISOString() ?? null,
    })) ?? null,
    leases_error: status.leasesError === null ? null : errorDocument(status.leasesError),
    ...replicaDocument(status.replica),
    idle_seconds: status.idleMs === null ? null : Math.round(status.idleMs / 1000),
    idle_here: status.idleHere,
  };
}

/** Creates the document of `status --json` when the status could not be read. */
export function unknownDocument(error: OrgsyncError): Json {
  return { status: 'unknown', exit_code: HEALTH_EXIT_CODES.unknown, error: errorDocument(error) };
}

function corpDocument({ corp, configured, health, why, record, ageMs, running, lastRun, lastFailure, runs }: CorpStatus): Json {
  return {
    id: corp.id,
    name: corp.name,
    configured,
    status: health,
    why,
    last_success_at: record?.lastSuccessAt?.toISOString() ?? null,
    age_seconds: ageMs === null ? null : Math.round(ageMs / 1000),
    members: record?.memberCount ?? null,
    departments: record?.departmentCount ?? null,
    running_since: running?.startedAt.toISOString() ?? null,
    last_run: lastRun === null ? null : runDocument(lastRun),
    last_failure: lastFailure === null ? null : runDocument(lastFailure),
    runs: runs.map(runDocument),
  };
}

function runDocument({ id, startedAt, finishedAt, outcome, requests, counts, host, version, error }: RunRecord): { readonly [key: string]: Json } {
  return {
    id,
    started_at: startedAt.toISOString(),
    finished_at: finishedAt?.toISOString() ?? null,
    outcome,
    seconds: finishedAt === null ? null : (finishedAt.getTime() - startedAt.getTime()) / 1000,
    requests,
    joined: counts.joined,
    departed: counts.departed,
    changed: counts.changed,
    departments_changed: counts.departmentsChanged,
    host,
    version,
    error,
  };
}

/** Formats the status for people: one line per corp, then the holders of the leases, then earlier failures. */
export function statusText(status: Status, terminal: Pick<Terminal, 'paint' | 'table' | 'hang'>): string {
  const rows = status.corps.map((corp) => [
    corp.corp.name,
    corp.ageMs === null ? 'never' : `${formatAge(corp.ageMs)} ago`,
    String(corp.record?.memberCount ?? '-'),
    String(corp.record?.departmentCount ?? '-'),
    sparkline(corp.runs.filter((run) => run !== corp.running)).map(({ mark }) => mark).join(''),
    corp.running === null ? '' : `since ${formatAge(status.at.getTime() - corp.running.startedAt.getTime())}`,
    stateText(corp, terminal.paint),
  ]);
  const table = terminal.table(['Corp', 'Last success', 'Members', 'Departments', 'Last runs', 'Running', 'State'], rows);
  const notes = [heldLines(status), failureLines(status), idleLines(status), [`${paintHealth(status.health, terminal.paint)}: ${plain(summary(status))}`]].map((lines) => lines.map((line) => terminal.hang('', line)).join('\n'));
  return [table, ...notes].filter((block) => block !== '').join('\n\n');
}

function stateText({ health, why, configured }: CorpStatus, paint: Terminal['paint']): string {
  if (!configured) return paint.dim(why ?? '');
  return why === null ? paintHealth(health, paint) : `${paintHealth(health, paint)}: ${firstLine(why)}`;
}

function paintHealth(health: Health, paint: Terminal['paint']): string {
  return { ok: paint.green, warning: paint.yellow, critical: paint.red, unknown: paint.yellow }[health](health);
}

function heldLines({ holders, leasesError, at }: Status): readonly string[] {
  if (holders === null) return [plain(`who holds which lease is not known: ${leasesError?.message ?? ''}`), plain(`  fix: ${leasesError?.hint ?? ''}`)];
  return holders.map(({ name, host, pid, since }) => {
    const age = formatAge(Math.max(0, at.getTime() - since.getTime()));
    return `lease ${plain(name)} held by ${plain(host)} (pid ${pid}) for ${age}, since ${since.toISOString()}`;
  });
}

/** Formats that runs begin nowhere, and why they do not here. A host on which runs do nothing is no problem while others work. */
function idleLines({ idleMs, idleHere, maxAgeMs, corps }: Status): readonly string[] {
  const here = idleHere === null ? [] : [`a run started from here does nothing: ${plain(idleHere)}`];
  if (idleMs !== null) return [`no run has begun for ${formatAge(idleMs)} on any host: is it started anywhere, and what does orgsync run -v say there?`, ...here];
  return corps.every(({ configured, ageMs }) => !configured || ageMs === null || ageMs > maxAgeMs) ? here : [];
}

/** Formats the last failures that the table does not show. */
function failureLines({ corps, at }: Status): readonly string[] {
  return corps.flatMap(({ corp, lastFailure, lastRun }) => {
    if (lastFailure === null || lastFailure === lastRun) return [];
    const age = formatAge(Math.max(0, at.getTime() - lastFailure.startedAt.getTime()));
    return [`${plain(corp.name)}: the last failure was ${age} ago: ${plain(firstLine(ending(lastFailure)))}`];
  });
}


/** The most corps named in the line for monitoring: the guidelines require one short line, and pagers cut it. */
const NAMED_TROUBLES = 3;
/** Nagios keeps 8 KB of a plugin's output: with more corps than this, only totals are printed. */
const CORPS_WITH_PERFDATA = 50;

/** Formats the line for monitoring systems, with performance data (Monitoring Plugins Development Guidelines). */
export function nagiosLine(status: Status): string {
  return `${nagiosText(status.health, summary(status))} | ${perfdata(status).join(' ')}`;
}

/** Formats the part before the performance data. `|` would end it, so it is replaced. */
export function nagiosText(health: Health, text: string): string {
  return plain(`ORGSYNC ${health.toUpperCase()} - ${text}`).replaceAll('|', '/');
}

function summary({ corps, health, leasesError, replica, maxAgeMs, idleMs }: Status): string {
  const judged = corps.filter(({ configured }) => configured);
  const troubled = judged.filter((corp) => corp.health !== 'ok');
  const oldest = Math.max(...judged.map(({ ageMs }) => ageMs ?? 0));
  const troubles = troubled.slice(0, NAMED_TROUBLES).map(({ corp, why }) => `${corp.name}: ${firstLine(why ?? '')}`);
  if (troubled.length > NAMED_TROUBLES) troubles.push(`${troubled.length - NAMED_TROUBLES} more`);
  if (idleMs !== null) troubles.unshift(`no run has begun for ${formatAge(idleMs)}`);
  if (leasesError !== null) troubles.push(`leases unknown: ${leasesError.message}`);
  const ofReplica = replicaText(replica);
  if (ofReplica !== null) troubles.push(ofReplica);
  if (judged.length === 0) return 'no corp is configured';
  if (health === 'ok') return `${countOf(judged.length, 'corp')} fresh, oldest success ${formatAge(oldest)} ago (${formatAge(maxAgeMs)} allowed)`;
  const healthy = troubled.length === 0 ? `${countOf(judged.length, 'corp')} fresh` : `${troubled.length} of ${countOf(judged.length, 'corp')} not well`;
  return `${healthy}; ${troubles.join('; ')}`;
}

function perfdata({ corps, maxAgeMs }: Status): readonly string[] {
  const judged = corps.filter(({ configured }) => configured);
  const ages = judged.flatMap(({ ageMs }) => (ageMs === null ? [] : [ageMs]));
  const limit = `;;${maxAgeMs / 1000};0`;
  const seconds = (ms: number): string => `${Math.round(ms / 1000)}s${limit}`;
  const members = judged.map(({ record }) => record?.memberCount ?? 0).reduce((sum, one) => sum + one, 0);
  const all = [
    `corps=${judged.length};;;0`,
    `not_well=${judged.filter((corp) => corp.health !== 'ok').length};;;0;${judged.length}`,
    ...(ages.length === 0 ? [] : [`oldest_age=${seconds(Math.max(...ages))}`]),
    `members=${members};;;0`,
  ];
  if (judged.length > CORPS_WITH_PERFDATA) return all;
  const each = judged.flatMap(({ corp, ageMs, record }) => [
    ...(ageMs === null ? [] : [`${corp.id}_age=${seconds(ageMs)}`]),
    ...(record === undefined ? [] : [`${corp.id}_members=${record.memberCount};;;0`]),
  ]);
  return [...all, ...each];
}

function firstLine(text: string): string {
  return text.split(/\r?\n/u, 1)[0] ?? '';
}
