import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { connect, execute } from './database.ts';
import { freePort, type ServerProcess, startServer } from './server-process.ts';
import { ACCOUNT, createDataDirectory } from './servers.ts';
import { until } from './until.ts';

/** Where Debian's galera-4 has the library. */
const GALERA = '/usr/lib/galera/libgalera_smm.so';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;

/** Whether a Galera cluster can be started here. */
export function hasGalera(): boolean {
  return existsSync(GALERA);
}

/** A cluster of three nodes, each a whole MariaDB. */
export interface Galera {
  readonly nodes: readonly [ServerProcess, ServerProcess, ServerProcess];
  /** Resolves when so many nodes form the cluster, and each of `nodes` has all that was committed until now. */
  settled(nodes: readonly ServerProcess[]): Promise<void>;
  close(): Promise<void>;
}

interface Ports {
  /** Where the group communicates, and where a joining node gets what it missed. */
  readonly group: number;
  readonly incremental: number;
  readonly snapshot: number;
}

/** Starts a cluster on loopback, in about half a minute: two of the nodes copy the first one. */
export async function startGalera(): Promise<Galera> {
  const name = `orgsync-${process.pid}-${Date.now()}`;
  const ports: Ports[] = [];
  for (let node = 0; node < 3; node += 1) ports.push({ group: await freePort(), incremental: await freePort(), snapshot: await freePort() });
  const members = ports.map(({ group }) => `127.0.0.1:${group}`).join(',');
  const nodes: ServerProcess[] = [];
  try {
    for (const own of ports) nodes.push(await startNode({ name, members, own, isFirst: nodes.length === 0 }));
  } catch (error) {
    for (const node of nodes) await node.close();
    throw error;
  }
  const [one, two, three] = nodes;
  if (one === undefined || two === undefined || three === undefined) throw new Error('three nodes were started');
  return {
    nodes: [one, two, three],
    async settled(alive) {
      for (const { url } of alive) {
        await until(() => status(url, 'wsrep_cluster_size'), (size) => size === String(alive.length));
        await until(() => status(url, 'wsrep_ready'), (ready) => ready === 'ON');
        const connection = await connect(url);
        await connection.query('SET SESSION wsrep_sync_wait = 15');
        await connection.query('SELECT 1');
        await connection.end();
      }
    },
    async close() {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
}

/** One status variable of a node. */
export async function status(url: string, name: string): Promise<string> {
  const [row] = await execute(url, 'SHOW GLOBAL STATUS LIKE ?', [name]);
  return String(row?.['Value']);
}

async function startNode({ name, members, own, isFirst }: { readonly name: string; readonly members: string; readonly own: Ports; readonly isFirst: boolean }): Promise<ServerProcess> {
  const provider = {
    base_host: '127.0.0.1',
    base_port: own.group,
    'gmcast.listen_addr': `tcp://127.0.0.1:${own.group}`,
    'ist.recv_addr': `127.0.0.1:${own.incremental}`,
    'gcache.size': '64M',
    // A killed node is noticed after two seconds, not five.
    'evs.suspect_timeout': 'PT2S',
    'evs.inactive_timeout': 'PT4S',
    'evs.keepalive_period': 'PT0.5S',
    'evs.inactive_check_period': 'PT0.5S',
  };
  let founds = isFirst;
  return await startServer({
    name: 'galera',
    async prepare(dir) {
      await createDataDirectory(dir);
      if (isRoot) await run('chown', ['-R', 'mysql:', dir]);
    },
    command(dir, port) {
      const founding = founds;
      founds = false;
      return [
        'mariadbd',
        '--no-defaults',
        // A node is copied by a rsync daemon, which does not work as root.
        ...(isRoot ? ['--user=mysql'] : []),
        `--datadir=${path.join(dir, 'data')}`,
        `--socket=${path.join(dir, 'sock')}`,
        '--bind-address=127.0.0.1',
        `--port=${port}`,
        `--tmpdir=${dir}`,
        '--skip-name-resolve',
        '--character-set-server=utf8mb4',
        '--innodb-buffer-pool-size=64M',
        '--innodb-log-file-size=16M',
        '--innodb-flush-log-at-trx-commit=2',
        '--innodb-autoinc-lock-mode=2',
        '--binlog-format=ROW',
        '--wsrep-on=ON',
        `--wsrep-provider=${GALERA}`,
        `--wsrep-cluster-name=${name}`,
        `--wsrep-cluster-address=gcomm://${members}`,
        '--wsrep-node-address=127.0.0.1',
        '--wsrep-sst-method=rsync',
        `--wsrep-sst-receive-address=127.0.0.1:${own.snapshot}`,
        `--wsrep-provider-options=${Object.entries(provider).map(([option, value]) => `${option}=${value}`).join(';')}`,
        // The others copy the account.
        ...(founding ? ['--wsrep-new-cluster', `--init-file=${path.join(dir, 'data', 'account.sql')}`] : []),
      ];
    },
    url: urlOf,
    async probe(port) {
      if ((await status(urlOf(port), 'wsrep_ready')) !== 'ON') throw new Error('the node is not ready');
    },
  });
}

function urlOf(port: number): string {
  return `mysql://${ACCOUNT.user}:${ACCOUNT.password}@127.0.0.1:${port}`;
}
