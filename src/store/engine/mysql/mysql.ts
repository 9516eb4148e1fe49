import type { Clock } from '../../../core/ports/system.ts';
import { OrgsyncError } from '../../../errors.ts';
import type { Engine, Session } from '../database.ts';
import { mysqlDialect } from './dialect.ts';
import { judgeMysqlError, translateMysqlError } from './errors.ts';
import { Pool } from './pool.ts';
import { parseMysqlUrl } from './url.ts';

/** How a MySQL or MariaDB is spoken to. */
export interface MysqlOptions {
  readonly url: string;
  readonly readOnly: boolean;
  /** The server ends a session that is silent for longer: below the lease's life, so that a frozen writer blocks nobody. */
  readonly silenceMs: number;
  /** How long connecting, and any one statement, may take. */
  readonly connectMs: number;
  readonly statementMs: number;
  readonly clock: Clock;
  /** Once aborted, nothing may take long: the process is to end. */
  readonly stopping?: AbortSignal;
}

/** MySQL 5.7+, 8.x, MariaDB 10.5+. A unit of work has a connection for itself while it lasts. */
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

async function lockAlone(session: Session): Promise<() => Promise<void>> {
  const [row] = await session.query("SELECT GET_LOCK(CONCAT('orgsync.', LEFT(DATABASE(), 40)), 20) AS locked");
  if (row?.['locked'] !== 1) {
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
