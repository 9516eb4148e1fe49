import type { Clock } from '../../core/ports/system.ts';
import { OrgsyncError } from '../../errors.ts';
import type { Connection, Database, Engine, Purpose, Session, SqlValue, Trouble } from './database.ts';

/** The pauses after failed attempts. A restarted server is normally back within their sum. */
const PAUSES_MS = { contention: [20, 60, 150, 400, 800], lost: [50, 200, 500, 1_000, 2_000, 4_000] } as const;

/** No further attempt begins after this time. */
const GIVE_UP_MS = 45_000;

/** What units of work need in addition to an engine. */
export interface UnitOptions {
  readonly clock: Clock;
  readonly stopping?: AbortSignal;
}

/**
 * Opens a {@link Database} on any engine: runs units of work, retries them and translates their errors. When `stopping` aborts,
 * running units end before their next statement, with its reason. Units that tidy up, and units that begin later, are still
 * executed, but not retried.
 */
export function openDatabase(engine: Engine, { clock, stopping = new AbortController().signal }: UnitOptions): Database {
  const repeat = { engine, clock, stopping };
  return {
    dialect: engine.dialect,
    read: (work, { patiently = false } = {}) => retry(repeat, { most: patiently ? Infinity : 1 }, (until) => inTransaction(engine, { purpose: 'read' }, until(work))),
    transaction: async (work, { tidiesUp = false, urgent = false } = {}) => {
      refuseWhenReadOnly(engine);
      return await retry(repeat, { most: Infinity, tidiesUp }, (until) => inTransaction(engine, { purpose: 'write', urgent }, until(work)));
    },
    alone: async (work) => {
      refuseWhenReadOnly(engine);
      return await retry(repeat, { most: 3 }, () => alone(engine, work));
    },
    close: () => engine.close(),
  };
}

function refuseWhenReadOnly({ readOnly }: Engine): void {
  if (!readOnly) return;
  throw new OrgsyncError('config', {
    code: 'read_only',
    message: 'The store was opened for reading only, and this would write to it.',
    hint: 'take away `read_only:` and ORGSYNC_READ_ONLY where orgsync is to write',
  });
}

type Work<T> = (connection: Connection) => Promise<T>;

/** Retries until `attempt` succeeds, its error is final, or the pauses (at most `most` of them) are used up. */
async function retry<T>(
  { engine, clock, stopping }: { readonly engine: Engine; readonly clock: Clock; readonly stopping: AbortSignal },
  { most, tidiesUp = false }: { readonly most: number; readonly tidiesUp?: boolean },
  attempt: (until: (work: Work<T>) => Work<T>) => Promise<T>,
): Promise<T> {
  const used = { contention: 0, lost: 0 };
  const giveUp = clock.monotonic() + GIVE_UP_MS;
  const finishes = tidiesUp || stopping.aborted;
  for (;;) {
    try {
      return await attempt((work) => (finishes ? work : (connection) => work(stoppable(connection, stopping))));
    } catch (error) {
      if (stopping.aborted) throw finishes ? engine.translate(error) : stopping.reason;
      const trouble: Trouble = isBehind(error) ? 'lost' : engine.judge(error);
      const pause = trouble === 'final' ? undefined : PAUSES_MS[trouble][used[trouble]];
      if (trouble === 'final' || pause === undefined || used[trouble] >= most || clock.monotonic() > giveUp) throw engine.translate(error);
      used[trouble] += 1;
      // A random part, so that two colliding processes do not retry at the same time.
      await clock.sleep(pause * (0.5 + Math.random()), stopping).catch(() => undefined);
    }
  }
}

/** Wraps a connection: every statement throws when `stopping` has aborted. */
function stoppable(connection: Connection, stopping: AbortSignal): Connection {
  const { dialect } = connection;
  const unlessStopping =
    <T>(send: (sql: string, values?: readonly SqlValue[]) => Promise<T>): typeof send =>
    async (sql, values) => {
      stopping.throwIfAborted();
      return await send(sql, values);
    };
  return {
    dialect,
    query: unlessStopping((sql, values) => connection.query(sql, values)),
    tuples: unlessStopping((sql, values) => connection.tuples(sql, values)),
    write: unlessStopping((sql, values) => connection.write(sql, values)),
  };
}

/** The kind of session that a unit of work needs. */
interface Wish {
  readonly purpose: Purpose;
  readonly urgent?: boolean;
}

async function inTransaction<T>(engine: Engine, wish: Wish, work: (connection: Connection) => Promise<T>): Promise<T> {
  return await withSession(engine, wish, async (session) => {
    await session.begin();
    try {
      const result = await work(session);
      await session.commit();
      return result;
    } catch (error) {
      await session.rollback();
      throw error;
    }
  });
}

async function alone<T>(engine: Engine, work: (connection: Connection) => Promise<T>): Promise<T> {
  return await withSession(engine, { purpose: 'migrate' }, async (session) => {
    const unlock = await engine.lockAlone(session);
    let succeeded = false;
    try {
      const result = await work(session);
      succeeded = true;
      return result;
    } finally {
      await unlock(succeeded);
    }
  });
}

async function withSession<T>(engine: Engine, { purpose, urgent = false }: Wish, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await engine.open(purpose, { urgent });
  let discard = false;
  try {
    return await work(session);
  } catch (error) {
    discard = isBehind(error);
    throw error;
  } finally {
    await session.close({ discard });
  }
}

/** Whether the server does not have a transaction yet that is known to be committed. Another connection may reach a server that has it. */
function isBehind(error: unknown): boolean {
  return error instanceof OrgsyncError && error.code === 'store_behind';
}
