import type { Engine, Session, SqlValue } from '../../src/store/engine/database.ts';

/** The engine, telling of every statement before it is sent. */
export function watching(engine: Engine, look: (sql: string, values: readonly SqlValue[]) => void | Promise<void>): Engine {
  const open: Engine['open'] = async (purpose, options): Promise<Session> => {
    const session = await engine.open(purpose, options);
    const send = async <T>(sql: string, values: readonly SqlValue[] | undefined, go: () => Promise<T>): Promise<T> => {
      await look(sql, values ?? []);
      return await go();
    };
    return {
      dialect: session.dialect,
      query: (sql, values) => send(sql, values, () => session.query(sql, values)),
      tuples: (sql, values) => send(sql, values, () => session.tuples(sql, values)),
      write: (sql, values) => send(sql, values, () => session.write(sql, values)),
      begin: () => send('BEGIN', [], () => session.begin()),
      commit: () => send('COMMIT', [], () => session.commit()),
      rollback: () => session.rollback(),
      close: (how) => session.close(how),
    };
  };
  return { ...engine, open };
}

/** The engine, failing instead of sending its n-th statement. */
export function failingAt(engine: Engine, statement: number): Engine {
  let sent = 0;
  return watching(engine, () => {
    sent += 1;
    if (sent === statement) throw new Error('planted');
  });
}
