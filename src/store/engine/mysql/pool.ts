import type { Purpose, Session } from '../database.ts';
import { Lookout } from './lookout.ts';
import { MysqlSession, type SessionOptions } from './session.ts';

/**
 * The most connections of one process. Ordinary work waits when all of them are in use. Leases must not wait for long
 * commits, so urgent work has its own connections.
 */
const MOST = { ordinary: 6, urgent: 2 } as const;
/** We end an idle connection after this share of the server's time limit. If the server ended it, it would count an aborted client. */
const IDLE_SHARE = 0.8;

type Kind = keyof typeof MOST;

/** Reuses connections: opening one costs more round trips than most units of work. */
export class Pool {
  readonly #lanes: Readonly<Record<Kind, Lane>>;

  constructor(options: SessionOptions) {
    const lookout = new Lookout(options);
    this.#lanes = { ordinary: new Lane(options, { most: MOST.ordinary, lookout }), urgent: new Lane(options, { most: MOST.urgent, lookout }) };
  }

  /** Takes a session for one unit of work. Closing it returns it to the pool. */
  async take(purpose: Purpose, kind: Kind): Promise<Session> {
    const lane = this.#lanes[kind];
    const session = await lane.take();
    session.serve(purpose);
    return {
      dialect: session.dialect,
      query: (sql, values) => session.query(sql, values),
      tuples: (sql, values) => session.tuples(sql, values),
      write: (sql, values) => session.write(sql, values),
      begin: () => session.begin(),
      commit: () => session.commit(),
      rollback: () => session.rollback(),
      close: ({ discard = false } = {}) => {
        lane.giveBack(session, discard);
        return Promise.resolve();
      },
    };
  }

  /** Ends idle connections now, and those in use when they are returned. */
  async close(): Promise<void> {
    await Promise.all([this.#lanes.ordinary.close(), this.#lanes.urgent.close()]);
  }
}

/** Connections of one kind. */
class Lane {
  readonly #options: SessionOptions;
  readonly #most: number;
  readonly #lookout: Lookout;
  /** The connection that was used last is at the end, and is used first; the others become too old and are ended. */
  readonly #idle = new Map<MysqlSession, AbortController>();
  readonly #waiting: (() => void)[] = [];
  /** Resets and ends that run in the background. */
  readonly #settling = new Set<Promise<void>>();
  #open = 0;
  #closed = false;

  constructor(options: SessionOptions, { most, lookout }: { readonly most: number; readonly lookout: Lookout }) {
    this.#options = options;
    this.#most = most;
    this.#lookout = lookout;
  }

  async take(): Promise<MysqlSession> {
    for (;;) {
      const last = [...this.#idle.keys()].at(-1);
      if (last !== undefined) {
        this.#leaveIdle(last);
        return last;
      }
      if (this.#open < this.#most) return await this.#connect();
      await new Promise<void>((wake) => this.#waiting.push(wake));
    }
  }

  /** Returns a session. It is reset in the background, so that the caller does not wait. */
  giveBack(session: MysqlSession, discard: boolean): void {
    if (discard || !session.usable) this.#endIdle();
    if (discard || this.#closed || !session.usable) this.#end(session);
    else this.#settle(session.reset().then(() => this.#keep(session), () => this.#end(session)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#endIdle();
    while (this.#settling.size > 0) await Promise.all(this.#settling);
  }

  async #connect(): Promise<MysqlSession> {
    this.#open += 1;
    try {
      return await MysqlSession.open(this.#options, this.#lookout);
    } catch (error) {
      this.#ended();
      throw error;
    }
  }

  #keep(session: MysqlSession): void {
    if (this.#closed || !session.usable) {
      this.#end(session);
      return;
    }
    const taken = new AbortController();
    const retire = (): void => {
      this.#leaveIdle(session);
      this.#end(session);
    };
    this.#idle.set(session, taken);
    session.onBroken(retire);
    const { clock, silenceMs } = this.#options;
    void clock.sleep(silenceMs * IDLE_SHARE, taken.signal).then(retire, () => undefined);
    this.#waiting.shift()?.();
  }

  #leaveIdle(session: MysqlSession): void {
    this.#idle.get(session)?.abort();
    this.#idle.delete(session);
    session.onBroken(() => undefined);
  }

  /** Ends all idle connections. Called when one broke, or its server cannot work: the others are probably no better. */
  #endIdle(): void {
    for (const session of [...this.#idle.keys()]) {
      this.#leaveIdle(session);
      this.#end(session);
    }
  }

  #end(session: MysqlSession): void {
    this.#settle(session.end());
    this.#ended();
  }

  #ended(): void {
    this.#open -= 1;
    this.#waiting.shift()?.();
  }

  #settle(settling: Promise<void>): void {
    this.#settling.add(settling);
    void settling.finally(() => this.#settling.delete(settling));
  }
}
