import { expect, onTestFinished } from 'vitest';
import { connect, execute } from './database.ts';
import { ACCOUNT, type ServerProcess, startMariadb } from './servers.ts';

/** A primary and an asynchronous replica of it. */
export interface Replicated {
  readonly primary: ServerProcess;
  readonly replica: ServerProcess;
  /** Stops the replica from applying what comes; what came before is applied first. */
  readonly holdBack: () => Promise<void>;
  /** Resolves when the replica has applied all that the primary has committed. */
  readonly caughtUp: () => Promise<void>;
  /** Makes the replica a primary, without what it has not applied. */
  readonly promote: () => Promise<void>;
}

/** Starts both for the running test; `args` are for both. */
export async function startReplicated({ args = [] }: { readonly args?: readonly string[] } = {}): Promise<Replicated> {
  const logging = ['--log-bin=binlog', '--log-slave-updates', '--binlog-format=ROW', '--gtid-strict-mode=ON', '--slave-net-timeout=5'];
  const [primary, replica] = await Promise.all(['1', '2'].map((id) => startMariadb({ args: [...logging, `--server-id=${id}`, ...args] })));
  if (primary === undefined || replica === undefined) throw new Error('two servers were started');
  onTestFinished(async () => {
    await Promise.all([primary.close(), replica.close()]);
  });
  // Both have the account; nothing of how it came about is to be copied.
  for (const { url } of [primary, replica]) await execute(url, 'RESET MASTER');
  const connection = await connect(replica.url);
  await connection.query("SET GLOBAL gtid_slave_pos = ''");
  await connection.query(`CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${primary.port}, MASTER_USER = '${ACCOUNT.user}', MASTER_PASSWORD = '${ACCOUNT.password}', MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1`);
  await connection.query('START SLAVE');
  await connection.query('SET GLOBAL read_only = ON');
  await connection.end();
  const caughtUp = async (): Promise<void> => {
    const [row] = await execute(primary.url, 'SELECT @@GLOBAL.gtid_binlog_pos AS pos');
    expect(await execute(replica.url, 'SELECT MASTER_GTID_WAIT(?, 30) AS waited', [String(row?.['pos'])])).toEqual([{ waited: 0 }]);
  };
  return {
    primary,
    replica,
    caughtUp,
    async holdBack() {
      await caughtUp();
      await execute(replica.url, 'STOP SLAVE SQL_THREAD');
    },
    async promote() {
      await execute(replica.url, 'STOP SLAVE');
      await execute(replica.url, 'RESET SLAVE ALL');
      await execute(replica.url, 'SET GLOBAL read_only = OFF');
    },
  };
}
