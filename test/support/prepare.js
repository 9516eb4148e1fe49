// Makes sure that the servers the tests start are installed; `npm test` runs it first.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

const NEEDS = [
  { program: 'mariadbd', debian: 'mariadb-server', instead: 'ORGSYNC_TEST_MYSQL_URL' },
  { program: 'redis-server', debian: 'redis-server', instead: 'ORGSYNC_TEST_REDIS_URL' },
];

/** Tools that some tests hold our files against. Where they cannot be had, those tests are skipped, but not in CI. */
const TOOLS = [
  { program: 'prometheus', debian: 'prometheus' },
  { program: 'prometheus-pushgateway', debian: 'prometheus-pushgateway' },
  { program: 'prometheus-node-exporter', debian: 'prometheus-node-exporter' },
  { program: 'cron', debian: 'cron' },
  { program: 'faketime', debian: 'faketime' },
  { program: 'chromium', debian: 'chromium' },
  { program: 'zsh', debian: 'zsh' },
  { program: 'fish', debian: 'fish' },
  { program: 'tmux', debian: 'tmux' },
  { program: 'systemd-analyze', debian: 'systemd' },
  { program: 'openssl', debian: 'openssl' },
  { program: 'ps', debian: 'procps' },
];

const missing = NEEDS.filter(({ program, instead }) => !process.env[instead] && !isInstalled(program));
const tools = TOOLS.filter(({ program }) => !isInstalled(program));
if (missing.length + tools.length > 0) {
  if (process.getuid?.() === 0 && isInstalled('apt-get')) install([...missing, ...tools].map(({ debian }) => debian));
  const still = missing.filter(({ program }) => !isInstalled(program));
  if (still.length > 0) explain(still);
}

function isInstalled(program) {
  // /usr/sbin holds mariadbd, and is not in everybody's PATH.
  return [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin'].some((dir) => {
    try {
      accessSync(path.join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function install(packages) {
  console.error(`installing ${packages.join(', ')} for the tests`);
  const apt = (...args) =>
    spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', '-qq', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'inherit'],
    }).status === 0;
  apt('update');
  // One that cannot be had takes all others with it.
  if (!apt('install', '-y', '--no-install-recommends', ...packages)) for (const one of packages) apt('install', '-y', '--no-install-recommends', one);
}

function explain(still) {
  const programs = still.map(({ program }) => program).join(' and ');
  const packages = still.map(({ debian }) => debian).join(' ');
  const urls = still.map(({ instead }) => instead).join(' and ');
  console.error(`The tests start private servers of their own, and ${programs} cannot be found.
  Debian, Ubuntu:  sudo apt-get install ${packages}
  macOS:           brew install mariadb redis
  or name servers that may be used for tests by ${urls}, such as mysql://root:secret@127.0.0.1:3306`);
  process.exit(1);
}
