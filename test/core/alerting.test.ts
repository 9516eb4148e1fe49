import { describe, expect, test } from 'vitest';
import { observeFailure, observeIdle, observeRun, judgeAlerts, untold } from '../../src/core/alerts/alerting.ts';
import type { Alert, Observations } from '../../src/core/alerts/alerting.ts';
import type { AlertRecord } from '../../src/core/ports/alerts.ts';
import { Interrupted, OrgsyncError } from '../../src/errors.ts';
import { barredCorp, corpRecord, corpResult, endedRun, heldBackCorp } from '../support/ended-run.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.UTC(2026, 2, 1, 6);
const RULES = { staleAfterMs: 6 * HOUR, remindAfterMs: 12 * HOUR };

/** Runs one after the other with one book between them: what each of them tells, such as `began corp:ww1 failed`. */
function tellers() {
  let book: readonly AlertRecord[] = [];
  const tell = (observed: Observations, now: number, host = 'host-1'): readonly Alert[] => {
    const steps = judgeAlerts(observed, book, { ...RULES, now, host });
    const changed = new Map(steps.map(({ next }) => [`${next.subject} ${next.kind}`, next]));
    book = [...new Map([...book.map((record) => [`${record.subject} ${record.kind}`, record] as const), ...changed]).values()];
    return steps.map(({ alert }) => alert);
  };
  return (observed: Observations, now: number, host?: string): readonly string[] =>
    tell(observed, now, host).map(({ change, subject, kind }) => `${change} ${subject} ${kind}`);
}

const found = (run: ReturnType<typeof endedRun>, now: number, records = [corpRecord('ww1', new Date(START))]): Observations => observeRun(run, records, { ...RULES, now });
const failing = (now: number): Observations => found(endedRun([barredCorp('ww1')], now), now);
const well = (now: number): Observations => found(endedRun([corpResult('ww1')], now), now);

