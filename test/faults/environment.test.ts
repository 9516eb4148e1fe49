import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Ended, exactly, orgsync } from '../support/cli.ts';
import { describeWith } from '../support/programs.ts';
import { endLeases, expectRecovery, expectTruth, organisationOf } from '../support/recovery.ts';
import { corpOf } from '../support/sandbox.ts';
import { ENGINES, setStage } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import { rowsOf } from '../support/truth.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const BIN = path.join(ROOT, 'bin/orgsync.js');
/** An account that owns nothing. */
const NOBODY = 65_534;
/** An account that no entry of /etc/passwd names, as containers have them. */
const NAMELESS = 65_532;
const isRoot = process.getuid?.() === 0;

describe.each<[string, Readonly<Record<string, string>>]>([
  ['no variable at all', {}],
  ['what Debian’s cron gives', { PATH: '/usr/bin:/bin', HOME: '/root', LOGNAME: 'root', SHELL: '/bin/sh' }],
  ['a home that is not there, and no PATH', { HOME: '/nonexistent', PATH: '' }],
  ['the C locale', { LANG: 'C', LC_ALL: 'C' }],
])('with %s', (_, env) => {
  test.each(ENGINES)('a run does its work in silence, and names are shown as they are: %s', async (engine) => {
    const stage = await setStage({ engine, members: 10, departments: 3 });
    const { id } = corpOf(stage.sandbox);
    stage.sandbox.change({ op: 'addMember', corp: id, member: { userid: 'odd', name: '𠮷野家😀', mobile: '13911112222', status: 1 }, places: [{ department: 1, order: 0, leader: false }] });
    expect(await exactly(env, process.execPath, [BIN, '--config', stage.configPath, 'run'])).toEqual({ code: 0, stdout: '', stderr: '' });
    await expectTruth(stage);
    const { code, stdout } = await exactly(env, process.execPath, [BIN, '--config', stage.configPath, 'lookup', '13911112222']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('𠮷野家😀')]);
  });
});

// The built program: its bundler leaves out calls that it takes for pure.
const HERE = 'wecom: { api: "http://127.0.0.1:1", retries: 0 }';
test.each<[string, string, Readonly<Record<string, string>>]>([
  ['redis:', `redis: "redis://:10%zz@127.0.0.1:1"\n${HERE}`, {}],
  ['wecom.proxy', HERE.replace(' }', ', proxy: "http://u:10%zz@127.0.0.1:1" }'), {}],
  ['HTTPS_PROXY', '', { HTTPS_PROXY: 'http://u:10%zz@127.0.0.1:1' }],
])('a percent sign in the address of %s that stands for no character is told as such (78)', async (_, yaml, env) => {
  const stage = await setStage({ members: 10, departments: 3 });
  const config = path.join(stage.folder, 'percent.yml');
  await writeFile(config, `corps: [{ id: ww1, secret: x1234567 }]\nstore: sqlite:percent.sqlite\n${yaml}\n`, { mode: 0o600 });
  const { code, stderr } = await orgsync(['--config', config, 'run'], { env });
  expect([code, stderr]).toEqual([78, expect.stringContaining('%25')]);
  expect(stderr).not.toContain('10%zz');
});

describe('from a folder that was removed', () => {
  /** Runs the program in a folder that is gone. */
  const nowhere = (...args: readonly string[]): Promise<Pick<Ended, 'code' | 'stdout' | 'stderr'>> =>
    exactly({ PATH: '/usr/bin:/bin' }, 'sh', ['-c', 'gone="$(mktemp -d)" && cd "$gone" && rmdir "$gone" && exec "$@"', 'sh', process.execPath, BIN, ...args]);

  test('a run does its work in silence', async () => {
    const stage = await setStage({ members: 10, departments: 3 });
    expect(await nowhere('--config', stage.configPath, 'run')).toEqual({ code: 0, stdout: '', stderr: '' });
    await expectTruth(stage);
  });

  test.each([[[]], [['--config', 'config.yml']]])('what needs the folder says so, and it is no defect: %j', async (args) => {
    const { code, stderr } = await nowhere(...args, 'run');
    expect([code, stderr]).toEqual([78, expect.stringContaining('the working directory no longer exists')]);
  });
});

