import type { ChangeCounts, Json } from '../../core/model.ts';
import type { CorpResult } from '../../core/outcome.ts';
import { exitCodeOf, Interrupted } from '../../errors.ts';
import type { OrgsyncError } from '../../errors.ts';
import type { RunReport } from '../../sync/run.ts';
import { errorDocument } from '../../terminal/text.ts';

/** Creates the document of `run --json`. */
export function runDocument(report: RunReport): Json {
  return {
    outcome: report.outcome,
    reason: report.reason,
    ...(report.why === null ? {} : { why: report.why }),
    exit_code: report.exitCode,
    started_at: report.startedAt.toISOString(),
    finished_at: report.finishedAt.toISOString(),
    corps: report.corps.map(corpDocument),
    ...(report.stale === null ? {} : { error: errorDocument(report.stale) }),
  };
}

/** Creates the same document for a run that could not try any corp. */
export function failedRunDocument(error: OrgsyncError, { startedAt, finishedAt }: { readonly startedAt: Date; readonly finishedAt: Date }): Json {
  return {
    outcome: error instanceof Interrupted ? 'interrupted' : 'failed',
    reason: null,
    exit_code: exitCodeOf(error),
    started_at: startedAt.toISOString(),
    finished_at: finishedAt.toISOString(),
    corps: [],
    error: errorDocument(error),
  };
}

function corpDocument({ corp, outcome, departments, members, counts, wouldChange, requests, seconds, error, unreadable, departing }: CorpResult): Json {
  return {
    id: corp.id,
    name: corp.name,
    outcome,
    departments,
    members,
    ...countsDocument(counts),
    requests,
    seconds,
    error: error === null ? null : errorDocument(error),
    ...(wouldChange === undefined ? {} : { would_change: countsDocument(wouldChange) }),
    ...(unreadable.members.length + unreadable.departments.length === 0 ? {} : { unreadable: { members: unreadable.members, departments: unreadable.departments } }),
    ...(departing.length === 0 ? {} : { departing }),
  };
}

function countsDocument({ joined, departed, changed, departmentsChanged }: ChangeCounts): { readonly [key: string]: Json } {
  return { joined, departed, changed, departments_changed: departmentsChanged };
}
