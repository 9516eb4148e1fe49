import type { Clock } from '../../core/ports/system.ts';
import { OrgsyncError } from '../../errors.ts';
import type { Connection, Database, Engine, Purpose, Session, SqlValue, Trouble } from './database.ts';

/** The pauses after failed attempts. A restarted server is normally back within their sum. */
const PAUSES_MS = { contention: [20, 60, 150, 400, 800], locked: [20, 60, 150, 400, 800], lost: [50, 200, 500, 1_000, 2_000, 4_000], silent: [200, 1_000, 4_000] } as const;

/** After contention or a lock, no further attempt begins after this time. */
const GIVE_UP_MS = 45_000;
/** The defaults of {@link UnitOptions}. */
const LOST_MS = 15_000;
const SILENT_MS = 7_500;
/** After a unit of work was given up because the server is lost, other units fail at once for this time. */
const FAIL_FAST_MS = 1_000;

/** What units of work need in addition to an engine. */
export interface UnitOptions {
  readonly clock: Clock;
  readonly stopping?: AbortSignal;
  /** How long after the first lost connection another attempt of a unit may begin. */
  readonly lostMs?: number;
  /** The same when the server is silent: each attempt has waited for it already. */
  readonly silentMs?: number;
}

/**
 * Opens a {@link Database} on any engine: runs units of work, retries them and translates their errors. When `stopping` aborts,
 * running units end before their next statement, with its reason. Units that tidy up, and units that begin later, are still
 * executed, but not retried. Nor are units retried after one was given up because the server is lost, until one succeeds:
 * a run of many corps must not wait for the same server once for each corp.
 */
export function openDatabase(engine: Engine, { clock, stopping = new AbortController().signal, lostMs = LOST_MS, silentMs = SILENT_MS }: UnitOptions): Database {
  const repeat: Repeat = { engine, clock, stopping, lostMs, silentMs, outage: { error: undefined, at: 0 } };
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

/** What all units of work of one database share. */
interface Repeat extends Required<UnitOptions> {
  readonly engine: Engine;
  /** Why the last unit was given up, when the server was lost; and when. */
  readonly outage: { error: OrgsyncError | undefined; at: number };
}

/** Retries until `attempt` succeeds, its error is final, or the pauses (at most `most` of them) are used up. */
async function retry<T>(repeat: Repeat, { most, tidiesUp = false }: { readonly most: number; readonly tidiesUp?: boolean }, attempt: (until: (work: Work<T>) => Work<T>) => Promise<T>): Promise<T> {
  const { engine, clock, stopping, outage } = repeat;
  if (outage.error !== undefined && clock.monotonic() < outage.at + FAIL_FAST_MS) throw outage.error;
  const pauses = new Pauses(repeat, most);
  const finishes = tidiesUp || stopping.aborted;
  for (;;) {
    try {
      const result = await attempt((work) => (finishes ? work : (connection) => work(stoppable(connection, stopping))));
      outage.error = undefined;
      return result;
    } catch (error) {
      if (stopping.aborted) throw finishes ? engine.translate(error) : stopping.reason;
      const trouble: Trouble = isBehind(error) ? 'lost' : engine.judge(error);
      const pause = pauses.after(trouble);
      if (pause === undefined) {
        const translated = engine.translate(error);
        if (translated.code === 'store_unreachable') Object.assign(outage, { error: translated, at: clock.monotonic() });
        throw translated;
      }
      // A random part, so that two colliding processes do not retry at the same time.
      await clock.sleep(pause * (0.5 + Math.random()), stopping).catch(() => undefined);
    }
  }
}

/** The pauses of one unit of work. */
class Pauses {
  readonly #repeat: Repeat;
  readonly #most: number;
  readonly #used = { contention: 0, locked: 0, lost: 0, silent: 0 };
  readonly #startedAt: number;
  #lostAt: number | undefined;

  constructor(repeat: Repeat, most: number) {
    this.#repeat = repeat;
    this.#most = most;
    this.#startedAt = repeat.clock.monotonic();
  }

  /** Returns how long to wait before the next attempt; undefined when there is none. */
  after(trouble: Trouble): number | undefined {
    if (trouble === 'final' || this.#used[trouble] >= this.#most) return undefined;
    const now = this.#repeat.clock.monotonic();
    const isOver = trouble === 'lost' || trouble === 'silent' ? this.#isLost(trouble, now) : now > this.#startedAt + GIVE_UP_MS;
    this.#used[trouble] += 1;
    return isOver ? undefined : PAUSES_MS[trouble][this.#used[trouble] - 1];
  }

  /** Whether the server has been away for too long, for this unit or for an earlier one. */
  #isLost(trouble: 'lost' | 'silent', now: number): boolean {
    const { lostMs, silentMs, outage } = this.#repeat;
    this.#lostAt ??= now;
    return outage.error !== undefined || now > this.#lostAt + (trouble === 'lost' ? lostMs : silentMs);
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
    // Another connection may lead to another server of a cluster: one that is ready, has caught up, and is not locked.
    discard = isBehind(error) || ['locked', 'lost', 'silent'].includes(engine.judge(error));
    throw error;
  } finally {
    await session.close({ discard });
  }
}

/** Whether the server does not have a transaction yet that is known to be committed. Another connection may reach a server that has it. */
function isBehind(error: unknown): boolean {
  return error instanceof OrgsyncError && error.code === 'store_behind';
}
