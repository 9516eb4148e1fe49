// npm run test:mysql [vitest arguments]: the store's tests, runs and lookups on Oracle's MySQL, set up as strictly as it
// can be: from Debian's unstable suite, unpacked beside the checkout and run by its own loader (nothing is installed), or
// the one that ORGSYNC_TEST_MYSQL_URL names. What needs a server of its own still gets a MariaDB.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT, runVitest, Sum } from './steps.js';

const tree = path.join(ROOT, '.orgsync-test/mysql');
const usr = path.join(tree, 'root/usr');

/** What a careful administrator may have set, and what orgsync must not mind. */
const STRICT = ['--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', '--sql-require-primary-key=ON'];

/** Everybody must come over TLS, by caching_sha2_password. */
const OVER_TLS = ['test/contract/store.mariadb.test.ts', 'test/contract/alert-book.mariadb.test.ts', 'test/contract/ration.mariadb.test.ts', 'test/contract/lease.mariadb.test.ts', 'test/sync/truth.mariadb.test.ts', 'test/sync/lookup.test.ts', 'test/commands/run', 'test/commands/lookup', 'test/commands/forget'];
/** What looks into the statements on their way, which TLS does not let it, and what a frozen or killed writer leaves behind. */
const IN_PLAIN = ['test/store', 'test/faults/paused-writer.test.ts', 'test/faults/killed-anywhere.test.ts', 'test/soak/soak.test.ts'];
/** What changes settings of the whole server, so nothing else may use it at the same time. */
const ALONE = ['test/world/server-settings.test.ts'];

const sum = new Sum();
const given = process.argv.slice(2);
const { ORGSYNC_TEST_MYSQL_URL: theirs } = process.env;
if (theirs !== undefined) {
  console.log('on the server that ORGSYNC_TEST_MYSQL_URL names');
  test(theirs, given.length > 0 ? given : [...OVER_TLS, ...(theirs.includes('ssl=') ? [] : IN_PLAIN)]);
  if (given.length === 0) test(theirs, ALONE);
} else if (existsSync(path.join(usr, 'sbin/mysqld')) || unpack()) {
  await onOurOwn().catch((error) => {
    console.error(error);
    sum.add(0, 1, 0);
  });
} else {
  console.log('SKIPPED: no MySQL can be had from Debian here; name a server by ORGSYNC_TEST_MYSQL_URL=mysql://user:password@host:3306');
  sum.add(0, 0, 1);
}
sum.end();

async function onOurOwn() {
  const data = mkdtempSync(path.join(tmpdir(), 'orgsync-mysql-'));
  const port = await freePort();
  const url = `mysql://orgsync:orgsync-test@127.0.0.1:${port}`;
  let server;
  try {
    writeFileSync(path.join(data, 'account.sql'), "CREATE USER orgsync@'%' IDENTIFIED WITH caching_sha2_password BY 'orgsync-test'; GRANT ALL ON *.* TO orgsync@'%' WITH GRANT OPTION;\n");
    run(...mysqld(data, '--initialize-insecure'));
    const start = async (...more) => {
      const [program, args] = mysqld(data, `--port=${port}`, '--bind-address=127.0.0.1', `--socket=${path.join(data, 'sock')}`, `--pid-file=${path.join(data, 'pid')}`, '--skip-name-resolve', ...STRICT, ...more);
      // It ends with us, however we end.
      server = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], { stdio: 'ignore' });
      await answers(port, data);
    };
    await start(`--init-file=${path.join(data, 'account.sql')}`, '--require-secure-transport=ON');
    test(`${url}?ssl=unverified`, given.length > 0 ? given : OVER_TLS);
    if (given.length > 0) return;
    await end(server, 'SIGTERM');
    await start();
    test(url, IN_PLAIN);
    test(url, ALONE);
  } finally {
    await end(server, 'SIGKILL');
    rmSync(data, { recursive: true });
  }
}

async function end(server, signal) {
  if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const exit = once(server, 'exit');
  server.kill(signal);
  await exit;
}

function test(url, files) {
  runVitest(['--project', 'servers', ...files], { ...sum.env, ORGSYNC_TEST_MYSQL_URL: url });
}

/** Returns whether it worked. */
function unpack() {
  const apt = path.join(tree, 'apt');
  for (const dir of ['etc/apt/apt.conf.d', 'etc/apt/preferences.d', 'var/lib/apt/lists/partial', 'var/cache/apt/archives/partial', 'var/lib/dpkg']) {
    mkdirSync(path.join(apt, dir), { recursive: true });
  }
  writeFileSync(path.join(apt, 'var/lib/dpkg/status'), '');
  writeFileSync(path.join(apt, 'etc/apt/sources.list'), 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main\n');
  const options = [`Dir=${apt}`, `Dir::State::status=${apt}/var/lib/dpkg/status`, 'Acquire::Check-Valid-Until=false', 'Acquire::Languages=none', 'APT::Sandbox::User=root'];
  const aptGet = (...args) => run('apt-get', [...options.flatMap((option) => ['-o', option]), '-qq', ...args]);
  try {
    aptGet('update');
    aptGet('-y', '--no-install-recommends', '--download-only', 'install', 'mysql-server-core');
    const archives = path.join(apt, 'var/cache/apt/archives');
    for (const deb of readdirSync(archives).filter((file) => file.endsWith('.deb'))) run('dpkg', ['-x', path.join(archives, deb), path.join(tree, 'root')]);
    return existsSync(path.join(usr, 'sbin/mysqld'));
  } catch (error) {
    console.error(error.message);
    rmSync(path.join(tree, 'root'), { recursive: true, force: true });
    return false;
  } finally {
    rmSync(apt, { recursive: true, force: true });
  }
}

function mysqld(data, ...args) {
  const libraries = path.join(usr, 'lib/x86_64-linux-gnu');
  return [
    path.join(usr, 'lib64/ld-linux-x86-64.so.2'),
    [
      ...['--library-path', libraries, path.join(usr, 'sbin/mysqld'), '--no-defaults', '--user=root', `--datadir=${path.join(data, 'data')}`],
      ...[`--lc-messages-dir=${path.join(usr, 'share/mysql')}`, `--character-sets-dir=${path.join(usr, 'share/mysql/charsets')}`],
      ...[`--plugin-dir=${path.join(usr, 'lib/mysql/plugin')}`, `--log-error=${path.join(data, 'log')}`],
      ...['--mysqlx=OFF', '--secure-file-priv=NULL', '--disable-log-bin', '--innodb-buffer-pool-size=128M', '--innodb-flush-log-at-trx-commit=2'],
      ...args,
    ],
  ];
}

async function freePort() {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port: free } = listener.address();
  listener.close();
  await once(listener, 'close');
  return free;
}

async function answers(port, data) {
  for (let tries = 0; tries < 600; tries += 1) {
    const socket = createConnection({ port, host: '127.0.0.1' });
    try {
      await once(socket, 'data', { signal: AbortSignal.timeout(1_000) });
      return;
    } catch {
      await sleep(50);
    } finally {
      socket.destroy();
    }
  }
  throw new Error(`MySQL does not answer; see ${path.join(data, 'log')}`);
}

function run(command, args) {
  const { status: code } = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  if (code !== 0) throw new Error(`${command} failed`);
}
