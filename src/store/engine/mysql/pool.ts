import type { Purpose, Session } from '../database.ts';
import { MysqlSession, type SessionOptions } from './session.ts';

/**
 * How many connections one process opens. Ordinary work that finds all of them taken waits for the next one that is free;
 * what must not wait behind long commits (leases) has a few of its own.
 */
const MOST = { ordinary: 6, urgent: 2 } as const;
/** Of the time after which the server ends an idle connection: we end it before, or the server counts an aborted client. */
const IDLE_SHARE = 0.8;

type Kind = keyof typeof MOST;

/** Keeps connections from one unit of work to the next: opening one costs more round trips than most units of work. */
export class Pool {
  readonly #lanes: Readonly<Record<Kind, Lane>>;

  constructor(options: SessionOptions) {
    this.#lanes = { ordinary: new Lane(options, MOST.ordinary), urgent: new Lane(options, MOST.urgent) };
  }

  /** A session for one unit of work; closing it gives it back. */
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

  /** Ends what is idle, and what is at work as soon as it is given back. */
  async close(): Promise<void> {
    await Promise.all([this.#lanes.ordinary.close(), this.#lanes.urgent.close()]);
  }
}

/** Connections of one kind. */
class Lane {
  readonly #options: SessionOptions;
  readonly #most: number;
  /** The one used last comes last, and is used first: the others grow old and are ended. */
  readonly #idle = new Map<MysqlSession, AbortController>();
  readonly #waiting: (() => void)[] = [];
  /** What goes on in the background: resets and endings. */
  readonly #settling = new Set<Promise<void>>();
  #open = 0;
  #closed = false;

  constructor(options: SessionOptions, most: number) {
    this.#options = options;
    this.#most = most;
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

  /** Resets it in the background, for nobody waits for that. */
  giveBack(session: MysqlSession, discard: boolean): void {
    if (!session.usable) this.#endIdle();
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
      return await MysqlSession.open(this.#options);
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

  /** When one connection broke, those of its age are no better. */
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
