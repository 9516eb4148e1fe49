import { describe, expect, test } from 'vitest';
import { csvCell } from '../../src/commands/changes/view.ts';
import { orgsync } from '../support/cli.ts';
import { hoursAgo, rewrite } from '../support/rewrite.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';

const ANA = 'ana.lopez';

/** A corp in which 'ana.lopez' joins, moves, is renamed and leaves, one step a run, after everybody else had joined. */
async function stageAStory(engine: (typeof ENGINES)[number] = 'sqlite'): Promise<Stage & { readonly corp: string }> {
  const stage = await setStage({ engine, members: 5, departments: 3 });
  const { sandbox } = stage;
  const [corp = ''] = [...sandbox.world.corps.keys()];
  await stage.sync();
  await rewrite(stage.storeUrl, 'UPDATE changes SET at = ?', [hoursAgo(24 * 30)]);
  sandbox.change({ op: 'updateDepartment', corp, id: 2, fields: { name: '研发' } }, { op: 'updateDepartment', corp, id: 3, fields: { name: '市场' } });
  sandbox.change({ op: 'addMember', corp, member: { userid: ANA, name: '安娜', mobile: '13800138000' }, places: [{ department: 2 }] });
  await stage.sync();
  sandbox.change({ op: 'moveMember', corp, userid: ANA, places: [{ department: 3, leader: true }] });
  await stage.sync();
  sandbox.change({ op: 'updateMember', corp, userid: ANA, fields: { name: '=cmd|calc\u001b[31m\u202e"' } });
  await stage.sync();
  sandbox.change({ op: 'removeMember', corp, userid: ANA });
  await stage.sync();
  return { ...stage, corp };
}

describe.each(ENGINES)('orgsync changes on %s', (engine) => {
  test('tells one person’s whole story in order, asked for by userid or by phone number', async () => {
    const stage = await stageAStory(engine);
    const byUserid = await changes(stage, '--member', 'ANA.lopez');
    expect(byUserid).toMatchObject({ code: 0, stderr: '' });
    const clauses = byUserid.stdout.trimEnd().split('\n').slice(1).map((line) => line.replace(/^.*\(ana\.lopez\) +/u, ''));
    expect(clauses).toEqual([
      'joined 研发',
      'moved 研发 → 市场; made leader of 市场',
      'renamed 安娜 → =cmd|calc<U+001B>[31m<U+202E>"',
      'left 市场',
    ]);
    expect((await changes(stage, '--member', '138 0013 8000')).stdout).toBe(byUserid.stdout);
  });
});

test('shows the last seven days unless told otherwise', async () => {
  const stage = await stageAStory();
  expect((await changes(stage)).stdout).toContain('(ana.lopez)');
  expect((await changes(stage)).stdout.match(/ joined /gu)).toHaveLength(1);
  expect((await changes(stage, '--since', '31d')).stdout.match(/ joined /gu)).toHaveLength(6);
  expect((await changes(stage, '--since', '2999-01-01')).stdout).toBe('');
});

test('is narrowed by corp, department and action', async () => {
  const stage = await stageAStory();
  const lines = async (...args: readonly string[]): Promise<readonly string[]> => (await changes(stage, ...args)).stdout.trimEnd().split('\n').slice(1);
  expect((await lines('--action', 'departed', '--action', 'joined')).map((line) => line.includes('ana.lopez'))).toEqual([true, true]);
  const department = await lines('--department', '3', '--since', '7d');
  expect(department.map((line) => line.replace(/^\S+ \S+ +/u, ''))).toEqual([
    expect.stringMatching(/^市场 \(department 3\) +renamed .* → 市场$/u) as string,
    expect.stringMatching(/moved 研发 → 市场; made leader of 市场$/u) as string,
    expect.stringMatching(/left 市场$/u) as string,
  ]);
  expect(await lines('--department', '市场', '--since', '7d')).toEqual(department);
  expect(await changes(stage, '--department', '市厂')).toMatchObject({ code: 64, stderr: 'orgsync: no department is called 市厂\n  fix: did you mean 市场? If not, give its id, or the whole name that it has now\n' });
  expect(await lines('--corp', stage.corp, '--action', 'departed')).toHaveLength(1);
  expect(await changes(stage, '--corp', 'nowhere')).toMatchObject({ code: 64 });
});

