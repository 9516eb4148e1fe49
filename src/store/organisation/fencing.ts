import { randomUUID } from 'node:crypto';
import type { Corp } from '../../core/model.ts';
import type { Fence, RunEnd, Writer } from '../../core/ports/writing.ts';
import { OrgsyncError } from '../../errors.ts';
import type { Connection, Row } from '../engine/database.ts';
import { neededNumber, neededText, numberOf, textOf, timeText } from '../engine/values.ts';

/** Takes the corp's next fence and opens its row in `runs`. A writer that is refused leaves no trace. */
export async function beginRun(connection: Connection, corp: Corp, writer: Writer, options: { readonly now: number; readonly allowTakeover: boolean }): Promise<Fence> {
  const row = await lockWholly(connection, corp);
  if (!options.allowTakeover) refuseUnfit(writer, row);
  const token = neededNumber(row, 'fence') + 1;
  const nonce = randomUUID();
  const { insertedId: runId } = await connection.write(
    `INSERT INTO runs (corp_id, started_at, outcome, host, pid, version, environment, fence, nonce) VALUES (?, ?, 'interrupted', ?, ?, ?, ?, ?, ?)`,
    [corp.id, timeText(options.now), writer.host, writer.pid, writer.version, writer.environment, token, nonce],
  );
  await connection.write('UPDATE corps SET fence = ?, name = ?, last_run_id = ? WHERE id = ?', [token, corp.name, runId, corp.id]);
  return { corp, token, runId, nonce };
}

/** The corp's row under an exclusive lock, until the caller's transaction ends. Creates the row if there is none. */
export async function lockWholly(connection: Connection, corp: Corp): Promise<Row> {
  const found = await selectCorp(connection, corp.id, connection.dialect.updateLock);
  if (found !== undefined) return found;
  await connection.write('INSERT INTO corps (id, name) VALUES (?, ?)', [corp.id, corp.name]);
  return (await selectCorp(connection, corp.id, connection.dialect.updateLock)) ?? {};
}

/** The corp's row under a shared lock: until the caller's transaction ends, no process can raise the fence or write live. Undefined if there is none. */
export async function lockShared(connection: Connection, corpId: string): Promise<Row | undefined> {
  return await selectCorp(connection, corpId, connection.dialect.shareLock);
}

async function selectCorp(connection: Connection, corpId: string, lock: string): Promise<Row | undefined> {
  const [row] = await connection.query(`SELECT fence, live_fence, erased_fence, last_run_id, writer_version, environment FROM corps WHERE id = ?${lock}`, [corpId]);
  return row;
}

/** The error of a writer whose fence is not the newest. */
export function fencedOff({ corp, token }: Fence, row: Row | undefined): OrgsyncError {
  const newest = row === undefined ? 0 : neededNumber(row, 'fence');
  const erased = row !== undefined && newest === numberOf(row, 'erased_fence');
  return new OrgsyncError('temporary', {
    code: 'fenced_off',
    message: erased
      ? `A person was erased from ${corp.name} during this run; nothing was written.`
      : `Another process has begun a newer run of ${corp.name}, or has upgraded the tables (fence ${newest}, ours is ${token}); nothing was written.`,
    hint: erased ? 'nothing to do: the next run reads it again' : 'nothing to do: the newer run does the work',
  });
}

/** The error of a run that reads from a server which does not have its fence: a replica, or a cluster node that lags behind. */
export function storeBehind({ corp }: Fence): OrgsyncError {
  return new OrgsyncError('unavailable', {
    code: 'store_behind',
    message: `The database server lags behind: it does not have the start of this run of ${corp.name} yet; nothing was written.`,
    hint: 'let `store:` name the one server that takes writes, or see why a node of the cluster lags behind',
  });
}

/** Closes the row in `runs` of a run that committed nothing. */
export async function finishRun(connection: Connection, { runId, nonce }: Fence, end: RunEnd, now: number): Promise<void> {
  await connection.write('UPDATE runs SET outcome = ?, finished_at = ?, requests = ?, error = ? WHERE id = ? AND nonce = ? AND finished_at IS NULL', [
    end.outcome,
    timeText(now),
    end.requests,
    end.error,
    runId,
    nonce,
  ]);
}

/** Throws `refused` if a newer version or another environment wrote the corp last. */
export function refuseUnfit(writer: Writer, row: Row): void {
  const refusal = refusalOf(writer, row);
  if (refusal !== undefined) throw refusal;
}

/** The errors that {@link beginRun} would throw for this writer, by id of the corp in lower case. */
export async function readRefusals(connection: Connection, writer: Writer): Promise<ReadonlyMap<string, OrgsyncError>> {
  const rows = await connection.query('SELECT id, writer_version, environment FROM corps');
  return new Map(rows.flatMap((row) => {
    const refusal = refusalOf(writer, row);
    return refusal === undefined ? [] : [[neededText(row, 'id').toLowerCase(), refusal] as const];
  }));
}

function refusalOf(writer: Writer, row: Row): OrgsyncError | undefined {
  return refusalOfOlder(writer, textOf(row, 'writer_version')) ?? refusalOfOther(writer, textOf(row, 'environment'));
}

const TAKE_OVER = 'set ORGSYNC_ALLOW_TAKEOVER=1 for one run to let this one write from now on';

function refusalOfOlder(writer: Writer, stored: string | null): OrgsyncError | undefined {
  if (stored === null || !isOlder(writer.version, stored)) return undefined;
  return new OrgsyncError('refused', {
    code: 'newer_writer',
    message: `last written by orgsync ${stored}; this is orgsync ${writer.version}, which is older`,
    hint: `upgrade orgsync here; or ${TAKE_OVER}`,
  });
}

function refusalOfOther(writer: Writer, stored: string | null): OrgsyncError | undefined {
  if (stored === null || writer.accepts(stored)) return undefined;
  return new OrgsyncError('refused', {
    code: 'other_environment',
    message: `written by the environment ${stored}; this is ${writer.environment === null ? 'another one, its gate passed by hand' : writer.environment || 'one without a gate'}`,
    hint: `let \`store:\` name this environment's own database; or ${TAKE_OVER}`,
  });
}

/** Compares major.minor only: patch versions write the same data. */
function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [otherMajor = 0, otherMinor = 0] = than.split('.').map(Number);
  return major < otherMajor || (major === otherMajor && minor < otherMinor);
}
