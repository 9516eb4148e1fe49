import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { observeRun, judgeAlerts } from '../../src/core/alerts/alerting.ts';
import { noticeJson } from '../../src/observe/alerts/json.ts';
import { FAMILIES } from '../../src/observe/metrics/families.ts';
import { barredCorp, endedRun } from '../support/ended-run.ts';

const path = join(import.meta.dirname, '../../docs/monitoring.md');
const BLOCK = /(<!-- metrics -->)[\s\S]*?(<!-- \/metrics -->)/;

test('docs/monitoring.md lists every metric as it is exported', async () => {
  const text = await readFile(path, 'utf8');
  expect(text).toMatch(BLOCK);
  const rows = Object.values(FAMILIES).map(({ name, labels, help }) => `| \`${name}\` | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`);
  const table = ['| metric | labels | |', '|---|---|---|', ...rows].join('\n');
  await expect(text.replace(BLOCK, (_, begin: string, end: string) => `${begin}\n\n${table}\n\n${end}`)).toMatchFileSnapshot(path);
});

test('docs/monitoring.md shows the JSON of a webhook with the keys that it has', async () => {
  const shown = JSON.parse(/```json\n([\s\S]*?)```/.exec(await readFile(path, 'utf8'))?.[1] ?? '') as Record<string, unknown>;
  const rules = { now: 0, host: 'job-1', remindAfterMs: 1, staleAfterMs: 1 };
  const [alert] = judgeAlerts(observeRun(endedRun([barredCorp('ww1')], 0), [], rules), [], rules).map((step) => step.alert);
  if (alert === undefined) throw new Error('nothing to tell');
  const sent = JSON.parse(noticeJson({ alerts: [alert], host: 'job-1', version: '1.0.0', at: new Date(0) })) as Record<string, unknown>;
  const keys = (value: Record<string, unknown>): readonly unknown[] => [Object.keys(value), Object.keys((value['alerts'] as Record<string, unknown>[])[0] ?? {})];
  expect(keys(shown)).toEqual(keys(sent));
});
