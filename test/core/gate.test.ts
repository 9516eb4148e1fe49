import { describe, expect, test } from 'vitest';
import { acceptsEnvironment, describeFound, environmentOf, idleHere, shutBy } from '../../src/core/gate.ts';

const GATE = { SCHEDULE_ENV: ['production'], IMSERVER_WORKER_ID: ['worker1', 'worker2'] };

describe('the gate', () => {
  test('is open where every variable holds', () => {
    expect(shutBy(GATE, { SCHEDULE_ENV: 'production', IMSERVER_WORKER_ID: 'worker2' })).toEqual([]);
    expect(shutBy({}, {})).toEqual([]);
  });

  test('is shut by a variable with another value, or none', () => {
    expect(shutBy(GATE, { SCHEDULE_ENV: 'test' })).toEqual([
      { name: 'SCHEDULE_ENV', accepted: ['production'], found: 'test' },
      { name: 'IMSERVER_WORKER_ID', accepted: ['worker1', 'worker2'], found: undefined },
    ]);
  });
});

describe('why a run does nothing', () => {
  const why = (env: Readonly<Record<string, string>>, readOnly = false): unknown => idleHere({ gate: GATE, env, readOnly });

  test('names every variable that is not as it should be', () => {
    expect(why({ IMSERVER_WORKER_ID: 'worker9' })).toEqual({
      reason: 'gate',
      why: 'the gate is shut: SCHEDULE_ENV is not set, a run wants production; IMSERVER_WORKER_ID is worker9, a run wants worker1 or worker2',
    });
  });

  test('says that an empty value is accepted', () => {
    expect(idleHere({ gate: { FOO: ['', 'a'] }, env: { FOO: 'b' }, readOnly: false })?.why).toBe('the gate is shut: FOO is b, a run wants an empty value or a');
  });

  test('is the gate before the store, and nothing where both are open', () => {
    const open = { SCHEDULE_ENV: 'production', IMSERVER_WORKER_ID: 'worker1' };
    expect([why({}, true), why(open, true)]).toMatchObject([{ reason: 'gate' }, { reason: 'read_only' }]);
    expect(why(open)).toBeNull();
  });

  test.each([
    [undefined, 'is not set'],
    ['', 'is empty'],
    ['staging', 'is staging'],
    ['production ', 'is "production "'],
    ['"production"', 'is "\\"production\\""'],
  ])('shows what is easily overlooked: %j', (found, words) => expect(describeFound(found)).toBe(words));
});

describe('a store last written elsewhere', () => {
  const written = environmentOf(GATE, { SCHEDULE_ENV: 'production', IMSERVER_WORKER_ID: 'worker1' }) ?? '';

  test('remembers the values in order of name', () => expect(written).toBe('IMSERVER_WORKER_ID=worker1,SCHEDULE_ENV=production'));
  test('may be written where the same values are accepted', () => expect(acceptsEnvironment(GATE, written)).toBe(true));
  test('may be written by anyone when it was written without a gate', () => expect(acceptsEnvironment(GATE, '')).toBe(true));
  test('may not be written from pre-production', () => expect(acceptsEnvironment({ ...GATE, SCHEDULE_ENV: ['preproduction'] }, written)).toBe(false));
  test('takes no variable for one that every object has', () => expect(acceptsEnvironment(GATE, 'constructor=a')).toBe(false));
  test('remembers nobody who passed a shut gate', () => expect(environmentOf(GATE, { SCHEDULE_ENV: 'production' })).toBeNull());
  test.each(['eu,us', 'a=b', '100%', '%2C', ''])('tells values apart, whatever is in them: %j', (value) => {
    const gate = { REGION: [value], SCHEDULE_ENV: ['production'] };
    const environment = environmentOf(gate, { REGION: value, SCHEDULE_ENV: 'production' }) ?? '';
    expect(acceptsEnvironment(gate, environment)).toBe(true);
    expect(acceptsEnvironment({ ...gate, REGION: [`${value}x`] }, environment)).toBe(false);
  });
  test('may not be written without a gate', () => expect(acceptsEnvironment({}, written)).toBe(false));
});
