import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { Secret } from '../../src/core/secret.ts';
import { systemClock } from '../../src/local/clock.ts';
import { openLink, type Reply } from '../../src/redis/connect.ts';
import { firstBytes, type ServerProcess, startServer } from './server-process.ts';
import { startRedis } from './servers.ts';
import { until } from './until.ts';

/** What the Sentinels call the primary. */
const PRIMARY_NAME = 'mymaster';
const [PASSWORD, SENTINEL_PASSWORD] = ['p@ss/1', 's&nt+nel'];

/** A primary with a replica, and three Sentinels that watch them, all with passwords. */
export interface Watched {
  readonly primary: ServerProcess;
  readonly replica: ServerProcess;
  readonly sentinels: readonly ServerProcess[];
  /** `redis+sentinel://…` for it; `instead` replaces parts. */
  url(instead?: { readonly ports?: readonly number[]; readonly name?: string; readonly database?: number; readonly sentinelPassword?: string }): string;
  /** Sends one command to one of the servers. */
  ask(server: ServerProcess, ...command: readonly [string, ...string[]]): Promise<Reply>;
  /** Resolves when the Sentinels have made the replica the primary. */
  failedOver(): Promise<void>;
  close(): Promise<void>;
}

/** Starts them, in about three seconds. The replica copies from `replicateFrom`, a port that leads to the primary. */
export async function startWatched({ replicateFrom = (port: number) => Promise.resolve(port) }: { readonly replicateFrom?: (port: number) => Promise<number> } = {}): Promise<Watched> {
  const args = ['--requirepass', PASSWORD, '--masterauth', PASSWORD, '--repl-diskless-sync-delay', '0'];
  const primary = await startRedis({ args, password: PASSWORD });
  const replica = await startRedis({ args: [...args, '--replicaof', '127.0.0.1', String(await replicateFrom(primary.port))], password: PASSWORD });
  const ask: Watched['ask'] = (server, ...command) => askWith(server === primary || server === replica ? PASSWORD : SENTINEL_PASSWORD, server.port, command);
  await until(() => ask(primary, 'INFO', 'replication'), (info) => String(info).includes('state=online'));
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(primary.port)));
  for (const sentinel of sentinels) {
    await until(() => ask(sentinel, 'SENTINEL', 'CKQUORUM', PRIMARY_NAME), (answer) => String(answer).startsWith('OK 3'));
    await until(() => ask(sentinel, 'SENTINEL', 'REPLICAS', PRIMARY_NAME), (replicas) => Array.isArray(replicas) && replicas.length === 1);
  }
  return {
    primary,
    replica,
    sentinels,
    url({ ports = sentinels.map(({ port }) => port), name = PRIMARY_NAME, database = 0, sentinelPassword = SENTINEL_PASSWORD } = {}) {
      const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
      return `redis+sentinel://:${encodeURIComponent(PASSWORD)}@${hosts}/${name}/${database}?sentinel_password=${encodeURIComponent(sentinelPassword)}`;
    },
    ask,
    async failedOver() {
      for (const sentinel of sentinels) {
        await until(() => ask(sentinel, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', PRIMARY_NAME), (answer) => String(answer) === `127.0.0.1,${replica.port}`);
      }
    },
    async close() {
      await Promise.all([...sentinels, replica, primary].map((server) => server.close()));
    },
  };
}

/** {@link startWatched} for the running test. */
export async function watchedForTest(options: Parameters<typeof startWatched>[0] = {}): Promise<Watched> {
  const watched = await startWatched(options);
  onTestFinished(() => watched.close());
  return watched;
}

async function askWith(password: string, port: number, command: readonly [string, ...string[]]): Promise<Reply> {
  const link = openLink({ url: new Secret(`redis://:${encodeURIComponent(password)}@127.0.0.1:${port}`), clock: systemClock });
  try {
    return await link.call(...command);
  } finally {
    link.close();
  }
}

async function startSentinel(primaryPort: number): Promise<ServerProcess> {
  return await startServer({
    name: 'sentinel',
    prepare: (dir) =>
      writeFile(
        path.join(dir, 'sentinel.conf'),
        [
          `sentinel monitor ${PRIMARY_NAME} 127.0.0.1 ${primaryPort} 2`,
          `sentinel auth-pass ${PRIMARY_NAME} ${PASSWORD}`,
          `sentinel down-after-milliseconds ${PRIMARY_NAME} 500`,
          `sentinel failover-timeout ${PRIMARY_NAME} 3000`,
          `requirepass ${SENTINEL_PASSWORD}`,
        ].join('\n'),
      ),
    command: (dir, port) => ['redis-server', path.join(dir, 'sentinel.conf'), '--sentinel', '--port', String(port), '--bind', '127.0.0.1', '--dir', dir],
    url: (port) => `redis://:${encodeURIComponent(SENTINEL_PASSWORD)}@127.0.0.1:${port}`,
    probe: async (port) => {
      const answer = (await firstBytes(port, 'PING\r\n')).toString();
      if (!answer.includes('NOAUTH')) throw new Error(answer);
    },
  });
}
