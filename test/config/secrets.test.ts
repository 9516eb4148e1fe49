import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCorpRows } from '../../src/config/corps.ts';
import { loadConfig } from '../../src/config/load.ts';
import { CORP, failure, folder, load, problems } from './support.ts';

/** Shaped like a secret of WeCom. */
const SECRET = 'kQ3-xT9vB2nM7pL4sD8fG1hJ6wE5rY0uI_oA3zX7cV1';
const ID = 'ww1234567890abcdef';

async function secretOf(text: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { config } = await load(text, env);
  return 'query' in config.corps ? '' : (config.corps[0]?.secret.reveal() ?? '');
}

describe('a secret', () => {
  it.each<[string, string | Buffer]>([
    ['a line end', `${SECRET}\n`],
    ['a line end of Windows', `${SECRET}\r\n`],
    ['empty lines', `\n\n${SECRET}\n\n`],
    ['blanks', `  ${SECRET}\t `],
    ['a byte order mark', `\ufeff${SECRET}`],
    ['all of it', `\ufeff \u200b${SECRET}\u00a0\r\n`],
    ['the UTF-16 of PowerShell', Buffer.from(`\ufeff${SECRET}\r\n`, 'utf16le')],
    ['a null byte', `${SECRET}\0`],
  ])('is read without %s that its file adds', async (_, content) => {
    const root = folder({ 'config.yml': `corps: [{ id: ${ID}, secret: { file: hq } }]\n` });
    writeFileSync(join(root, 'hq'), content, { mode: 0o400 });
    const { config, secrets } = await loadConfig({ env: {}, cwd: root, home: root });
    expect('query' in config.corps ? '' : config.corps[0]?.secret.reveal()).toBe(SECRET);
    expect(secrets).toEqual([SECRET]);
  });

  it.each([`${SECRET}\n`, ` ${SECRET} `, `\ufeff${SECRET}\r\n`])('is read without what a variable or the configuration adds: %j', async (written) => {
    expect(await secretOf(CORP, { S: written })).toBe(SECRET);
    expect(await secretOf(`corps: [{ id: ${ID}, secret: ${JSON.stringify(written)} }]`)).toBe(SECRET);
    const [corp] = readCorpRows([{ id: ID, secret: written }], (await load(CORP, { S: SECRET })).config).corps;
    expect(corp?.secret.reveal()).toBe(SECRET);
  });

  it.each([
    ['a blank', 'kQ3xT9 vB2nM7'],
    ['a line break', 'kQ3xT9vB2nM7\nkQ3xT9vB2nM7'],
    ['a character that is not printed', 'kQ3xT9\u200bvB2nM7'],
    ['a character that is not printed', 'kQ3xT9\u0007vB2nM7'],
    ['a character that is not ASCII', '这里填密钥'],
    ['a character that is not ASCII', 'kQ3xT9—vB2nM7'],
    ['quotes around it', '"kQ3xT9vB2nM7"'],
  ])('that still holds %s is refused, and not shown: %j', async (what, written) => {
    const config = `corps: [{ id: ${ID}, secret: { file: hq } }]\n`;
    for (const found of [await problems(CORP, { S: written }), (await failure(load(config, {}, { hq: written }))).message.split('\n')]) {
      expect(found.join('\n')).toContain(what);
      expect(found.join('\n')).not.toMatch(/kQ3|vB2|密钥/);
    }
  });

  it('that people chose keeps its blanks and its characters, but not those around it', async () => {
    const { secrets } = await load(`${CORP}alerts: { to: [{ webhook: "https://ops.example/hook", hmac_key: " 正确 horse \\n" }] }`, { S: SECRET });
    expect(secrets).toContain('正确 horse');
  });

  it('of nothing but blanks is refused', async () => {
    expect(await problems(CORP, { S: ' \n' })).toHaveLength(1);
    expect((await failure(load(`corps: [{ id: ${ID}, secret: { file: hq } }]\n`, {}, { hq: '\ufeff\n' }))).message).toContain('is empty');
  });

  it('whose file never ends is refused', async () => {
    const { message } = await failure(load(`corps: [{ id: ${ID}, secret: { file: /dev/zero } }]\n`));
    expect(message).toContain('holds more than a secret');
  });
});

