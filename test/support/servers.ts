import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { firstBytes, type ServerProcess, startServer, WITH_SBIN } from './server-process.ts';

export type { ServerProcess } from './server-process.ts';

const run = promisify(execFile);

/** The account that {@link startMariadb} creates; it may do everything. */
export const ACCOUNT = { user: 'orgsync', password: 'orgsync-test' } as const;

/** What a private MariaDB is to be like. */
export interface MariadbOptions {
  /** Flush each commit to the disk, as in production. Tests survive kill -9 without; benchmarks want it. */
  readonly durable?: boolean;
  /** Further server options, such as `--max-connections=5`. */
  readonly args?: readonly string[];
}

/** Starts a private MariaDB on a free loopback port. `url` names no database; see {@link withDatabase}. */
export async function startMariadb({ durable = false, args = [] }: MariadbOptions = {}): Promise<ServerProcess> {
  return await startServer({
    name: 'mariadb',
    prepare: createDataDirectory,
    command: (dir, port) => [
      'mariadbd',
      '--no-defaults',
      ...asRoot(),
      `--datadir=${path.join(dir, 'data')}`,
      `--socket=${path.join(dir, 'sock')}`,
      '--bind-address=127.0.0.1',
      `--port=${port}`,
      `--pid-file=${path.join(dir, 'mariadb.pid')}`,
      `--tmpdir=${dir}`,
      '--skip-name-resolve',
      '--character-set-server=utf8mb4',
      '--innodb-buffer-pool-size=128M',
      '--innodb-log-file-size=96M',
      `--innodb-flush-log-at-trx-commit=${durable ? 1 : 2}`,
      `--init-file=${path.join(dir, 'data', 'account.sql')}`,
      ...args,
    ],
    url: (port) => `mysql://${ACCOUNT.user}:${ACCOUNT.password}@127.0.0.1:${port}`,
    probe: async (port) => {
      await firstBytes(port);
    },
  });
}

/** Starts a private Redis on a free loopback port, in about 50 ms: a test file can well have its own. */
export async function startRedis({ args = [], password }: { readonly args?: readonly string[]; readonly password?: string } = {}): Promise<ServerProcess> {
  return await startServer({
    name: 'redis',
    command: (dir, port) => [
      'redis-server',
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no'],
      ...args,
    ],
    url: (port) => `redis://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}/0`,
    probe: async (port) => {
      const answer = (await firstBytes(port, 'PING\r\n')).toString();
      if (!answer.startsWith(password === undefined ? '+PONG' : '-NOAUTH')) throw new Error(answer);
    },
  });
}

/** The same server's url with a database in it. */
export function withDatabase(url: string, database: string): string {
  const parsed = new URL(url);
  parsed.pathname = `/${database}`;
  return parsed.href;
}

/** Where a data directory is kept for each version of MariaDB, to be copied. */
const TEMPLATES = path.resolve(import.meta.dirname, '../../.orgsync-test');

/** Creates a data directory with the account, in `dir`. */
export async function createDataDirectory(dir: string): Promise<void> {
  const { stdout: version } = await run('mariadbd', ['--no-defaults', ...asRoot(), '--version'], { env: WITH_SBIN });
  const template = path.join(TEMPLATES, `mariadb-${createHash('sha256').update(version).digest('hex').slice(0, 12)}`);
  if (!existsSync(template)) await installTemplate(template);
  await run('cp', ['-R', template, path.join(dir, 'data')]);
}

/** Installs into a directory beside it, which is then renamed: who copies finds all of it or nothing. */
async function installTemplate(template: string): Promise<void> {
  await mkdir(TEMPLATES, { recursive: true });
  const making = await mkdtemp(`${template}-`);
  const data = path.join(making, 'data');
  const { user, password } = ACCOUNT;
  await run('mariadb-install-db', [
    '--no-defaults',
    ...asRoot(),
    `--datadir=${data}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--innodb-log-file-size=16M',
    // In /tmp, two of them at once delete each other's temporary tables.
    `--tmpdir=${making}`,
  ]);
  await writeFile(path.join(data, 'account.sql'), `GRANT ALL ON *.* TO '${user}'@'%' IDENTIFIED BY '${password}' WITH GRANT OPTION;\n`);
  // Somebody else may have been faster: theirs is as good.
  await rename(data, template).catch((error: unknown) => {
    if (!existsSync(template)) throw error;
  });
  await rm(making, { recursive: true, force: true });
}

function asRoot(): readonly string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : [];
}
