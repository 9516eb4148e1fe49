import { expect, test } from 'vitest';
import { WecomError } from '../../src/errors.ts';
import { Ban } from '../../src/wecom/request/ban.ts';
import { createTestClock } from '../support/clock.ts';
import { never } from './support.ts';

const refused = (): WecomError => new WecomError('temporary', { code: 'frequency_limit', message: 'm', hint: 'h', errcode: 45009, request: 'user/list' });

test('a frequency limit makes everyone wait once, then closes', async () => {
  const clock = createTestClock();
  const ban = new Ban({ waitMs: 1_000, clock });
  expect(ban.isOver).toBe(true);
  await clock.advance(10);
  expect(ban.refused(5, refused())).toBe(true);
  expect(ban.isOver).toBe(false);
  const ends: number[] = [];
  const waits = [1, 2].map(() => ban.over(never()).then(() => ends.push(clock.monotonic())));
  expect(ban.refused(9, refused())).toBe(true); // was on its way when the first refusal came
  await clock.advance(1_200);
  await Promise.all(waits);
  expect(ends[0]).toBe(ends[1]);
  expect(ends[0]).toBeGreaterThanOrEqual(1_010);
  expect(ends[0]).toBeLessThanOrEqual(1_111);
  expect(ban.isOver).toBe(true);
  expect(ban.refused(clock.monotonic(), refused())).toBe(false);
  expect(ban.isOver).toBe(false);
  await expect(ban.over(never())).rejects.toThrow(WecomError);
});

test('who waits for a ban that closes meanwhile hears why', async () => {
  const clock = createTestClock();
  const ban = new Ban({ waitMs: 1_000, clock });
  const closing = refused();
  ban.refused(0, refused());
  const waiting = ban.over(never());
  await clock.advance(500);
  ban.refused(clock.monotonic(), closing);
  const outcome = expect(waiting).rejects.toBe(closing);
  await clock.advance(700);
  await outcome;
});

test('who waits stops with the reason of the abort', async () => {
  const clock = createTestClock();
  const ban = new Ban({ waitMs: 1_000, clock });
  ban.refused(0, refused());
  const stop = new AbortController();
  const waiting = ban.over(stop.signal);
  stop.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});
