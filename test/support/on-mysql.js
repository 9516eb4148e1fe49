// npm run test:mysql [vitest arguments]: the store's tests on Oracle's MySQL, from Debian's unstable suite, unpacked beside
// the checkout and run by its own loader: nothing is installed. What needs a server of its own still gets a MariaDB.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = path.resolve(import.meta.dirname, '../..');
const tree = path.join(root, '.orgsync-test/mysql');
const usr = path.join(tree, 'root/usr');
if (!existsSync(path.join(usr, 'sbin/mysqld'))) unpack();

const data = mkdtempSync(path.join(tmpdir(), 'orgsync-mysql-'));
const port = await freePort();
let status = 1;
let server;
try {
  writeFileSync(path.join(data, 'account.sql'), "CREATE USER orgsync@'%' IDENTIFIED BY 'orgsync-test'; GRANT ALL ON *.* TO orgsync@'%' WITH GRANT OPTION;\n");
  run(...mysqld('--initialize-insecure'));
  const [program, args] = mysqld(`--port=${port}`, '--bind-address=127.0.0.1', `--socket=${path.join(data, 'sock')}`, `--pid-file=${path.join(data, 'pid')}`, '--skip-name-resolve', `--init-file=${path.join(data, 'account.sql')}`);
  server = spawn(program, args, { stdio: 'ignore' });
  await answers();
  process.env.ORGSYNC_TEST_MYSQL_URL = `mysql://orgsync:orgsync-test@127.0.0.1:${port}`;
  const tests = process.argv.length > 2 ? process.argv.slice(2) : ['test/contract/store.mariadb.test.ts', 'test/store'];
  status = spawnSync('node', ['node_modules/vitest/vitest.mjs', 'run', ...tests], { cwd: root, stdio: 'inherit' }).status ?? 1;
} finally {
  if (server !== undefined && server.exitCode === null) {
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
  rmSync(data, { recursive: true });
}
process.exit(status);

function unpack() {
  const apt = path.join(tree, 'apt');
  for (const dir of ['etc/apt/apt.conf.d', 'etc/apt/preferences.d', 'var/lib/apt/lists/partial', 'var/cache/apt/archives/partial', 'var/lib/dpkg']) {
    mkdirSync(path.join(apt, dir), { recursive: true });
  }
  writeFileSync(path.join(apt, 'var/lib/dpkg/status'), '');
  writeFileSync(path.join(apt, 'etc/apt/sources.list'), 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main\n');
  const options = [`Dir=${apt}`, `Dir::State::status=${apt}/var/lib/dpkg/status`, 'Acquire::Check-Valid-Until=false', 'Acquire::Languages=none', 'APT::Sandbox::User=root'];
  const aptGet = (...args) => run('apt-get', [...options.flatMap((option) => ['-o', option]), '-qq', ...args]);
  aptGet('update');
  aptGet('-y', '--no-install-recommends', '--download-only', 'install', 'mysql-server-core');
  const archives = path.join(apt, 'var/cache/apt/archives');
  for (const deb of readdirSync(archives).filter((file) => file.endsWith('.deb'))) run('dpkg', ['-x', path.join(archives, deb), path.join(tree, 'root')]);
  rmSync(apt, { recursive: true });
}

function mysqld(...args) {
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

async function answers() {
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
  const { status: code } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (code !== 0) throw new Error(`${command} failed`);
}
