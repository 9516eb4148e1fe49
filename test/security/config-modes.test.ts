import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Ended, orgsync } from '../support/cli.ts';

/** Shows a configuration of this mode; as root where the tests run as root, who could read it in any case. */
async function show(text: string, mode: number, { secretFile = 0o400, args = ['config', 'show'] }: { readonly secretFile?: number; readonly args?: readonly string[] } = {}): Promise<Ended & { readonly path: string; readonly file: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'orgsync-modes-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [path, file] = [join(folder, 'config.yml'), join(folder, 'hq.secret')];
  await writeFile(file, 'a-secret-in-a-file\n', { mode: secretFile });
  await writeFile(path, text.replace('FILE', file));
  await chmod(path, mode);
  return { ...(await orgsync(['--config', path, ...args], { env: { HQ: 'a-secret-of-the-environment', DB: 'another' } })), path, file };
}

describe('a configuration that every account may read', () => {
  test.each([
    ['a corp’s secret', 'corps: [{ id: ww1, secret: literal-secret }]', 'corps[0].secret'],
    ['a password in an address', 'corps: [{ id: ww1, secret: "${HQ}" }]\nstore: "mysql://u:literal@db/orgsync"', 'store'],
    ['a password beside a host from a variable', 'corps: [{ id: ww1, secret: "${HQ}" }]\nredis: "redis://:literal@${HQ}:1/0"', 'redis'],
    ['a robot’s key', 'corps: [{ id: ww1, secret: "${HQ}" }]\nalerts: { to: [{ wecom_robot: literal-key }] }', 'alerts.to[0].wecom_robot'],
    ['a webhook', 'corps: [{ id: ww1, secret: "${HQ}" }]\nalerts: { to: [{ webhook: "https://ops.example/hook/literal" }] }', 'alerts.to[0].webhook'],
  ])('and that holds %s is warned of, with the chmod', async (_what, text, key) => {
    const { path, stderr } = await show(`${text}\n`, 0o644);
    expect(stderr).toContain(`${path} holds a secret (${key})`);
    expect(stderr).toContain(`chmod 640 ${path}`);
  });

  test('is one of the things that doctor finds', async () => {
    const { path, stdout } = await show('corps: [{ id: ww1, secret: literal-secret }]\nwecom: { api: "http://127.0.0.1:1", retries: 0 }\n', 0o644, { args: ['doctor'] });
    expect(stdout).toContain(`chmod 640 ${path}`);
  });

  test('and whose secrets come from elsewhere is not', async () => {
    const text = 'corps: [{ id: ww1, secret: "${HQ}", contacts_secret: { file: FILE } }]\nstore: mysql://u:${DB}@db/orgsync\n';
    expect(await show(text, 0o644)).toMatchObject({ code: 0, stderr: '' });
  });

  test('says nothing of it in a run that cron started, which mails whatever is printed', async () => {
    const { stderr } = await show('corps: [{ id: ww1, secret: literal-secret }]\ngate: { NOWHERE: "1" }\n', 0o644, { args: ['run'] });
    expect(stderr).toBe('');
  });
});

test.each([0o600, 0o640])('a configuration of mode %o may hold secrets', async (mode) => {
  expect(await show('corps: [{ id: ww1, secret: literal-secret }]\n', mode)).toMatchObject({ code: 0, stderr: '' });
});

test('a secret’s own file that every account may read is warned of', async () => {
  const { stderr, file } = await show('corps: [{ id: ww1, secret: { file: FILE } }]\n', 0o600, { secretFile: 0o644 });
  expect(stderr).toContain(`chmod 640 ${file}`);
});