describe('a password in an address', () => {
  it('is read without the line end of its variable', async () => {
    const { secrets, config } = await load(`${CORP}store: "mysql://u:\${DB}@db/orgsync"\nredis: "redis://:\${DB}@cache"\n`, { S: SECRET, DB: 'pass\r\n' });
    expect(secrets).toEqual([SECRET, 'pass']);
    expect(config.redis?.reveal()).toBe('redis://:pass@cache');
  });

  it.each([
    ['redis', 'redis://:100%sure@cache:6379/0'],
    ['wecom.proxy', 'http://u%er:x@egress:3128'],
    ['metrics.pushgateway', 'http://u:%@push:9091'],
  ])('in %s whose %% stands for no character is refused, and not shown', async (key, address) => {
    const [section = '', inner] = key.split('.');
    const [problem = ''] = await problems(`${CORP}${inner === undefined ? `${section}: "${address}"` : `${section}: { ${inner}: "${address}" }`}\n`, { S: SECRET });
    expect(problem).toMatch(/write a % itself as %25/);
    expect(problem).not.toMatch(/100%sure|u%er/);
  });
});

describe('a secret in the place of something public', () => {
  it.each([
    ['id', `{ id: ${SECRET}, secret: ${ID} }`],
    ['id, with a name', `{ id: ${SECRET}, name: Head office, secret: ${ID} }`],
    ['name', `{ id: ${ID}, name: ${SECRET}, secret: Head office }`],
    ['agent_id', `{ id: ${ID}, secret: x1234567, agent_id: ${SECRET} }`],
    ['a key', `{ id: ${ID}, ${SECRET}: secret }`],
    ['a longer id', `{ id: ${SECRET}${SECRET}, secret: x1234567 }`],
    ['an id with a blank', `{ id: "${SECRET} ", secret: x1234567 }`],
  ])('(%s) is refused, and shown nowhere', async (_, corp) => {
    const { message, kind } = await failure(load(`corps: [${corp}]\n`));
    expect(kind).toBe('config');
    expect(message).not.toContain(SECRET);
  });

  it('is refused in JavaScript and from a variable as well, and the variable is named', async () => {
    const root = folder({ 'config.mjs': `export default { corps: [{ id: '${SECRET}', secret: '${ID}' }] };` });
    expect((await failure(loadConfig({ explicitPath: join(root, 'config.mjs'), env: {}, cwd: root, home: root }))).message).not.toContain(SECRET);
    const found = await problems('corps: [{ id: "${HQ}", secret: "${S}" }]\n', { HQ: SECRET, S: ID });
    expect(found.join('\n')).toMatch(/corps\[0\]\.id: found \$\{HQ\}/);
    expect(found.join('\n')).not.toContain(SECRET);
  });

  it.each([
    ['id and secret', { id: SECRET, name: 'A', secret: ID }],
    ['all three', { id: SECRET, name: ID, secret: 'A B' }],
    ['name and secret', { id: ID, name: SECRET, secret: 'Head office' }],
  ])('is refused in the rows of a query whose columns are in another order (%s)', async (_, row) => {
    const { config } = await load(CORP, { S: SECRET });
    expect(() => readCorpRows([row, row], config)).toThrow(expect.objectContaining({ kind: 'config', code: 'corps_query_invalid', message: expect.not.stringContaining(SECRET) as string }) as Error);
    const { unusable } = readCorpRows([{ id: 'ww2', secret: SECRET }, row], config);
    expect(JSON.stringify(unusable.map(({ corp, error }) => [corp, error.message]))).not.toContain(SECRET);
    expect(unusable).toHaveLength(1);
  });

  it('leaves ids of every kind alone that are no longer than 32', async () => {
    for (const id of ['ww1', ID, 'wx8f2e7c9a1b3d5e70', 'wpXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX', 'private-edition_1']) {
      const { config } = await load(`corps: [{ id: ${id}, secret: x1234567 }]\n`);
      expect(config.corps).toMatchObject([{ id }]);
    }
    expect(await problems(`corps: [{ id: ${'a'.repeat(33)}, secret: x1234567 }]\n`)).toHaveLength(1);
  });
});
