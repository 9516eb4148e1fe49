import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { failure, folder, load } from '../config/support.ts';

const S = { S: 'correct-horse' };
const CORP = 'corps:\n  - id: ww1\n    secret: ${S}\n';

/** Loads these bytes as a configuration that was named. */
async function loadBytes(bytes: Buffer | string, name = 'config.yml') {
  const root = folder();
  writeFileSync(join(root, name), bytes, { mode: 0o640 });
  return await loadConfig({ explicitPath: join(root, name), env: S, cwd: root, home: root });
}

describe('a configuration is read as it was meant:', () => {
  it.each<[string, Buffer | string]>([
    ['with a byte order mark, as Notepad saves it', `\ufeff${CORP}`],
    ['with the line ends of Windows', CORP.replaceAll('\n', '\r\n')],
    ['with a last line without an end', CORP.trimEnd()],
    ['with trailing blanks and blank lines', `\n\n${CORP.replaceAll('\n', '   \n')}\n\n`],
    ['with the mark of a document', `---\n${CORP}`],
    ['with Chinese comments', `# 企业微信通讯录\n${CORP}# 结束：完\n`],
    ['with a byte order mark in UTF-16, as Windows calls Unicode', Buffer.from(`\ufeff${CORP}`, 'utf16le')],
  ])('%s', async (_, bytes) => {
    const { config } = await loadBytes(bytes);
    expect('query' in config.corps ? [] : config.corps.map(({ id }) => id)).toEqual(['ww1']);
  });
});

describe('a configuration that was typed with the wrong keys is told as such, with its line:', () => {
  it.each<[string, Buffer | string, string, string]>([
    ['a full-width colon, as Chinese keyboards give it', CORP.replace('id:', 'id：'), ':2:', 'full-width'],
    ['full-width quotes', `${CORP}store: “sqlite:x.sqlite”\n`, ':4:', 'store'],
    ['a full-width comma between brackets', 'corps: [{ id: ww1， secret: x1234567 }]\n', ':1:', ''],
    ['a tab for indentation', CORP.replace('    secret', '\tsecret'), ':3:', ''],
    ['a blank that does not break, as copied from a page', CORP.replace('    secret', '\u00a0\u00a0\u00a0\u00a0secret'), ':', ''],
    ['a full-width blank', CORP.replace('    secret', '\u3000\u3000secret'), ':', ''],
    ['no blank behind a colon', CORP.replace('id: ww1', 'id:ww1'), ':2:', ''],
    ['GBK', Buffer.from('23c6f3d2b50a636f7270733a205b7b2069643a207777312c206e616d653a20c6f3d2b52c207365637265743a207831323334353637207d5d0a', 'hex'), '', 'UTF-8'],
    ['a key twice', `${CORP}corps: []\n`, ':4:', 'second time'],
    ['the name of another key', `${CORP}database: mysql://u:p@h/d\n`, ':4:', 'database'],
    ['a store of another kind', `${CORP}store: postgres://u:p@h/d\n`, ':4:', 'mysql://'],
    ['a byte of NUL', `${CORP}log: { level: "in\0fo" }\n`, ':4:', ''],
  ])('%s', async (_, bytes, place, words) => {
    const { message, hint } = await failure(loadBytes(bytes));
    expect(message).toContain(place);
    expect(`${message}\n${hint ?? ''}`).toContain(words);
    expect(message).not.toContain('correct-horse');
  });
});

describe('what stands where a configuration should is told as such:', () => {
  it.each<[string, (root: string) => void, string]>([
    ['a folder, as Docker makes it for a file that is missing', (root) => mkdirSync(join(root, 'config.yml')), 'is a folder'],
    ['nothing', () => undefined, 'does not exist'],
    ['an empty file', (root) => writeFileSync(join(root, 'config.yml'), ''), 'empty'],
    ['nothing but comments', (root) => writeFileSync(join(root, 'config.yml'), '# nothing\n'), 'empty'],
    ['a program', (root) => writeFileSync(join(root, 'config.yml'), Buffer.from('7f454c460201010000000000', 'hex')), 'config.yml'],
    ['a pointer of Git LFS', (root) => writeFileSync(join(root, 'config.yml'), 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'), ':1:'],
    ['a conflict of a merge', (root) => writeFileSync(join(root, 'config.yml'), `<<<<<<< HEAD\n${CORP}=======\n${CORP}>>>>>>> other\n`), ':1:'],
    ['a template that nobody filled in', (root) => writeFileSync(join(root, 'config.yml'), 'corps: {{ corps }}\n'), ':1:'],
    ['a ConfigMap that holds the file in a key', (root) => writeFileSync(join(root, 'config.yml'), `config.yml: |\n  ${CORP.replaceAll('\n', '\n  ')}\n`), 'config.yml'],
  ])('%s', async (_, make, words) => {
    const root = folder();
    make(root);
    const { message } = await failure(loadConfig({ explicitPath: join(root, 'config.yml'), env: S, cwd: root, home: root }));
    expect(message).toContain(words);
  });

  it.each<[string, string]>([
    ['~ in the path of the log', 'log: { file: ~/orgsync.log }'],
    ['~ in the path of the store', 'store: sqlite:~/orgsync.sqlite'],
    ['~ in the path of a text file', 'metrics: { textfile: ~/orgsync.prom }'],
  ])('%s', async (_, line) => {
    expect((await failure(load(`corps: [{ id: ww1, secret: x1234567 }]\n${line}\n`))).message).toContain('only shells replace ~');
  });

  it('~ in the path of a secret', async () => {
    expect((await failure(load('corps: [{ id: ww1, secret: { file: ~/secret } }]\n'))).message).toContain('only shells replace ~');
  });

  it('a variable of Kubernetes that was not expanded', async () => {
    expect((await failure(load('corps: [{ id: ww1, secret: $(HQ_SECRET) }]\n'))).message).toContain('a name that was to be replaced');
  });
});
