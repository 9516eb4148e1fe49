import { expect, test } from 'vitest';
import { observeRun, observeFailure, judgeAlerts } from '../../src/core/alerts/alerting.ts';
import { paragraphs, plainText, span } from '../../src/core/alerts/text.ts';
import { OrgsyncError } from '../../src/errors.ts';
import { barredCorp, corpRecord, corpResult, endedRun, heldBackCorp } from '../support/ended-run.ts';
import type { CorpResult } from '../../src/core/outcome.ts';
import type { AlertRecord } from '../../src/core/ports/alerts.ts';

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 2, 1, 6, 30);
const RULES = { now: NOW, host: 'host-1', remindAfterMs: 12 * 60 * MINUTE, staleAfterMs: 360 * MINUTE };

function textOf(results: readonly CorpResult[], records: readonly AlertRecord[] = []): string {
  const stored = results.map(({ corp }) => corpRecord(corp.id, new Date(NOW - 20 * MINUTE)));
  const observed = observeRun(endedRun(results, NOW), stored, RULES);
  return plainText(paragraphs(judgeAlerts(observed, records, RULES).map(({ alert }) => alert), NOW));
}

test('a failure says which corp, what WeCom said, since when, and what to do', () => {
  expect(textOf([barredCorp('ww1')])).toBe(`Corp ww1 (ww1) fails
  why: WeCom refused user/list: 60020 not allowed
  last success: 2026-03-01 06:10 UTC, 20 min ago; the data of then are kept
  to do: add 203.0.113.7 to the trusted addresses`);
});

test('corps with the same trouble are told together', () => {
  const text = textOf(Array.from({ length: 12 }, (_, index) => barredCorp(`ww${index}`)));
  expect(text.split('\n')[0]).toBe('12 corps fail');
  expect(text).toContain('Corp ww9 (ww9) and 2 more');
  expect(text.split('\n\n')).toHaveLength(1);
});

test('a reason of one corp is not told as that of all', () => {
  const error = (members: number): OrgsyncError => new OrgsyncError('held_back', { code: 'safety_limit', message: `WeCom shows ${members} members`, hint: 'look at it' });
  const text = textOf([3, 2].map((members, index) => ({ ...heldBackCorp(`ww${index + 1}`, []), error: error(members) })));
  expect(text).toContain('2 corps are held back');
  expect(text).toContain('why, for Corp ww1 (ww1): WeCom shows 3 members');
});

test('corps that had different troubles are over them without either', () => {
  const records = ['ww1', 'ww2'].map((id): AlertRecord => ({ subject: `corp:${id}`, kind: 'failed', since: new Date(NOW - 130 * MINUTE), sentAt: new Date(NOW - 130 * MINUTE), closedAt: null, host: 'host-1', message: `${id} was ill` }));
  expect(textOf([corpResult('ww1'), corpResult('ww2')], records)).toBe('2 corps work again\n  Corp ww1 (ww1), Corp ww2 (ww2)\n  after 2 h 10 min');
});

test('a corp that is held back stands alone, with those who would depart', () => {
  const text = textOf([heldBackCorp('ww1', ['王芳 (wangfang)', 'Li (li)']), barredCorp('ww2')]);
  expect(text).toContain('Corp ww1 (ww1) is held back by a safety limit');
  expect(text).toContain('would depart: 王芳 (wangfang), Li (li)');
  expect(text.split('\n\n')).toHaveLength(2);
});

test('good news say for how long there was trouble', () => {
  const record: AlertRecord = { subject: 'corp:ww1', kind: 'failed', since: new Date(NOW - 130 * MINUTE), sentAt: new Date(NOW - 130 * MINUTE), closedAt: null, host: 'host-1', message: 'WeCom refused it' };
  expect(textOf([corpResult('ww1')], [record])).toBe('Corp ww1 (ww1) works again\n  after 2 h 10 min: WeCom refused it');
});

test('a run that cannot begin says so', () => {
  const observed = observeFailure(new OrgsyncError('unavailable', { code: 'store_unreachable', message: 'db:3306 does not answer', hint: 'start it' }));
  const text = plainText(paragraphs(judgeAlerts(observed, [], RULES).map(({ alert }) => alert), NOW));
  expect(text).toBe('orgsync cannot run\n  why: db:3306 does not answer\n  to do: start it');
});

test.each([
  [0, 'less than a minute'],
  [MINUTE, '1 min'],
  [130 * MINUTE, '2 h 10 min'],
  [49 * 60 * MINUTE + 5 * MINUTE, '2 d 1 h'],
])('%d ms are told as %s', (ms, told) => {
  expect(span(ms)).toBe(told);
});
