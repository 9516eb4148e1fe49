import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { exactly } from '../support/cli.ts';
import { describeWith } from '../support/programs.ts';
import { expectTruth } from '../support/recovery.ts';
import { corpOf } from '../support/sandbox.ts';
import { setStage, type Stage } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const BIN = path.join(ROOT, 'bin/orgsync.js');
const isRoot = process.getuid?.() === 0;
const MOBILE = '13911112222';

/** A corp with one odd name, whose alerts and rations want a folder for temporary files. */
async function setOdd(options: Parameters<typeof setStage>[0] = {}): Promise<Stage> {
  const stage = await setStage({ members: 10, departments: 3, yaml: 'alerts: { to: [{ command: "true" }] }\n', ...options });
  const { id } = corpOf(stage.sandbox);
  stage.sandbox.change({ op: 'addMember', corp: id, member: { userid: 'Iiıİ'.replace(/[^\x20-\x7e]/gu, ''), name: '𠮷İıß 🦊', mobile: MOBILE, status: 1 }, places: [{ department: 1, order: 0, leader: false }] });
  return stage;
}

const SILENT = { code: 0, stdout: '', stderr: '' } as const;

describe('a run does its work in silence, and names are shown as they are,', () => {
  test.each<[string, Readonly<Record<string, string>>]>([
    ['in a locale of GBK, in Shanghai', { LANG: 'zh_CN.GBK', LC_ALL: 'zh_CN.GBK', TZ: 'Asia/Shanghai' }],
    ['in a Turkish locale, whose i is another one', { LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', TZ: 'Europe/Istanbul' }],
    ['with locales that are not installed, as over SSH from a Mac', { LC_CTYPE: 'UTF-8', LANG: 'xx_YY', LANGUAGE: 'zh_CN:en', TZ: ':/proc/gone' }],
    ['with every variable that makes programs talk', { DEBUG: '*', NODE_ENV: 'production', NODE_PENDING_DEPRECATION: '1', FORCE_COLOR: '3', CI: 'true', TERM: 'dumb', COLUMNS: '0', LINES: '0' }],
    ['with folders that are not there', { HOME: '/proc/gone', TMPDIR: '/proc/gone', XDG_CONFIG_HOME: '/proc/gone', XDG_CACHE_HOME: '/proc/gone' }],
    ['with folders that are files', { HOME: '/dev/null', TMPDIR: '/dev/null', XDG_CONFIG_HOME: '/dev/null' }],
    ['with a home that is no absolute path', { HOME: '.', TMPDIR: '.', PATH: '.' }],
  ])('%s', async (_, env) => {
    const stage = await setOdd();
    expect(await exactly(env, process.execPath, [BIN, '--config', stage.configPath, 'run'])).toEqual(SILENT);
    await expectTruth(stage);
    const { code, stdout, stderr } = await exactly({ ...env, FORCE_COLOR: '0' }, process.execPath, [BIN, '--config', stage.configPath, 'lookup', MOBILE]);
    expect([code, stdout, stderr]).toEqual([0, expect.stringContaining('𠮷İıß 🦊'), '']);
  });
});

describe('a run does its work', () => {
  test.each([
    ['without stdin, stdout and stderr', '<&- >&- 2>&-'],
    ['with stdin, stdout and stderr on a folder and a full disk', '</ >/dev/full 2>/dev/full'],
  ])('%s, and writes no word of it into its store', async (_, redirections) => {
    const stage = await setOdd();
    const shell = spawn('sh', ['-c', `exec "$@" ${redirections}`, 'sh', process.execPath, BIN, '--config', stage.configPath, 'run', '--json'], { env: {}, stdio: 'ignore' });
    expect(await once(shell, 'exit')).toEqual([0, null]);
    await expectTruth(stage);
  });

  test('where no file may grow, with a log that does not', async () => {
    const stage = await setOdd({ engine: 'mariadb', yaml: 'log: { file: grown.log, level: debug }\n' });
    await writeFile(path.join(stage.folder, 'grown.log'), 'x'.repeat(4_096));
    const { code, stdout, stderr } = await exactly({ PATH: '/usr/bin:/bin' }, 'sh', ['-c', 'ulimit -f 1; exec "$@"', 'sh', process.execPath, BIN, '--config', stage.configPath, 'run']);
    expect([code, stdout, stderr]).toEqual([0, '', expect.stringMatching(/^orgsync: the log \S+ cannot be written \(EFBIG\)[^\n]*\n$/)]);
    await expectTruth(stage);
  });

  test('while signals come that other programs use to ask for a new log', async () => {
    const stage = await setOdd();
    const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 1, times: 1, effect: { kind: 'hold' } });
    const child = spawn(process.execPath, [BIN, '--config', stage.configPath, 'run'], { env: {}, stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    const exit = once(child, 'exit');
    await held.reached(1);
    for (const signal of ['SIGUSR2', 'SIGWINCH', 'SIGCONT', 'SIGPIPE', 'SIGURG'] as const) child.kill(signal);
    held.release();
    expect(await exit).toEqual([0, null]);
    await expectTruth(stage);
  });
});

describeWith(['unshare', 'mount'], 'in a container', () => {
  test.skipIf(!isRoot)('that has no /etc, no /proc, no /sys and no /tmp, a run does its work', async () => {
    const stage = await setOdd({ engine: 'mariadb' });
    // The program, Node.js and the configuration where they stay when /tmp goes.
    const enter = `mount -t tmpfs none /mnt && mkdir /mnt/orgsync && touch /mnt/node && mount --bind "$0" /mnt/orgsync && mount --bind "$1" /mnt/node && cp "$2" /mnt/config.yml && chmod 600 /mnt/config.yml && shift 2 && for at in /etc /sys /proc /tmp; do mount -t tmpfs -o ro none $at; done; exec "$@"`;
    const args = ['--mount', 'sh', '-c', enter, ROOT, process.execPath, stage.configPath, '/mnt/node', '/mnt/orgsync/bin/orgsync.js', '--config', '/mnt/config.yml', 'run'];
    expect(await exactly({ PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, 'unshare', args)).toEqual(SILENT);
    await expectTruth(stage);
  });

  test.skipIf(!isRoot)('with a name of 64 characters a run writes it down', async () => {
    const stage = await setOdd();
    const name = 'n'.repeat(64);
    const args = ['--uts', 'sh', '-c', `hostname ${name}; exec "$@"`, 'sh', process.execPath, BIN, '--config', stage.configPath, 'run'];
    expect(await exactly({ PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, 'unshare', args)).toEqual(SILENT);
    expect((await rowsOf(stage.storeUrl, 'SELECT host FROM runs'))[0]?.['host']).toBe(name);
  });
});

describeWith(['faketime'], 'a run on a host whose clock', () => {
  test.each([
    ['begins in 1970, as without a battery', '1970-01-02 00:00:00'],
    ['is beyond 2038', '2040-01-01 00:00:00'],
  ])('%s does its work, and the history of years stays', async (_, at) => {
    const stage = await setOdd({ engine: 'mariadb', yaml: `redis: ${inject('redisUrl')}\nredis_prefix: "world-${process.pid}-${at.slice(0, 4)}:"\nlock: { fair: false }\n` });
    const run = async (...before: readonly string[]): Promise<void> => {
      expect(await exactly({ PATH: '/usr/bin:/bin' }, 'env', [...before, process.execPath, BIN, '--config', stage.configPath, 'run'])).toEqual(SILENT);
      await expectTruth(stage);
    };
    await run();
    for (const seed of [1, 2]) {
      stage.sandbox.churn({ seed, leave: 1, departmentRemove: 0 });
      await run('faketime', '-f', `@${at}`);
    }
  });
});
