import type { ReplicaState } from '../core/ports/replica.ts';
import type { Connection, Database, Row } from './engine/database.ts';
import { marks } from './engine/statements.ts';
import { neededNumber, neededText, neededTime, timeOf } from './engine/values.ts';

/** A replica is always a little behind: a shorter time is not worth a word. */
const NOTICED_MS = 1_000;
/** Of so many newest runs it is checked whether the replica knows their end. */
const NEWEST_RUNS = 100;

/** The newest rows of a replica. */
interface Newest {
  readonly runs: readonly Row[];
  readonly lastChange: number;
}

/**
 * Compares a replica with the store that it copies, by their newest runs and changes. This needs SELECT only, and works
 * through every proxy, which the server's own figures do not.
 */
export async function compareReplica(replica: Database, store: Database): Promise<Extract<ReplicaState, { is: 'current' | 'behind' | 'other' }>> {
  const newest = await replica.read(readNewest);
  return await store.read((connection) => findMissing(connection, newest));
}

async function readNewest(connection: Connection): Promise<Newest> {
  const runs = await connection.query(`SELECT id, nonce, finished_at FROM runs ORDER BY id DESC LIMIT ${NEWEST_RUNS}`);
  const [last] = await connection.query('SELECT MAX(id) AS id FROM changes');
  return { runs, lastChange: neededNumber(last ?? {}, 'id') };
}

async function findMissing(connection: Connection, { runs, lastChange }: Newest): Promise<Awaited<ReturnType<typeof compareReplica>>> {
  const [newest] = runs;
  const unfinished = runs.filter((run) => timeOf(run, 'finished_at') === null);
  const wanted = [...(newest === undefined ? [] : [newest]), ...unfinished].map((run) => neededNumber(run, 'id'));
  const same = wanted.length === 0 ? [] : await connection.query(`SELECT id, nonce, finished_at FROM runs WHERE id IN (${marks(wanted.length)})`, wanted);
  if (newest !== undefined && !same.some((run) => isSameRun(run, newest))) return { is: 'other' };
  const missing = [
    ...(await connection.query('SELECT started_at AS since FROM runs WHERE id > ? ORDER BY id LIMIT 1', [newest === undefined ? 0 : neededNumber(newest, 'id')])),
    ...(await connection.query('SELECT at AS since FROM changes WHERE id > ? ORDER BY id LIMIT 1', [lastChange])),
  ].map((row) => neededTime(row, 'since'));
  const ended = same.filter((run) => unfinished.some((one) => isSameRun(run, one))).flatMap((run) => timeOf(run, 'finished_at') ?? []);
  const [clock] = await connection.query(`SELECT ${connection.dialect.now} AS now`);
  const since = Math.min(...[...missing, ...ended].map((time) => time.getTime()));
  const byMs = neededTime(clock ?? {}, 'now').getTime() - since;
  return byMs >= NOTICED_MS && since !== Infinity ? { is: 'behind', byMs } : { is: 'current' };
}

function isSameRun(one: Row, other: Row): boolean {
  return neededNumber(one, 'id') === neededNumber(other, 'id') && neededText(one, 'nonce') === neededText(other, 'nonce');
}
