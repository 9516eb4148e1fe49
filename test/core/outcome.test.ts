import { describe, expect, test } from 'vitest';
import { NOTHING_UNREADABLE } from '../../src/core/model.ts';
import { NO_CHANGES, exitCode, runOutcome } from '../../src/core/outcome.ts';
import type { CorpResult } from '../../src/core/outcome.ts';
import { OrgsyncError } from '../../src/errors.ts';
import type { ErrorKind } from '../../src/errors.ts';

const result = (outcome: CorpResult['outcome'], kind?: ErrorKind): CorpResult => ({
  corp: { id: 'ww1', name: 'Head office' },
  outcome,
  departments: 0,
  members: 0,
  counts: NO_CHANGES,
  requests: 0,
  seconds: 0,
  error: kind === undefined ? null : new OrgsyncError(kind, { code: 'defect', message: kind, hint: 'none' }),
  unreadable: NOTHING_UNREADABLE,
  departing: [],
  changes: null,
  departmentNames: new Map(),
});

const ok = result('ok');
const skipped = result('skipped');
const held = result('held_back', 'held_back');
const failed = (kind: ErrorKind): CorpResult => result('failed', kind);

describe('a run', () => {
  test.each([
    ['ok', 0, [ok, ok]],
    ['ok', 0, [ok, skipped]],
    ['ok', 0, []],
    ['skipped', 0, [skipped, skipped]],
    ['partial', 1, [ok, failed('failed')]],
    ['partial', 1, [ok, failed('refused')]],
    ['partial', 1, [ok, failed('unavailable')]],
    ['failed', 1, [failed('refused'), failed('unavailable')]],
    ['failed', 77, [failed('refused'), failed('refused')]],
    ['failed', 77, [failed('refused'), skipped]],
    ['failed', 69, [failed('unavailable')]],
    ['partial', 75, [ok, failed('temporary'), failed('failed')]],
    ['interrupted', 75, [ok, result('interrupted', 'temporary')]],
    ['held_back', 3, [ok, held]],
    ['held_back', 3, [held]],
    ['partial', 1, [held, failed('failed')]],
    ['partial', 78, [ok, failed('temporary'), failed('config')]],
    ['partial', 70, [ok, failed('defect')]],
  ] as const)('is %s with exit code %i', (outcome, code, results) => {
    expect([runOutcome(results), exitCode(results)]).toEqual([outcome, code]);
  });
});
