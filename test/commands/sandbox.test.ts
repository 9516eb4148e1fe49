import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ask, spawnSandbox } from '../support/sandbox.ts';

const bin = new URL('../../bin/orgsync.js', import.meta.url).pathname;
let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'orgsync-sandbox-'))));
afterEach(() => rm(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

async function ended(child: ChildProcess): Promise<Ended> {
  let [out, errors] = ['', ''];
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, errors };
}

it('serves invented corps, writes a configuration for them, and ends with 143 on SIGTERM', async () => {
  const file = join(folder, 'config.yml');
  const { url, control, process: child, ...sandbox } = await spawnSandbox(['--corps', '2', '--members', '30', '--departments', '6', '--write-config', file]);
  const config = parse(await readFile(file, 'utf8')) as { corps: { id: string; secret: string }[]; wecom: { api: string } };
  expect(config.wecom.api).toBe(url);
  expect((await control.corps()).map(({ id, members, departments }) => [id, members, departments])).toEqual(config.corps.map(({ id }) => [id, 30, 6]));
  for (const { id, secret } of config.corps) expect((await ask(url, 'gettoken', { corpid: id, corpsecret: secret })).json['errcode']).toBe(0);
  await sandbox.close();
  expect(child.exitCode).toBe(143);
});

it('writes the secret that sees no mobiles, and the contacts-sync secret, when asked to', async () => {
  const file = join(folder, 'config.yml');
  const { control, ...sandbox } = await spawnSandbox(['--corps', '1', '--hide-mobiles', '--contacts', '--write-config', file]);
  const { corps } = parse(await readFile(file, 'utf8')) as { corps: { secret: string; contacts_secret: string }[] };
  const [corp] = await control.corps();
  const secretOf = (kind: string): string | undefined => corp?.secrets.find((secret) => secret.kind === kind)?.secret;
  expect(corps[0]).toMatchObject({ secret: secretOf('app'), contacts_secret: secretOf('contacts') });
  await sandbox.close();
});

it.each([
  ['sandbox', (file: string) => ['sandbox', '--port', '0', '--corps', '1', '--members', '1', '--write-config', file]],
  ['demo', (file: string) => ['demo', '--keep', dirname(file)]],
])('%s replaces nobody’s own configuration', async (_, args) => {
  const file = join(folder, 'config.yml');
  await writeFile(file, 'corps: [{ id: ww1, secret: precious }]\n');
  const { code, errors } = await ended(spawn(process.execPath, [bin, ...args(file)], { timeout: 20_000 }));
  expect({ code, kept: await readFile(file, 'utf8') }).toEqual({ code: 64, kept: 'corps: [{ id: ww1, secret: precious }]\n' });
  expect(errors).toMatch(/config\.yml is a configuration that no sandbox wrote\n {2}fix: \S/);
});

it('replaces the configuration of an earlier sandbox', async () => {
  const file = join(folder, 'config.yml');
  for (const seed of ['1', '2']) {
    const { control, ...sandbox } = await spawnSandbox(['--corps', '1', '--members', '1', '--departments', '1', '--seed', seed, '--write-config', file]);
    const { corps } = parse(await readFile(file, 'utf8')) as { corps: { id: string }[] };
    expect((await control.corps()).map(({ id }) => id)).toEqual(corps.map(({ id }) => id));
    await sandbox.close();
  }
});

it.each(['0.0.0.0', '192.0.2.1', '::', 'example.com', '127.0.0.1.example.com'])('refuses to bind %s unless told', async (host) => {
  const { code, out, errors } = await ended(spawn(process.execPath, [bin, 'sandbox', '--host', host, '--port', '0']));
  expect({ code, out }).toEqual({ code: 64, out: '' });
  expect(errors).toContain('--allow-remote');
});

it.each([
  ['--corps', '0'],
  ['--members', 'many'],
  ['--port', '70000'],
])('refuses %s %s with 64', async (option, value) => {
  expect((await ended(spawn(process.execPath, [bin, 'sandbox', option, value]))).code).toBe(64);
});

it('says what to do when the port is taken', async () => {
  const sandbox = await spawnSandbox(['--corps', '1', '--members', '1']);
  const { code, errors } = await ended(spawn(process.execPath, [bin, 'sandbox', '--port', new URL(sandbox.url).port]));
  expect(code).toBe(69);
  expect(errors).toContain('--port');
  await sandbox.close();
});
