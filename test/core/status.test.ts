import { describe, expect, test } from 'vitest';
import type { Holder } from '../../src/core/ports/leases.ts';
import type { CorpRecord, RunRecord } from '../../src/core/ports/records.ts';
import { ending, formatAge, idleFor, judgeCorp, sparkline, worstHealth } from '../../src/core/status.ts';
import type { CorpFacts, LeaseView } from '../../src/core/status.ts';

const NOW = Date.UTC(2026, 0, 2);
const HOUR = 3_600_000;
const corp = { id: 'ww1', name: 'Head office' };
const NOBODY: LeaseView = { known: true, holders: [] };
const SOMEBODY: LeaseView = { known: true, holders: [{ name: 'corp:ww1' } as Holder] };
const UNKNOWN: LeaseView = { known: false, why: 'redis is down' };

function run(hoursAgo: number, outcome: RunRecord['outcome'] = 'ok', more: Partial<RunRecord> = {}): RunRecord {
  const startedAt = new Date(NOW - hoursAgo * HOUR);
  return {
    id: 1000 - hoursAgo,
    corpId: 'ww1',
    startedAt,
    finishedAt: new Date(startedAt.getTime() + 60_000),
    outcome,
    requests: 1,
    counts: { joined: 0, departed: 0, changed: 0, departmentsChanged: 0 },
    host: 'web1',
    version: '1.0.0',
    error: null,
    ...more,
  };
}

function facts(lastSuccessHoursAgo: number | null, runs: readonly RunRecord[], more: Partial<CorpFacts> = {}): CorpFacts {
  const lastSuccessAt = lastSuccessHoursAgo === null ? null : new Date(NOW - lastSuccessHoursAgo * HOUR);
  return { corp, configured: true, record: { corp, lastSuccessAt, memberCount: 3 } as CorpRecord, runs, ...more };
}

describe('a corp is', () => {
  test.each<readonly [string, string | null, CorpFacts, LeaseView]>([
    ['ok', null, facts(1, [run(1)]), NOBODY],
    ['ok', null, facts(6, [run(6)]), NOBODY],
    ['critical', 'no success for 7h', facts(7, [run(7)]), NOBODY],
    ['critical', 'no success for 7h; failed: no route', facts(7, [run(1, 'failed', { error: 'no route' }), run(7)]), NOBODY],
    ['critical', 'failed: no route', facts(2, [run(1, 'failed', { error: 'no route' }), run(2)]), NOBODY],
    ['warning', 'held back: too many', facts(2, [run(1, 'held_back', { error: 'held back: too many' }), run(2)]), NOBODY],
    ['warning', 'interrupted: stopped by SIGTERM', facts(2, [run(1, 'interrupted', { error: 'stopped by SIGTERM' }), run(2)]), NOBODY],
    ['warning', 'ended without a word (killed?)', facts(2, [run(1, 'interrupted', { finishedAt: null }), run(2)]), NOBODY],
    ['ok', null, facts(2, [run(1, 'interrupted', { finishedAt: null }), run(2)]), SOMEBODY],
    ['ok', null, facts(2, [run(1, 'interrupted', { finishedAt: null }), run(2)]), UNKNOWN],
    ['critical', 'never succeeded: failed', facts(null, [run(1, 'failed')]), NOBODY],
    ['unknown', 'the first run is under way', facts(null, [run(1, 'interrupted', { finishedAt: null })]), SOMEBODY],
    ['unknown', 'never run', facts(null, [], { record: undefined }), NOBODY],
    ['ok', 'no longer configured', facts(700, [run(700, 'failed')], { configured: false }), NOBODY],
  ])('%s (%s)', (health, why, known, leases) => {
    expect(judgeCorp(known, { now: NOW, maxAgeMs: 6 * HOUR, leases })).toMatchObject({ health, why });
  });

  test('shown with its latest failure, however many successes came after', () => {
    const failure = run(5, 'failed', { error: 'no route' });
    expect(judgeCorp(facts(1, [run(1), run(3), failure, run(9, 'failed')]), { now: NOW, maxAgeMs: HOUR, leases: NOBODY }).lastFailure).toBe(failure);
  });
});

describe('no run begins', () => {
  const idle = (leases: LeaseView, ...known: readonly CorpFacts[]): number | null => {
    const yardstick = { now: NOW, maxAgeMs: 6 * HOUR, leases };
    return idleFor(known.map((one) => judgeCorp(one, yardstick)), yardstick);
  };
  const unended = run(9, 'interrupted', { finishedAt: null });

  test('when the newest start of all corps is too long ago', () => expect(idle(NOBODY, facts(9, [run(9)]), facts(8, [run(8)]))).toBe(8 * HOUR));
  test('is not so when the run of one corp began, however it ended', () => expect(idle(NOBODY, facts(9, [run(9)]), facts(9, [run(2, 'failed'), run(9)]))).toBeNull());
  test('is not so while a run is under way', () => expect(idle(SOMEBODY, facts(10, [unended, run(10)]))).toBeNull());
  test('is so when that run was killed', () => expect(idle(NOBODY, facts(10, [unended, run(10)]))).toBe(9 * HOUR));
  test('is not known where none ever began', () => expect(idle(NOBODY, facts(null, [], { record: undefined }))).toBeNull());
});

test('the gravest state speaks for all, and of nothing nothing is known', () => {
  expect(worstHealth(['ok', 'unknown', 'warning', 'critical'])).toBe('critical');
  expect(worstHealth(['ok', 'unknown', 'warning'])).toBe('warning');
  expect(worstHealth(['ok', 'unknown'])).toBe('unknown');
  expect(worstHealth(['ok', 'ok'])).toBe('ok');
  expect(worstHealth([])).toBe('unknown');
});

test('an end that repeats its outcome is not doubled', () => {
  expect(ending(run(1, 'held_back', { error: 'held back: 12 members would depart' }))).toBe('held back: 12 members would depart');
});

test('the trend runs from the oldest to the newest, high where runs took long, marked where they did not end well', () => {
  const lasting = (minutes: number): Partial<RunRecord> => ({ finishedAt: new Date(NOW + minutes * 60_000), startedAt: new Date(NOW) });
  const runs = [run(1, 'ok', lasting(8)), run(2, 'failed'), run(3, 'held_back'), run(4, 'interrupted'), run(5, 'interrupted', { finishedAt: null }), run(6, 'ok', lasting(1)), run(7, 'ok', lasting(0))];
  expect(sparkline(runs).map(({ mark }) => mark).join('')).toBe('▁▁?~!✗█');
});

test.each([
  [0, '0s'],
  [999, '0s'],
  [59_000, '59s'],
  [3 * 60_000 + 5_000, '3m'],
  [7 * HOUR + 12 * 60_000, '7h 12m'],
  [7 * HOUR, '7h'],
  [76 * HOUR + 60_000, '3d 4h'],
])('%i ms are %s', (ms, text) => {
  expect(formatAge(ms)).toBe(text);
});
