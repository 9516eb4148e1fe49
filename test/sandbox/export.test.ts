import { createDecipheriv, createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Corp } from '../../src/sandbox/corp.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { ask, corpOf, startSandbox, tokenFor } from '../support/sandbox.ts';

const KEY = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ';
let sandbox: Sandbox;
let corp: Corp;
let access_token: string;
beforeEach(async () => {
  sandbox = await startSandbox({ corps: 1, members: 10_500, departments: 30 });
  corp = corpOf(sandbox);
  access_token = await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, 'app_pre2022'));
});
afterEach(() => sandbox.close());

interface File {
  readonly url: string;
  readonly size: number;
  readonly md5: string;
}

const submit = async (body: object = {}): Promise<string> => (await ask(sandbox.url, 'export/user', { access_token }, { encoding_aeskey: KEY, ...body })).json['jobid'] as string;
const poll = async (jobid: string, token = access_token): Promise<Record<string, unknown>> => (await ask(sandbox.url, 'export/get_result', { access_token: token, jobid })).json;
const bytesOf = async (url: string, headers: Record<string, string> = {}): Promise<Buffer> => Buffer.from(await (await fetch(url, { headers })).arrayBuffer());

async function finished(jobid: string): Promise<readonly File[]> {
  expect([(await poll(jobid))['status'], (await poll(jobid))['status']]).toEqual([1, 1]);
  const done = await poll(jobid);
  expect(done['status']).toBe(2);
  return done['data_list'] as File[];
}

function decrypt(bytes: Buffer): Record<string, unknown[]> {
  const key = Buffer.from(`${KEY}=`, 'base64');
  const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(bytes), decipher.final()]);
  const padding = padded.at(-1) ?? 0;
  expect(padding).toBeGreaterThanOrEqual(1);
  expect(padding).toBeLessThanOrEqual(32);
  return JSON.parse(padded.subarray(0, padded.length - padding).toString()) as Record<string, unknown[]>;
}

it('an export holds every member once, in encrypted files of at most a block', async () => {
  const files = await finished(await submit({ block_size: 10_000 }));
  expect(files).toHaveLength(2);
  const lists: unknown[][] = [];
  for (const { url, size, md5 } of files) {
    const bytes = await bytesOf(url);
    expect([bytes.length, bytes.length % 32, createHash('md5').update(bytes).digest('hex')]).toEqual([size, 0, md5]);
    lists.push(decrypt(bytes)['userlist'] ?? []);
  }
  expect(lists.map(({ length }) => length)).toEqual([10_000, 500]);
  const userids = lists.flat().map((member) => (member as { userid: string }).userid);
  expect(new Set(userids)).toEqual(new Set([...corp.members.values()].map(({ userid }) => userid)));
});

it('a file can be had from a byte on', async () => {
  const [file] = await finished(await submit());
  const whole = await bytesOf(file?.url ?? '');
  expect((await bytesOf(file?.url ?? '', { Range: 'bytes=100-' })).equals(whole.subarray(100))).toBe(true);
  expect((await bytesOf(file?.url ?? '', { Range: 'bytes=10-19' })).equals(whole.subarray(10, 20))).toBe(true);
});

it('a job is nobody else’s, ends after two hours, and wants a key of 43 characters', async () => {
  const jobid = await submit();
  const other = await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, 'app'));
  expect((await poll(jobid, other))['errcode']).toBe(40088);
  const [file] = await finished(jobid);
  sandbox.advance(7_200_000);
  access_token = await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, 'app_pre2022'));
  expect((await poll(jobid))['errcode']).toBe(40089);
  expect((await fetch(file?.url ?? '')).status).toBe(404);
  expect((await ask(sandbox.url, 'export/user', { access_token }, { encoding_aeskey: 'short' })).json['errcode']).toBe(40058);
});
