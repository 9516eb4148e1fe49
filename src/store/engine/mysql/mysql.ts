import type { Clock } from '../../../core/ports/system.ts';
import { OrgsyncError } from '../../../errors.ts';
import type { Engine, Session } from '../database.ts';
import { mysqlDialect } from './dialect.ts';
import { judgeMysqlError, translateMysqlError } from './errors.ts';
import { Pool } from './pool.ts';
import { parseMysqlUrl } from './url.ts';

/** How to connect to MySQL or MariaDB. */
export interface MysqlOptions {
  readonly url: string;
  readonly readOnly: boolean;
  /** The server ends a session that is silent for longer. Shorter than the lease's ttl, so that a frozen writer does not block others. */
  readonly silenceMs: number;
  /** How long connecting may take; and how long a statement may be silent before we look whether the server still works on it. */
  readonly connectMs: number;
  /** How long the server may be silent while it works on one statement. */
  readonly statementMs: number;
  readonly clock: Clock;
  /** Aborts when the process must end; then nothing may take long. */
  readonly stopping?: AbortSignal;
}

/** Opens MySQL 5.7+, 8.x or MariaDB 10.5+. Each unit of work has its own connection while it runs. */
export function openMysql(options: MysqlOptions): Engine {
  const address = parseMysqlUrl(options.url);
  const where = `MySQL at ${address.socket ?? `${address.host}:${address.port}`}`;
  const pool = new Pool({ ...options, address });
  return {
    dialect: mysqlDialect,
    readOnly: options.readOnly,
    open: (purpose, { urgent = false } = {}) => pool.take(purpose, urgent ? 'urgent' : 'ordinary'),
    lockAlone,
    judge: judgeMysqlError,
    translate: (error) => translateMysqlError(error, where),
    close: () => pool.close(),
  };
}

/** Waits until no other process migrates through this server. Percona XtraDB Cluster forbids GET_LOCK; there, as on any cluster, every step of a migration may be repeated. */
async function lockAlone(session: Session): Promise<() => Promise<void>> {
  const rows = await session.query("SELECT GET_LOCK(CONCAT('orgsync.', LEFT(DATABASE(), 40)), 20) AS locked").catch((error: unknown) => {
    if (error instanceof Error && /GET_LOCK/.test(error.message)) return undefined;
    throw error;
  });
  if (rows === undefined) return () => Promise.resolve();
  if (rows[0]?.['locked'] !== 1) {
    throw new OrgsyncError('temporary', {
      code: 'migration_running',
      message: 'Another process is migrating the tables.',
      hint: 'try again when it has finished',
    });
  }
  return async () => {
    await session.query("SELECT RELEASE_LOCK(CONCAT('orgsync.', LEFT(DATABASE(), 40)))");
  };
}
