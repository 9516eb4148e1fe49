import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OrgsyncError } from '../errors.ts';
import type { Clock } from '../core/ports/system.ts';
import type { AlertBook, AlertKey, AlertRecord } from '../core/ports/alerts.ts';
import { claimFolder, isErrno, withFileLock, writeWhole } from '../files.ts';

/**
 * Records which alerts were sent in a file of this host, for the time while the store itself has failed. Without a record,
 * every run would send the alert again. The file's folder is created for this account; a folder of another account is not
 * used.
 * Throws OrgsyncError `config` / `alert_file_unusable`.
 */
export function createAlertFile(path: string, clock: Clock): AlertBook {
  return {
    read: () => inOwnDirectory(path, async () => [...(await readRecords(path)).values()]),
    replace: (previous, next) => inOwnDirectory(path, () => withFileLock(path, clock, () => replace(path, previous, next))),
  };
}

async function replace(path: string, previous: AlertRecord | null, next: AlertRecord): Promise<boolean> {
  const records = await readRecords(path);
  const current = records.get(keyOf(next)) ?? null;
  if (!isSame(current, previous)) return false;
  records.set(keyOf(next), next);
  await writeWhole(path, JSON.stringify([...records.values()], null, 1), { mode: 0o600 });
  return true;
}

/** Runs `work` in a directory of this account; whatever fails is `alert_file_unusable`. */
async function inOwnDirectory<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    const problem = await claimFolder(dirname(path));
    if (problem !== undefined) throw new OrgsyncError('config', { code: 'alert_file_unusable', message: problem, hint: 'remove it' });
    return await work();
  } catch (error) {
    throw new OrgsyncError('config', { code: 'alert_file_unusable', message: `${path} cannot be used`, hint: 'give this account a directory for temporary files of its own (TMPDIR)', cause: error });
  }
}

async function readRecords(path: string): Promise<Map<string, AlertRecord>> {
  try {
    const parsed: unknown = JSON.parse(await readFile(path, 'utf8'));
    const records = Array.isArray(parsed) ? parsed.flatMap(recordOf) : [];
    return new Map(records.map((record) => [keyOf(record), record]));
  } catch (error) {
    // A file without valid JSON is treated like a missing one.
    if (isErrno(error, 'ENOENT') || error instanceof SyntaxError) return new Map();
    throw error;
  }
}

function recordOf(raw: unknown): readonly AlertRecord[] {
  if (typeof raw !== 'object' || raw === null) return [];
  const fields: Readonly<Record<string, unknown>> = { ...raw };
  const text = (name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
  const time = (name: string): Date => new Date(text(name));
  const [kind] = (['failed', 'held_back', 'stale'] as const).filter((known) => known === fields['kind']);
  const record = { subject: text('subject'), since: time('since'), sentAt: time('sentAt'), host: text('host'), message: text('message') };
  if (kind === undefined || Number.isNaN(record.since.getTime() + record.sentAt.getTime())) return [];
  const closedAt = time('closedAt');
  return [{ ...record, kind, closedAt: Number.isNaN(closedAt.getTime()) ? null : closedAt }];
}

function keyOf({ subject, kind }: AlertKey): string {
  return `${subject} ${kind}`;
}

function isSame(one: AlertRecord | null, other: AlertRecord | null): boolean {
  return one?.sentAt.getTime() === other?.sentAt.getTime() && one?.closedAt?.getTime() === other?.closedAt?.getTime();
}