test('prints one JSON document, values under the names of the columns', async () => {
  const stage = await stageAStory();
  const { stdout, code } = await changes(stage, '--member', ANA, '--json');
  expect(code).toBe(0);
  const document = JSON.parse(stdout) as { changes: readonly Record<string, unknown>[] };
  expect(document).toMatchObject({ since: null, more: false });
  expect(document.changes.map(({ action }) => action)).toEqual(['joined', 'changed', 'changed', 'departed']);
  expect(document.changes[1]).toMatchObject({
    corp_id: stage.corp,
    run_id: 3,
    entity: 'member',
    entity_id: ANA,
    text: 'moved 研发 → 市场; made leader of 市场',
    old_values: { main_department: 2, memberships: [{ department_id: 2, sort_order: 0, is_leader: false }] },
    new_values: { main_department: 3, memberships: [{ department_id: 3, sort_order: 0, is_leader: true }] },
  });
});

test('says on stderr that there is more than was asked for', async () => {
  const stage = await stageAStory();
  const { stdout, stderr } = await changes(stage, '--member', ANA, '--limit', '2');
  expect(stdout.trimEnd().split('\n')).toHaveLength(3);
  expect(stdout).toContain('left 市场');
  expect(stderr).toContain('these are the newest 2');
});

test('prints a table that no spreadsheet takes for formulas', async () => {
  const stage = await stageAStory();
  const { stdout } = await changes(stage, '--member', ANA, '--csv');
  const lines = stdout.split('\r\n');
  expect(lines[0]).toBe('\ufeff"at","corp_id","corp_name","entity","entity_id","name","action","text","old_values","new_values","run_id"');
  expect(lines).toHaveLength(6);
  expect(stdout).toContain(`,"'=cmd|calc`);
  for (const cell of stdout.matchAll(/(?:^|,)"((?:[^"]|"")*)"/gmu)) expect(cell[1]).not.toMatch(/^[=+\-@\t\r]/u);
});

test.each([
  ['=1+1', `"'=1+1"`],
  ['+8613800138000', `"'+8613800138000"`],
  ['-1', `"'-1"`],
  ['@SUM(A1)', `"'@SUM(A1)"`],
  ['\t=1', `"'\t=1"`],
  ['＝1', `"'＝1"`],
  [' =1', `"' =1"`],
  ['a"b', '"a""b"'],
  ['a\u0000=', '"a="'],
  ['张三', '"张三"'],
  ['a\u001b[2Jb\u202ec\u009b\r', '"a<U+001B>[2Jb<U+202E>c<U+009B> "'],
  ['two\nlines\tof 𠮷', '"two\nlines\tof 𠮷"'],
])('encodes %j as %s', (text, cell) => {
  expect(csvCell(text)).toBe(cell);
});

test('ends with 1 when nobody is known by a userid or number, and with 64 when the question is wrong', async () => {
  const stage = await stageAStory();
  const unknown = await changes(stage, '--member', '13900000000');
  expect(unknown).toMatchObject({ code: 1, stdout: '' });
  expect(unknown.stderr).toContain('nobody is known by this userid or phone number');
  expect(unknown.stderr).not.toContain('13900000000');
  for (const wrong of [['--since', 'yesterday'], ['--since', '2026-13-01'], ['--since', '2026-02-30'], ['--since', '2026-02-30T09:30'], ['--department', 'x'], ['--action', 'vanished'], ['--limit', '0'], ['--csv', '--json']]) {
    expect(await changes(stage, ...wrong), wrong.join(' ')).toMatchObject({ code: 64 });
  }
});

async function changes(stage: Stage, ...args: readonly string[]): ReturnType<typeof orgsync> {
  return await orgsync(['changes', '-c', stage.configPath, ...args]);
}
