import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { connect, execute } from './database.ts';
import { freePort, type ServerProcess, startServer } from './server-process.ts';
import { ACCOUNT } from './servers.ts';
import { until } from './until.ts';

const run = promisify(execFile);

/** Where `npm run test:mysql` unpacks Debian's newest MySQL. */
const USR = path.resolve(import.meta.dirname, '../../.orgsync-test/mysql/root/usr');
const PLUGINS = path.join(USR, 'lib/mysql/plugin');

/** Whether a MySQL with Group Replication can be started here. */
export function hasGroupReplication(): boolean {
  return existsSync(path.join(PLUGINS, 'group_replication.so'));
}

/** A group of three members that all take writes. */
export interface Group {
  readonly members: readonly [ServerProcess, ServerProcess, ServerProcess];
  /** Resolves when these are the members of the group, and each has all that was committed until now. */
  settled(members: readonly ServerProcess[]): Promise<void>;
  close(): Promise<void>;
}

/** Starts a group on loopback, in about fifteen seconds. */
export async function startGroup(): Promise<Group> {
  const ports = [await freePort(), await freePort(), await freePort()];
  const seeds = ports.map((port) => `127.0.0.1:${port}`).join(',');
  const [one, two, three] = await Promise.all(ports.map((own, index) => startMember({ id: index + 1, own, seeds })));
  if (one === undefined || two === undefined || three === undefined) throw new Error('three members were started');
  const members = [one, two, three] as const;
  for (const { url } of members) {
    const connection = await connect(url);
    await connection.query(`CHANGE REPLICATION SOURCE TO SOURCE_USER = '${ACCOUNT.user}', SOURCE_PASSWORD = '${ACCOUNT.password}' FOR CHANNEL 'group_replication_recovery'`);
    await connection.query(`SET GLOBAL group_replication_bootstrap_group = ${url === one.url ? 'ON' : 'OFF'}`);
    await connection.query('START GROUP_REPLICATION');
    await connection.query('SET GLOBAL group_replication_bootstrap_group = OFF');
    await connection.end();
  }
  const settled: Group['settled'] = async (alive) => {
    for (const { url } of alive) {
      const online = (): Promise<readonly Record<string, unknown>[]> => execute(url, "SELECT member_port FROM performance_schema.replication_group_members WHERE member_state = 'ONLINE'");
      await until(online, (rows) => rows.length === alive.length);
    }
    for (const { url: from } of alive) {
      const [row] = await execute(from, 'SELECT @@GLOBAL.gtid_executed AS gtids');
      for (const { url } of alive) await execute(url, 'SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 60)', [String(row?.['gtids'])]);
    }
  };
  await settled(members);
  return {
    members,
    settled,
    async close() {
      await Promise.all(members.map((member) => member.close()));
    },
  };
}

async function startMember({ id, own, seeds }: { readonly id: number; readonly own: number; readonly seeds: string }): Promise<ServerProcess> {
  const group = {
    group_name: '6f7267a7-73e6-4000-8000-000000000001',
    start_on_boot: 'OFF',
    local_address: `127.0.0.1:${own}`,
    group_seeds: seeds,
    ip_allowlist: '127.0.0.1/8',
    single_primary_mode: 'OFF',
    enforce_update_everywhere_checks: 'ON',
    recovery_get_public_key: 'ON',
    // A killed member is noticed after five seconds, not ten.
    member_expel_timeout: '0',
  };
  return await startServer({
    name: 'mysql-group',
    async prepare(dir) {
      await mkdir(path.join(dir, 'data'));
      await writeFile(path.join(dir, 'account.sql'), `SET sql_log_bin = 0;\nCREATE USER IF NOT EXISTS ${ACCOUNT.user}@'%' IDENTIFIED BY '${ACCOUNT.password}';\nGRANT ALL ON *.* TO ${ACCOUNT.user}@'%' WITH GRANT OPTION;\n`);
      const [program, ...args] = mysqld(dir, '--disable-log-bin', '--initialize-insecure');
      await run(program, args);
    },
    command: (dir, port) =>
      mysqld(
        dir,
        `--port=${port}`,
        '--bind-address=127.0.0.1',
        `--socket=${path.join(dir, 'sock')}`,
        '--skip-name-resolve',
        `--server-id=${id}`,
        '--log-bin=binlog',
        '--gtid-mode=ON',
        '--enforce-gtid-consistency=ON',
        '--plugin-load-add=group_replication.so',
        '--report-host=127.0.0.1',
        `--report-port=${port}`,
        `--init-file=${path.join(dir, 'account.sql')}`,
        ...Object.entries(group).map(([name, value]) => `--loose-group-replication-${name.replaceAll('_', '-')}=${value}`),
      ),
    url: urlOf,
    async probe(port) {
      await execute(urlOf(port), 'SELECT 1');
    },
  });
}

function mysqld(dir: string, ...args: readonly string[]): readonly [string, ...string[]] {
  return [
    path.join(USR, 'lib64/ld-linux-x86-64.so.2'),
    '--library-path',
    path.join(USR, 'lib/x86_64-linux-gnu'),
    path.join(USR, 'sbin/mysqld'),
    '--no-defaults',
    '--user=root',
    `--datadir=${path.join(dir, 'data')}`,
    `--lc-messages-dir=${path.join(USR, 'share/mysql')}`,
    `--character-sets-dir=${path.join(USR, 'share/mysql/charsets')}`,
    `--plugin-dir=${PLUGINS}`,
    '--mysqlx=OFF',
    '--secure-file-priv=NULL',
    '--innodb-buffer-pool-size=64M',
    '--innodb-flush-log-at-trx-commit=2',
    ...args,
  ];
}

function urlOf(port: number): string {
  return `mysql://${ACCOUNT.user}:${ACCOUNT.password}@127.0.0.1:${port}`;
}
