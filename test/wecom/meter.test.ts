import { expect, test } from 'vitest';
import type { Meter, RequestEnd } from '../../src/core/ports/meter.ts';
import { NO_METER } from '../../src/core/meter.ts';
import { withSandbox } from '../support/sandbox.ts';
import { firstCorp, never, openForSandbox } from './support.ts';

const SMALL = { corps: 1, members: 40, departments: 6 } as const;

function counting() {
  const ends: (readonly [string, RequestEnd])[] = [];
  const totals = { repeated: 0, renewed: 0, waited: 0, seconds: 0 };
  const meter: Meter = {
    ...NO_METER,
    requested: (_corp, { request, end, seconds }) => {
      ends.push([request, end]);
      totals.seconds += seconds;
    },
    repeated: () => (totals.repeated += 1),
    waited: (_corp, seconds) => (totals.waited += seconds),
    tokenRenewed: () => (totals.renewed += 1),
  };
  const of = (end: RequestEnd): readonly string[] => ends.filter(([, one]) => one === end).map(([request]) => request);
  return { meter, ends, totals, of };
}

test('the meter hears of each request once, as WeCom counts them', () =>
  withSandbox(SMALL, async (sandbox) => {
    const { meter, ends, totals, of } = counting();
    sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: [1, 3], effect: { kind: 'errcode', errcode: -1 } });
    sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 5, effect: { kind: 'reset' } });
    sandbox.faults.add({ match: { endpoint: 'department/list' }, nth: 1, effect: { kind: 'status', status: 500 } });
    const { directory } = openForSandbox(sandbox, {}, { meter });
    await directory.read(firstCorp(sandbox), { signal: never() });
    const byEndpoint = Object.fromEntries(['gettoken', 'department/list', 'user/list'].map((name) => [name, ends.filter(([request]) => request === name).length]));
    expect(byEndpoint).toEqual(sandbox.stats.total.byEndpoint);
    expect(ends).toHaveLength(directory.requestsSent(firstCorp(sandbox)));
    expect([of(-1), of('connection'), of('http')]).toEqual([['user/list', 'user/list'], ['user/list'], ['department/list']]);
    expect(totals).toMatchObject({ repeated: 4, renewed: 1 });
    expect(totals.seconds).toBeGreaterThan(0);
    await directory.close();
  }));

test('the meter tells silence from a broken connection, and what nobody wanted any more from both', () =>
  withSandbox(SMALL, async (sandbox) => {
    const { meter, of } = counting();
    const hanging = sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 1, effect: { kind: 'hang' } });
    const { directory } = openForSandbox(sandbox, { timeoutMs: 1_000 }, { meter });
    await directory.read(firstCorp(sandbox), { signal: never() });
    expect([hanging.fired, of('timeout'), of('abandoned')]).toEqual([1, ['user/list'], []]);
    const stop = new AbortController();
    sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: { kind: 'hang' } });
    const { directory: patient } = openForSandbox(sandbox, { timeoutMs: 60_000 }, { meter });
    const reading = patient.read(firstCorp(sandbox), { signal: stop.signal });
    await expect.poll(() => patient.requestsSent(firstCorp(sandbox))).toBe(2);
    stop.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    expect(of('abandoned')).toEqual(['department/list']);
    await Promise.all([directory.close(), patient.close()]);
  }));

test('the meter hears how long requests stood in line for their rate', () =>
  withSandbox(SMALL, async (sandbox) => {
    const { meter, totals } = counting();
    const { directory } = openForSandbox(sandbox, { rate: 20, concurrency: 1 }, { meter });
    await directory.read(firstCorp(sandbox), { signal: never() });
    // Eight requests, seven of them a twentieth of a second after another.
    expect(totals.waited).toBeGreaterThan(0.3);
    await directory.close();
  }));