describe('alerts', () => {
  test('tell of a failure once, again after remind_after, and when it is over', () => {
    const tell = tellers();
    const told = Array.from({ length: 14 * 6 }, (_, run) => START + run * 10 * MINUTE).flatMap((now) => tell(failing(now), now).map((line) => `${(now - START) / HOUR} h: ${line}`));
    expect(told).toEqual(['0 h: began corp:ww1 failed', '12 h: reminder corp:ww1 failed']);
    expect(tell(well(START + 14 * HOUR), START + 14 * HOUR)).toEqual(['recovered corp:ww1 failed']);
    expect(tell(well(START + 15 * HOUR), START + 15 * HOUR)).toEqual([]);
    expect(tell(failing(START + 16 * HOUR), START + 16 * HOUR)).toEqual(['began corp:ww1 failed']);
  });

  test('say nothing of a corp that was well and is', () => {
    expect(tellers()(well(START), START)).toEqual([]);
  });

  test('tell of a corp that is held back, and of its failure when that comes on top', () => {
    const tell = tellers();
    expect(tell(found(endedRun([heldBackCorp('ww1', ['A (a)'])], START), START), START)).toEqual(['began corp:ww1 held_back']);
    expect(tell(failing(START + 1), START + 1)).toEqual(['began corp:ww1 failed']);
    expect(tell(found(endedRun([heldBackCorp('ww1', ['A (a)'])], START + 2), START + 2), START + 2)).toEqual([]);
    expect(tell(well(START + 3), START + 3)).toEqual(['recovered corp:ww1 held_back', 'recovered corp:ww1 failed']);
  });

  test('name whom a held-back run would have dismissed', () => {
    const { incidents } = found(endedRun([heldBackCorp('ww1', ['A (a)', 'B (b)'])], START), START);
    expect(incidents.map(({ departing }) => departing)).toEqual([['A (a)', 'B (b)']]);
  });

  test('do not hold an interruption against a corp, until its last success is too old', () => {
    const interrupted = (now: number): Observations => found(endedRun([corpResult('ww1', { outcome: 'interrupted', error: new OrgsyncError('temporary', { code: 'lease_lost', message: 'lost', hint: 'wait' }) })], now), now);
    const tell = tellers();
    expect(tell(interrupted(START + 6 * HOUR), START + 6 * HOUR)).toEqual([]);
    expect(tell(interrupted(START + 6 * HOUR + 1), START + 6 * HOUR + 1)).toEqual(['began corp:ww1 stale']);
  });

  test('leave a corp alone that another process holds, and one whose first load is under way', () => {
    const skipped = endedRun([corpResult('ww1', { outcome: 'skipped' })], START);
    expect(found(skipped, START).incidents).toEqual([]);
    expect(found(skipped, START, [corpRecord('ww1', null)]).incidents).toEqual([]);
    expect(found(skipped, START + 6 * HOUR, [corpRecord('ww1', null, new Date(START))]).incidents).toEqual([]);
  });

  test('tell of a corp that was tried for too long and never succeeded', () => {
    const skipped = endedRun([corpResult('ww1', { outcome: 'skipped' })], START);
    const { incidents } = found(skipped, START + 6 * HOUR + 1, [corpRecord('ww1', null, new Date(START))]);
    expect(incidents).toMatchObject([{ subject: 'corp:ww1', kind: 'stale', lastSuccessAt: null }]);
  });

  test('say once an hour for the whole fleet that nobody gets anything done', () => {
    const stale = observeFailure(new OrgsyncError('temporary', { code: 'stale_behind_lease', message: 'no success since yesterday', hint: 'orgsync status' }));
    const tell = tellers();
    const everyMinute = Array.from({ length: 121 }, (_, minute) => START + minute * MINUTE);
    const told = everyMinute.flatMap((now) => ['host-1', 'host-2', 'host-3'].flatMap((host) => tell(stale, now, host).map((line) => `${(now - START) / MINUTE} min: ${line}`)));
    expect(told).toEqual(['0 min: began fleet stale', '60 min: reminder fleet stale', '120 min: reminder fleet stale']);
    expect(tell(well(START + 3 * HOUR), START + 3 * HOUR, 'host-9')).toEqual(['recovered fleet stale']);
  });

  test('of a fleet in which no run begins come once in remind_after, and are over with the first success', () => {
    const idle = (now: number): Observations => observeIdle('the gate is shut', { lastBeganAt: new Date(START), lastSuccessAt: new Date(START) }, { ...RULES, now });
    const tell = tellers();
    const everyHour = Array.from({ length: 20 }, (_, hour) => START + hour * HOUR + 1);
    const told = everyHour.flatMap((now) => ['host-1', 'host-2'].flatMap((host) => tell(idle(now), now, host).map((line) => `${Math.floor((now - START) / HOUR)} h: ${line}`)));
    expect(told).toEqual(['6 h: began fleet stale', '18 h: reminder fleet stale']);
    expect(tell(well(START + 20 * HOUR), START + 20 * HOUR)).toEqual(['recovered fleet stale']);
  });

  test('of a host that does nothing tell whether runs begin elsewhere, or only do not succeed', () => {
    const now = START + 6 * HOUR + 1;
    const found = (began: number | null, succeeded: number | null): unknown => {
      const [lastBeganAt = null, lastSuccessAt = null] = [began, succeeded].map((at) => (at === null ? null : new Date(at)));
      return observeIdle('the gate is shut', { lastBeganAt, lastSuccessAt }, { ...RULES, now }).incidents.map(({ code }) => code);
    };
    expect([found(START, null), found(START, START), found(now, START)]).toEqual([['no_run_began'], ['no_run_began'], ['no_run_succeeded']]);
    expect([found(now, now), found(START + 1, START + 1), found(now, null), found(null, null)]).toEqual([[], [], [], []]);
  });

  test('of a host that cannot run are over only when that host can', () => {
    const down = observeFailure(new OrgsyncError('unavailable', { code: 'redis_unreachable', message: 'no Redis', hint: 'start it' }));
    const stoodBack = observeRun(endedRun([], START, { outcome: 'skipped', reason: 'lock' }), [], { ...RULES, now: START });
    const tell = tellers();
    expect(tell(down, START, 'host-1')).toEqual(['began run failed']);
    expect(tell(down, START + 1, 'host-2')).toEqual([]);
    expect(tell(stoodBack, START + 2, 'host-2')).toEqual([]);
    expect(tell(stoodBack, START + 3, 'host-1')).toEqual(['recovered run failed']);
  });

  test('of a host that was never heard of again do not make new trouble look old', () => {
    const down = observeFailure(new OrgsyncError('unavailable', { code: 'redis_unreachable', message: 'no Redis', hint: 'start it' }));
    const tell = tellers();
    tell(down, START, 'gone-1');
    expect(tell(down, START + 30 * 24 * HOUR, 'host-2')).toEqual(['began run failed']);
  });

  test('say nothing of a run that was told to stop, and nothing where there is no place to run', () => {
    expect(observeFailure(new Interrupted('SIGTERM'))).toEqual({ incidents: [], healthy: [] });
    expect(found(endedRun([], START, { outcome: 'skipped', reason: 'gate' }), START)).toEqual({ incidents: [], healthy: [] });
  });

  test('that reached nobody are told by the next run', () => {
    const now = START;
    const [step] = judgeAlerts(failing(now), [], { ...RULES, now, host: 'host-1' });
    if (step === undefined) throw new Error('nothing to tell');
    const [again] = judgeAlerts(failing(now + 1), [untold(step)], { ...RULES, now: now + 1, host: 'host-1' });
    expect(again?.alert).toMatchObject({ change: 'reminder', since: new Date(START) });
  });
});