describe('a run whose memory', () => {
  const run = async (stage: Stage, megabytes: number): Promise<Ended> => await orgsync(['--config', stage.configPath, 'run'], { env: { NODE_OPTIONS: `--max-old-space-size=${megabytes}` } });

  test('is small reads and writes twenty thousand members in it', async () => {
    const stage = await setStage({ members: 20_000, departments: 40 });
    expect(await run(stage, 128)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await expectTruth(stage);
  });

  test.each(ENGINES)('runs out dies, having written nothing, and the next one does its work: %s', async (engine) => {
    const stage = await setStage({ engine, members: 20_000, departments: 40 });
    const before = await organisationOf(stage);
    const { code, signal } = await run(stage, 24);
    expect([code, signal]).toEqual([null, 'SIGABRT']);
    expect(await organisationOf(stage)).toEqual(before);
    await endLeases(stage);
    await expectRecovery(stage);
  });
});

describeWith(['unshare', 'mount', 'setpriv'], 'in a container', () => {
  test.skipIf(!isRoot)('a run does its work though it may write nowhere', async () => {
    const stage = await setStage({ engine: 'mariadb', members: 10, departments: 3 });
    const shut = `awk '{ print $2 }' /proc/mounts | while read -r at; do mount -o remount,bind,ro "$at"; done 2>/dev/null; touch /probe "$0" 2>/dev/null; ls /probe "$0" 2>/dev/null || exec "$@"`;
    const args = ['--mount', 'sh', '-c', shut, `${stage.folder}/probe`, process.execPath, BIN, '--config', stage.configPath, 'run'];
    expect(await exactly({ PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, 'unshare', args)).toEqual({ code: 0, stdout: '', stderr: '' });
    await expectTruth(stage);
  });

  test.skipIf(!isRoot).each(ENGINES)('a run does its work under an account that has nothing but its configuration and its store: %s', async (engine) => {
    const stage = await setStage({ engine, members: 10, departments: 3 });
    for (const file of ['.', ...(await readdir(stage.folder))]) await chown(path.join(stage.folder, file), NOBODY, NOBODY);
    // Node.js and the program where everybody may read them.
    const enter = `mount -t tmpfs none /mnt && mkdir /mnt/orgsync && touch /mnt/node && mount --bind "$0" /mnt/orgsync && mount --bind "$1" /mnt/node && shift && exec setpriv "$@"`;
    const rights = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--no-new-privs', '--bounding-set=-all'];
    const args = ['--mount', 'sh', '-c', enter, ROOT, process.execPath, ...rights, '/mnt/node', '/mnt/orgsync/bin/orgsync.js', '--config', stage.configPath, 'run'];
    expect(await exactly({ PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, 'unshare', args)).toEqual({ code: 0, stdout: '', stderr: '' });
    await expectTruth(stage);
  });

  test.skipIf(!isRoot)('a run does its work under an account without name and home, from a folder that was removed, with no variable at all', async () => {
    // The record of sent alerts lies in a folder that is named after the account.
    const stage = await setStage({ engine: 'mariadb', members: 10, departments: 3, yaml: 'alerts: { to: [{ command: "true" }] }\n' });
    for (const file of ['.', ...(await readdir(stage.folder))]) await chown(path.join(stage.folder, file), NAMELESS, NAMELESS);
    const enter = `mount -t tmpfs none /mnt && mkdir /mnt/orgsync /mnt/gone && touch /mnt/node && mount --bind "$0" /mnt/orgsync && mount --bind "$1" /mnt/node && shift && cd /mnt/gone && rmdir /mnt/gone && exec setpriv "$@"`;
    const rights = [`--reuid=${NAMELESS}`, `--regid=${NAMELESS}`, '--clear-groups', '--no-new-privs', '--bounding-set=-all'];
    const args = ['--mount', 'sh', '-c', enter, ROOT, process.execPath, ...rights, 'env', '-i', '/mnt/node', '/mnt/orgsync/bin/orgsync.js', '--config', stage.configPath, 'run'];
    expect(await exactly({ PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, 'unshare', args)).toEqual({ code: 0, stdout: '', stderr: '' });
    await expectTruth(stage);
  });

  test.skipIf(!isRoot).each([
    ['is believed where nothing can be written, as in Kubernetes, whose folders have mode 777', 'mount -o remount,ro /mnt', 0],
    ['is refused where it could be', 'true', 78],
  ])('a configuration that was searched for in a folder open to all %s', async (_, remount, code) => {
    const enter = `mount -t tmpfs -o mode=777 none /mnt && cd /mnt && umask 022 && echo 'corps: [{ id: ww1, secret: x1234567 }]' > config.yml && chmod 444 config.yml && ${remount} && exec "$0" "$@"`;
    const ended = await exactly({ PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }, 'unshare', ['--mount', 'sh', '-c', enter, process.execPath, BIN, 'config', 'show']);
    expect([ended.code, ended.stderr]).toEqual([code, code === 0 ? expect.any(String) : expect.stringContaining('which every account may write')]);
  });

  test.skipIf(!isRoot)('a run that is the first process heeds SIGTERM, and leaves no lease', async () => {
    const stage = await setStage({ members: 10, departments: 3 });
    const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 1, effect: { kind: 'hold' } });
    const args = ['--pid', '--fork', '--kill-child', process.execPath, BIN, '--config', stage.configPath, 'run'];
    const shell = spawn('unshare', args, { stdio: 'ignore' });
    onTestFinished(() => void shell.kill('SIGKILL'));
    const exit = once(shell, 'exit');
    await held.reached(1);
    const [first = ''] = (await readFile(`/proc/${String(shell.pid)}/task/${String(shell.pid)}/children`, 'utf8')).split(' ');
    expect(await readFile(`/proc/${first}/status`, 'utf8')).toMatch(/^NSpid:\s+\d+\s+1$/m);
    process.kill(Number(first), 'SIGTERM');
    expect((await exit)[0]).toBe(143);
    expect(await rowsOf(stage.storeUrl, 'SELECT name FROM leases WHERE token IS NOT NULL')).toEqual([]);
    await expectRecovery(stage, { waitMs: 0 });
  });
});
