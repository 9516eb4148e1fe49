import type { SeenDepartment, SeenMember } from '../../core/model.ts';
import { OrgsyncError } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import { parseDepartments, parseMembers } from './answers.ts';
import type { Unusable, Usable } from './answers.ts';
import { createAesKey, decryptFile, EXPORT_FILE, fileLimit, openFile, parseFile } from './export-file.ts';
import type { ExportFile } from './export-file.ts';
import { throwUnusable, treatmentOf } from '../request/faults.ts';
import type { CorpClient } from '../corp-client.ts';
import type { Raw } from '../request/envelope.ts';

/** Records per file: the smallest number that WeCom accepts (P94849), because a whole file is held in memory. */
const BLOCK = 10_000;
/** How often to ask whether an export is finished. The pauses grow from one second to ten, so this takes a quarter of an hour. */
const MOST_POLLS = 100;
const LONGEST_PAUSE = 10;
/** `export/get_result` (P94854). */
const RESULT = 'export/get_result';
const DONE = 2;
const FAILED = 3;

/** Returns every department that the application sees, by `export/department` (P94852). Throws what {@link CorpClient.ask} throws, and `failed` when the export fails. */
export async function exportDepartments(client: CorpClient, signal: AbortSignal): Promise<Usable<SeenDepartment>> {
  return runExport({ client, request: 'export/department', parse: parseDepartments, signal });
}

/** Returns every member that the application sees, by `export/user` (P94851). Throws as {@link exportDepartments}. */
export async function exportMembers(client: CorpClient, signal: AbortSignal): Promise<Usable<SeenMember>> {
  return runExport({ client, request: 'export/user', parse: parseMembers, signal });
}

interface Order<T> {
  readonly client: CorpClient;
  readonly request: string;
  readonly parse: (plain: Raw) => Usable<T> | undefined;
  readonly signal: AbortSignal;
}

/** Runs an export. If WeCom fails it, or deletes it before it is read, it is ordered once more. */
async function runExport<T>(order: Order<T>): Promise<Usable<T>> {
  try {
    return await exportOnce(order);
  } catch (error) {
    if (!(error instanceof OrgsyncError) || error.code !== 'export_lost') throw error;
    return await exportOnce(order);
  }
}

async function exportOnce<T>({ client, request, parse, signal }: Order<T>): Promise<Usable<T>> {
  const aesKey = createAesKey();
  const { jobid } = await client.ask({ request, body: { encoding_aeskey: aesKey, block_size: BLOCK }, expects: 'jobid' }, signal);
  if (typeof jobid !== 'string') throwUnusable(request, 'no usable jobid');
  const items: T[] = [];
  const unusable: Unusable[] = [];
  const [oddLeaders, oddDepartments]: [string[], string[]] = [[], []];
  let records = 0;
  for (const file of await awaitFiles(client, jobid, signal)) {
    const part = parse(decryptFile(await fetchFile(client, file, signal), aesKey)) ?? throwUnusable(EXPORT_FILE, 'no list');
    for (const item of part.items) items.push(item);
    for (const one of part.unusable) unusable.push({ ...one, record: records + one.record });
    oddLeaders.push(...part.oddLeaders);
    oddDepartments.push(...part.oddDepartments);
    records += part.items.length + part.unusable.length;
  }
  return { items, unusable, oddLeaders, oddDepartments };
}

/** Fetches a file. If that fails, WeCom may still be reachable, because files are on other servers: the error is `failed`, not `unavailable`. */
async function fetchFile(client: CorpClient, file: ExportFile, signal: AbortSignal): Promise<Buffer> {
  try {
    const source = { url: file.url, maxBytes: fileLimit(file), open: (status: number, body: Buffer) => openFile(status, body, file) };
    const { bytes } = await client.fetchFile(EXPORT_FILE, source, signal);
    return bytes instanceof Buffer ? bytes : throwUnusable(EXPORT_FILE, 'no bytes');
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof OrgsyncError) || !['repeat', 'too_large'].includes(treatmentOf(error) ?? '')) throw error;
    throw exportError('export_unread', error.message);
  }
}

/** Polls an export until it is finished. Returns its files, at least one. */
async function awaitFiles(client: CorpClient, jobid: string, signal: AbortSignal): Promise<readonly ExportFile[]> {
  for (let poll = 1; poll <= MOST_POLLS; poll += 1) {
    const { status, data_list: list } = await client.ask({ request: RESULT, params: { jobid }, expects: 'status' }, signal);
    if (status === DONE) return parseFiles(list, client);
    if (status === FAILED) throw exportError('export_lost', 'WeCom could not finish the export');
    // Any other status means waiting or running. A list that comes before the end is not complete.
    await client.pause(Math.min(poll, LONGEST_PAUSE), signal);
  }
  throw exportError('export_unfinished', 'WeCom has not finished the export in time');
}

/** Even an empty corp has one file, so a result without files is not usable. */
function parseFiles(list: unknown, { access, largestAnswer }: CorpClient): readonly ExportFile[] {
  if (!Array.isArray(list) || list.length === 0) return throwUnusable(RESULT, 'no files');
  return list.map((item) => {
    const file = parseFile(item, access.api) ?? throwUnusable(RESULT, 'a file that cannot be fetched');
    return file.size <= largestAnswer ? file : throwUnusable(RESULT, `a file of ${file.size} bytes, more than ${largestAnswer}`);
  });
}

/** Whether an error concerns only this export, and not the corp or the connection to WeCom. */
export function isOfExport(error: unknown): boolean {
  const isOurs = error instanceof OrgsyncError && error.code.startsWith('export_');
  return isOurs || ['item', 'absent', 'too_large', 'cursor', 'bug'].includes(treatmentOf(error) ?? '');
}

function exportError(code: Extract<ErrorCode, `export_${string}`>, message: string): OrgsyncError {
  return new OrgsyncError('failed', { code, message, hint: 'the next run orders the export again; `wecom.strategy: walk` does without' });
}
