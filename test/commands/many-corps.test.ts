import { expect, test } from 'vitest';
import { orgsync } from '../support/cli.ts';
import { setStage } from '../support/stage.ts';

test('what is alike in many corps is one line of lookup --live and of doctor, and what differs is a line of its own', async () => {
  const stage = await setStage({ corps: 8, members: 5, departments: 2 });
  await stage.sync();
  const corps = [...stage.sandbox.world.corps.values()];
  const named = (of: readonly { readonly name: string }[]): string => `${of.length} corps (${of.slice(0, 5).map(({ name }) => name).join(', ')} and ${of.length - 5} more)`;
  const ask = async (...args: readonly string[]) => orgsync(['--config', stage.configPath, ...args]);
  expect(await ask('lookup', '19900000000', '--live')).toMatchObject({
    code: 1,
    stdout: `no current member has +8619900000000\nWeCom: nobody whom the application can see has this number in ${named(corps)}\n`,
    stderr: '',
  });
  expect((await ask('lookup', '19900000000', '--live')).stderr).toBe(`orgsync: ${named(corps)} were not asked: not long ago they had nobody with this number (lookup.forget_wrong_after)\n`);
  const [blind, ...others] = corps;
  stage.sandbox.change({ op: 'setSecret', corp: blind?.id ?? '', kind: 'app_pre2022', patch: { range: { departments: [], users: [], tags: [] } } });
  const { code, stdout } = await ask('doctor', '--no-color');
  expect(code).toBe(77);
  const lines = stdout.split('\n');
  expect(lines.filter((line) => line.includes(corps[6]?.name ?? ''))).toEqual([]);
  expect(lines).toContain('ok    all 8 corps: WeCom accepts the secret: yes');
  expect(lines).toContain(`ok    ${named(others)}: the application sees departments: 2, the root among them`);
  expect(lines).toContain(`FAIL  ${blind?.name ?? ''}: the application sees departments: none`);
});
