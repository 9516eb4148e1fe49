import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Ended, orgsync } from '../support/cli.ts';
import { listen } from '../support/listener.ts';
import { corpOf } from '../support/sandbox.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';

/** What people, or somebody who may edit a directory, could write into a field. */
const HOSTILE = {
  escapes: '\u001b[2J\u001b]0;owned\u0007\u009b31m红',
  bidi: 'Li \u202egnaW\u2066\u200f\u061c',
  lines: 'two\nlines\r\nand\u2028three\u2029\tfour\u0085five',
  nul: 'nul\u0000nul\u007f',
  markup: '</script><script>alert(1)</script><img src=x onerror=alert(2)>',
  formula: `=cmd|' /C calc'!A0`,
  formulas: '＝HYPERLINK("http://evil.example")',
  quotes: `"; DROP TABLE members; -- '\\`,
  mention: '<@all> **bold** [link](http://evil.example) `x`',
} as const;

/** The same as it is kept: all of it, but that no table holds a NUL. */
const KEPT = Object.values(HOSTILE).map((text) => text.replaceAll('\u0000', ''));

/** What moves a cursor, turns text round, or begins a line where none should. */
const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

const YAML = (folder: string, url: string): string =>
  `log: { file: ${folder}, format: json, level: debug, console: always }\nsafety: { max_departures: 2 }\nalerts: { to: [{ webhook: "${url}/hook" }] }\n`;

describe.each(ENGINES)('on %s, what WeCom says is data', (engine) => {
  test('in every answer, log line, table, report and alert', async () => {
    const ops = await listen();
    const stage = await setStage({ engine, members: 40, departments: 6, yaml: YAML('events.log', ops.url) });
    const corp = corpOf(stage.sandbox);
    await renameCorp(stage, corp.name);
    const run = (...args: readonly string[]): Promise<Ended> => orgsync(['--config', stage.configPath, ...args], { env: { TMPDIR: stage.folder } });
    const people = [...corp.members.values()].filter(({ status, mobile = '' }) => status === 1 && /^1/.test(mobile)).slice(0, Object.keys(HOSTILE).length);
    const spoil = (suffix: string): void => {
      Object.values(HOSTILE).forEach((text, index) => {
        const { userid = '' } = people[index] ?? {};
        stage.sandbox.change({ op: 'updateMember', corp: corp.id, userid, fields: { name: `${text}${suffix}`, position: text, alias: text } });
      });
      stage.sandbox.change({ op: 'updateDepartment', corp: corp.id, id: 1, fields: { name: `${HOSTILE.escapes}${HOSTILE.markup}${suffix}` } });
    };
    const shown: string[] = [];
    const keep = async (code: number, ...args: readonly string[]): Promise<string> => {
      const ended = await run(...args);
      expect([args, ended.code]).toEqual([args, code]);
      shown.push(ended.stderr);
      // One event is one line, and a complaint begins with our name, whatever a name holds.
      for (const line of ended.stderr.trimEnd().split('\n').filter(Boolean)) expect(line).toMatch(/^(\d{4}-\d\d-\d\dT\S+Z |orgsync: | {2,})/);
      return ended.stdout;
    };

    spoil('');
    shown.push(await keep(0, 'plan', '-v'), await keep(0, 'run', '-vv'));
    spoil('!');
    shown.push(await keep(0, 'plan', '-v'));
    expect(JSON.parse(await keep(0, 'run', '--json', '-vv'))).toMatchObject({ outcome: 'ok' });
    for (const { mobile = '' } of people) {
      shown.push(await keep(0, 'lookup', mobile));
      expect(JSON.parse(await keep(0, 'lookup', mobile, '--json'))).toMatchObject({ matches: [{}] });
    }
    shown.push(await keep(0, 'changes', '--since', '1d'), await keep(0, 'status'), await keep(0, 'lookup', people[0]?.mobile ?? '', '--live'));
    const { changes } = JSON.parse(await keep(0, 'changes', '--since', '1d', '--json')) as { changes: { name: string }[] };
    for (const text of KEPT) expect(changes.map(({ name }) => name)).toContain(`${text}!`);
    expectHarmlessTable(await keep(0, 'changes', '--since', '1d', '--csv'));

    const fault = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, effect: { kind: 'errcode', errcode: 60999, text: Object.values(HOSTILE).join(' ').slice(0, 200) } });
    shown.push(await keep(1, 'run', '-vv'), await keep(2, 'status'), await keep(2, 'status', '--nagios'));
    fault.remove();
    for (const { userid } of people) stage.sandbox.change({ op: 'removeMember', corp: corp.id, userid });
    shown.push(await keep(3, 'run', '-vv'));
    expect(JSON.parse(await keep(3, 'run', '--json'))).toMatchObject({ outcome: 'held_back' });

    for (const text of shown) expect(text.match(RAW)?.[0]).toBe(undefined);
    expect(shown.join('\n')).toContain('<U+202E>');
    await keep(0, 'report', '--out', join(stage.folder, 'r.html'));
    expect(await readFile(join(stage.folder, 'r.html'), 'utf8')).not.toMatch(/<\/script><script>alert|<img src=x/);
    for (const line of (await readFile(join(stage.folder, 'events.log'), 'utf8')).trimEnd().split('\n')) expect(JSON.parse(line)).toMatchObject({ event: expect.any(String) as string });
    expect(ops.heard.length).toBeGreaterThanOrEqual(2);
    for (const { body } of ops.heard) expect(JSON.parse(body)).toMatchObject({ alerts: [{}] });
    const rows = await rowsOf(stage.storeUrl, 'SELECT position FROM members WHERE departed_at IS NULL');
    for (const text of KEPT) expect(rows.map((row) => row['position'])).toContain(text);
  });
});

/** A corp's name can come from a table, too (`corps.query`). */
async function renameCorp({ configPath }: Stage, name: string): Promise<void> {
  const text = await readFile(configPath, 'utf8');
  const hostile = JSON.stringify(`${HOSTILE.escapes}${HOSTILE.bidi}${HOSTILE.lines}`);
  await writeFile(configPath, text.replace(JSON.stringify(name), () => hostile));
}

/** Every cell is quoted, and none begins as a formula does; the table has as many columns in every row. */
function expectHarmlessTable(csv: string): void {
  expect(csv.startsWith('\ufeff')).toBe(true);
  const rows = csv.slice(1).split(/\r\n(?=")/);
  const cells = rows.map((row) => [...row.matchAll(/"((?:[^"]|"")*)"/g)].map(([, cell = '']) => cell));
  expect(new Set(cells.map((row) => row.length)).size).toBe(1);
  for (const cell of cells.flat()) expect(cell).not.toMatch(/^\s*[=+\-@\t\r＝＋－＠]/);
  expect(csv.slice(1).replace(/\r(\n|$)/g, '').replace(/[\t\n]/g, '')).not.toMatch(RAW);
}
