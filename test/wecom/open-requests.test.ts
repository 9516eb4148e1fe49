import { expect, test } from 'vitest';
import { OpenRequests } from '../../src/wecom/request/open-requests.ts';
import { never } from './support.ts';

test('after a refusal half as many may be open, after thirty answers one more, never more than configured', () => {
  const open = new OpenRequests(8);
  expect(open.lower(5, 10)).toBe(true);
  expect(open.lower(5, 11)).toBe(false); // was open at the same time as the first
  expect(open.limit).toBe(4);
  open.lower(15, 20);
  open.lower(25, 30);
  open.lower(35, 40);
  expect(open.limit).toBe(1);
  for (let answers = 0; answers < 30; answers += 1) open.answered();
  expect(open.limit).toBe(2);
  for (let answers = 0; answers < 1_000; answers += 1) open.answered();
  expect(open.limit).toBe(8);
});

test('after a refusal no place is given before fewer than the new limit are open', async () => {
  const open = new OpenRequests(2);
  const free = [await open.enter(never()), await open.enter(never())];
  open.lower(5, 10);
  let given = false;
  const next = open.enter(never()).then((freeNext) => {
    given = true;
    return freeNext;
  });
  free[0]?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(given).toBe(false);
  free[1]?.();
  (await next)();
});

test('an aborted wait for a place leaves the places to others', async () => {
  const open = new OpenRequests(1);
  const free = await open.enter(never());
  const controller = new AbortController();
  const waiting = open.enter(controller.signal);
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
  const next = open.enter(never());
  free();
  (await next)();
});
