import { NOTHING_UNREADABLE } from '../../src/core/model.ts';
import { NO_CHANGES, exitCode, runOutcome } from '../../src/core/outcome.ts';
import type { CorpResult, EndedRun } from '../../src/core/outcome.ts';
import type { CorpRecord } from '../../src/core/ports/records.ts';
import { OrgsyncError, WecomError } from '../../src/errors.ts';

/** How a corp's part of a run ended, for tests: `ok` unless told otherwise. */
export function corpResult(id: string, facts: Partial<CorpResult> = {}): CorpResult {
  return {
    corp: { id, name: `Corp ${id}` },
    outcome: 'ok',
    departments: 4,
    members: 40,
    counts: NO_CHANGES,
    requests: 9,
    seconds: 1.5,
    error: null,
    unreadable: NOTHING_UNREADABLE,
    departing: [],
    changes: null, departmentNames: new Map(),
    ...facts,
  };
}

/** A corp that WeCom does not let in from this address. */
export function barredCorp(id: string): CorpResult {
  const hint = 'add 203.0.113.7 to the trusted addresses';
  return corpResult(id, { outcome: 'failed', members: 0, error: new WecomError('refused', { code: 'address_refused', message: 'WeCom refused user/list: 60020 not allowed', hint, errcode: 60020, request: 'user/list' }) });
}

/** A corp that a safety limit has left alone. */
export function heldBackCorp(id: string, departing: readonly string[]): CorpResult {
  const error = new OrgsyncError('held_back', { code: 'safety_limit', message: `held back: ${departing.length} of 100 members would depart, at most 10 may`, hint: 'look at it with orgsync plan' });
  return corpResult(id, { outcome: 'held_back', error, departing });
}

/** A whole run, of its corps. */
export function endedRun(corps: readonly CorpResult[], at: number, facts: Partial<EndedRun> = {}): EndedRun {
  return { outcome: runOutcome(corps), reason: null, why: null, exitCode: exitCode(corps), startedAt: new Date(at - 5_000), finishedAt: new Date(at), corps, ...facts };
}

/** What the store knows of a corp; of one that never succeeded, since when it is tried. */
export function corpRecord(id: string, lastSuccessAt: Date | null, triedSince: Date | null = null): CorpRecord {
  return { corp: { id, name: `Corp ${id}` }, fence: 1, lastSuccessAt, triedSince, lastRunId: 1, writerVersion: '1.0.0', memberCount: 40, departmentCount: 4 };
}
