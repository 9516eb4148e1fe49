import { expect, test } from 'vitest';
import type { Limiter } from '../../src/core/ports/slots.ts';
import { Gate } from '../../src/wecom/request/pacer.ts';
import { Lane } from '../../src/wecom/request/open-requests.ts';
import { createTestClock } from '../support/clock.ts';
import type { TestClock } from '../support/clock.ts';
import { never } from './support.ts';

const GENEROUS: Limiter = { take: () => Promise.resolve() };

function laneAt(clock: TestClock, { concurrency = 8, limiter = GENEROUS } = {}): Lane {
  return new Lane({ corpId: 'ww1', rate: 10, concurrency, limiter, total: new Gate({ perSecond: 300, even: false, clock }), clock });
}

test('after a refusal half as many may be open, after thirty answers one more, never more than configured', () => {
  const clock = createTestClock();
  const lane = laneAt(clock);
  clock.jump(10);
  expect(lane.lower(5)).toBe(true);
  expect(lane.lower(5)).toBe(false); // was open at the same time as the first
  expect(lane.openAtMost).toBe(4);
  clock.jump(10);
  lane.lower(15);
  clock.jump(10);
  lane.lower(25);
  clock.jump(10);
  lane.lower(35);
  expect(lane.openAtMost).toBe(1);
  for (let answers = 0; answers < 30; answers += 1) lane.answered();
  expect(lane.openAtMost).toBe(2);
  for (let answers = 0; answers < 1_000; answers += 1) lane.answered();
  expect(lane.openAtMost).toBe(8);
});

test('the shared budget is asked last, once for each request', async () => {
  const clock = createTestClock();
  const asked: number[] = [];
  const limiter: Limiter = {
    take: (scopes) => {
      expect(scopes).toEqual([{ name: 'corp:ww1', perSecond: 10 }]);
      asked.push(clock.monotonic());
      return Promise.resolve();
    },
  };
  const lane = laneAt(clock, { limiter });
  const passes = [lane.pass([], never()), lane.pass([], never()), lane.pass([], never())];
  await clock.advance(1_000);
  const left = (await Promise.all(passes)).map(({ at }) => at);
  expect(left).toEqual([0, 110, 220]);
  expect(asked).toEqual(left);
});

test('a request that waits for its turn stops waiting when it is aborted, and the next one takes the turn', async () => {
  const clock = createTestClock();
  const lane = laneAt(clock);
  await lane.pass([], never());
  const controller = new AbortController();
  const reason = new Error('enough');
  const first = lane.pass([], controller.signal);
  const second = lane.pass([], never());
  controller.abort(reason);
  await expect(first).rejects.toBe(reason);
  await clock.advance(200);
  await expect(second).resolves.toMatchObject({ at: 110 });
});

test('an aborted wait for a slot leaves the slots to others', async () => {
  const lane = laneAt(createTestClock(), { concurrency: 1 });
  const free = await lane.slot(never());
  const controller = new AbortController();
  const waiting = lane.slot(controller.signal);
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  const next = lane.slot(never());
  free();
  (await next)();
});
