import type { QueryError, RowDataPacket } from 'mysql2';
import { Connecting, type ConnectOptions } from './connection.ts';

/**
 * What a look at the server shows about a statement that is silent.
 *
 * - `works`: the server is executing it
 * - `answers`: the server answers, and does not show it as being executed: the answer was lost, or a proxy led to another server
 * - `silent`: the server does not answer at all
 */
export type Sign = 'works' | 'answers' | 'silent';

/** Looks at the server over a connection of its own: one look at a time, for all sessions of a process. */
export class Lookout {
  readonly #options: ConnectOptions;
  #looking: Promise<readonly number[] | undefined> | undefined;
  #isSilent = false;

  constructor(options: ConnectOptions) {
    this.#options = options;
  }

  /** Whether the server was silent when it was last asked over a new connection. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** Notes what became of another new connection. */
  note(sign: 'answers' | 'silent'): void {
    this.#isSilent = sign === 'silent';
  }

  /** Looks whether the server works on the statement of the session with this id. Takes at most {@link ConnectOptions.connectMs}. Never rejects. */
  async look(threadId: number | null): Promise<Sign> {
    this.#looking ??= this.#busyThreads().finally(() => (this.#looking = undefined));
    const busy = await this.#looking;
    this.#isSilent = busy === undefined;
    if (busy === undefined) return 'silent';
    return threadId !== null && busy.includes(threadId) ? 'works' : 'answers';
  }

  /** The sessions of our account that are not idle; undefined without an answer. */
  async #busyThreads(): Promise<readonly number[] | undefined> {
    const { clock, connectMs } = this.#options;
    const { driver, socket } = new Connecting(this.#options);
    const ended = new AbortController();
    driver.on('error', () => undefined);
    const asked = new Promise<readonly number[] | undefined>((resolve) => {
      driver.query<RowDataPacket[]>('SHOW PROCESSLIST', (error: QueryError | null, rows) => {
        // A server that refuses, or says something odd, is a server that answers.
        if (error === null) resolve((Array.isArray(rows) ? rows : []).filter(({ Command: command }) => command !== 'Sleep').map(({ Id: id }) => Number(id)));
        else resolve(error.sqlState === undefined ? undefined : []);
      });
    });
    const tooLate = clock.sleep(connectMs, ended.signal).catch(() => undefined);
    const busy = await Promise.race([asked, tooLate.then(() => undefined)]);
    ended.abort();
    if (busy === undefined) socket.destroy();
    else driver.end(() => socket.unref());
    return busy;
  }
}
