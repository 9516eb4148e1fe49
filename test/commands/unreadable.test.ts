import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { orgsync } from '../support/cli.ts';
import { ask, corpOf, tokenFor } from '../support/sandbox.ts';
import { setStage } from '../support/stage.ts';

test('a department without a usable id is named; the others are written, its members stay as they were, and nobody departs', async () => {
  const stage = await setStage({ members: 40, departments: 6, yaml: 'metrics: { textfile: o.prom }\nlog: { file: o.log, format: json }\n' });
  await stage.sync();
  const corp = corpOf(stage.sandbox);
  const access_token = await tokenFor(stage.sandbox.url, corp, stage.sandbox.world.secret(corp, 'app_pre2022'));
  const { json } = await ask(stage.sandbox.url, 'department/list', { access_token });
  const [root, odd, ...rest] = json['department'] as { id: number; name: string }[];
  const department = [root, { ...odd, id: 'x7' }, ...rest.map((one, index) => (index === 0 ? { ...one, name: '新部门名' } : one))];
  const fault = stage.sandbox.faults.add({ match: { endpoint: 'department/list' }, effect: { kind: 'patch', set: { department } } });
  const before = (await stage.organisations()).stored;
  const { code, stderr } = await orgsync(['--config', stage.configPath, 'run']);
  const named = `${odd?.name ?? ''} (id “x7”)`;
  expect(code).toBe(1);
  expect(stderr).toContain(`departments without a usable id were left out, and who is in them was not read: ${named}. The others were read; nobody departs meanwhile`);
  const { stored } = await stage.organisations();
  expect(stored.members).toEqual(before.members);
  expect(stored.departments.map(({ id }) => id)).toEqual(before.departments.map(({ id }) => id));
  expect(JSON.stringify(stored.departments)).toContain('新部门名');
  // The other places where it is told.
  expect((await orgsync(['--config', stage.configPath, 'status'])).stdout).toContain(named);
  expect(await readFile(join(stage.folder, 'o.prom'), 'utf8')).toContain(`orgsync_unreadable_records{corp="${corp.id}",entity="department"} 1`);
  expect(await readFile(join(stage.folder, 'o.log'), 'utf8')).toContain(`"departments":["${named}"]`);
  fault.remove();
  expect(await orgsync(['--config', stage.configPath, 'run'])).toMatchObject({ code: 0, stderr: '' });
  expect(await readFile(join(stage.folder, 'o.prom'), 'utf8')).toContain(`orgsync_unreadable_records{corp="${corp.id}",entity="department"} 0`);
  const { stored: after, source } = await stage.organisations();
  expect(after).toEqual(source);
});
