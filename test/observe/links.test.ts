import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAlertFile } from '../../src/local/alert-book.ts';
import { createRationFiles } from '../../src/local/ration.ts';
import { fileTarget, LogSink } from '../../src/observe/log/sink.ts';
import { createTestClock } from '../support/clock.ts';

const isRoot = process.getuid?.() === 0;
const FOREIGN = 65_531;

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'orgsync-links-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function logTo(path: string): Promise<readonly string[]> {
  const warnings: string[] = [];
  const sink = new LogSink(fileTarget(path), (text) => warnings.push(text));
  sink.write('a line\n');
  await sink.close();
  return warnings;
}

describe('a log', () => {
  it.runIf(isRoot)('does not follow a link of another account, and says so', async () => {
    const root = folder();
    writeFileSync(join(root, 'passwd'), 'as it was\n');
    symlinkSync('passwd', join(root, 'orgsync.log'));
    lchownSync(join(root, 'orgsync.log'), FOREIGN, FOREIGN);
    expect(await logTo(join(root, 'orgsync.log'))).toEqual([expect.stringContaining('EFOREIGNLINK')]);
    expect(readFileSync(join(root, 'passwd'), 'utf8')).toBe('as it was\n');
  });

  it.runIf(isRoot)('does not follow a link of another account behind one of its own', async () => {
    const root = folder();
    symlinkSync('made', join(root, 'theirs'));
    lchownSync(join(root, 'theirs'), FOREIGN, FOREIGN);
    symlinkSync('theirs', join(root, 'orgsync.log'));
    expect(await logTo(join(root, 'orgsync.log'))).toEqual([expect.stringContaining('EFOREIGNLINK')]);
    expect(readdirSync(root)).not.toContain('made');
  });

  it('follows links of its own account, as containers have them to /dev/stdout', async () => {
    const root = folder();
    mkdirSync(join(root, 'logs'));
    symlinkSync('logs/real.log', join(root, 'orgsync.log'));
    expect(await logTo(join(root, 'orgsync.log'))).toEqual([]);
    expect(await logTo(join(root, 'orgsync.log'))).toEqual([]);
    expect(readFileSync(join(root, 'logs/real.log'), 'utf8')).toBe('a line\na line\n');
    expect(statSync(join(root, 'logs/real.log')).mode & 0o137).toBe(0);
  });

  it('does not go round and round behind links', async () => {
    const root = folder();
    symlinkSync('b', join(root, 'a'));
    symlinkSync('a', join(root, 'b'));
    expect(await logTo(join(root, 'a'))).toEqual([expect.stringContaining('ELOOP')]);
  });
});

describe.each<[string, (own: string) => Promise<unknown>, string]>([
  ['sent alerts', (own) => createAlertFile(join(own, 'alerts.json'), createTestClock()).replace(null, { subject: 'ww1', kind: 'failed', since: new Date(0), sentAt: new Date(0), host: 'h', message: 'm', closedAt: null }), 'alert_file_unusable'],
  ['the ration', (own) => createRationFiles({ folder: join(own, 'ration'), clock: createTestClock() }).book({ corpId: 'ww1', e164: '+8613800138000', budget: 3 }), 'ration_unusable'],
])('the folder of %s for temporary files', (_, use, code) => {
  it('that is a link is refused before anything is made behind it', async () => {
    const root = folder();
    mkdirSync(join(root, 'target'));
    symlinkSync('target', join(root, 'own'));
    await expect(use(join(root, 'own'))).rejects.toMatchObject({ code });
    expect(readdirSync(join(root, 'target'))).toEqual([]);
  });

  it('that is a link to nothing is refused, and the target is not made', async () => {
    const root = folder();
    symlinkSync('target', join(root, 'own'));
    await expect(use(join(root, 'own'))).rejects.toMatchObject({ code });
    expect(readdirSync(root)).toEqual(['own']);
  });

  it.runIf(isRoot)('of another account is refused, and nothing is made in it', async () => {
    const own = join(folder(), 'own');
    mkdirSync(own);
    chownSync(own, FOREIGN, FOREIGN);
    await expect(use(own)).rejects.toMatchObject({ code });
    expect(readdirSync(own)).toEqual([]);
  });

  it.each(['000', '077'])('is this account’s alone under a umask of %s, also where an earlier version left it open', async (umask) => {
    const own = join(folder(), 'own');
    const before = process.umask(umask);
    try {
      await use(own);
      expect(statSync(own).mode & 0o777).toBe(0o700);
      chmodSync(own, 0o777);
      await use(own);
      expect(statSync(own).mode & 0o777).toBe(0o700);
    } finally {
      process.umask(before);
    }
  });
});
