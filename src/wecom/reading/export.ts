import type { SeenDepartment, SeenMember } from '../../core/model.ts';
import { OrgsyncError } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import { parseDepartments, parseMembers } from './answers.ts';
import type { Usable } from './answers.ts';
import { createAesKey, decryptFile, EXPORT_FILE, fileLimit, openFile, parseFile } from './export-file.ts';
import type { ExportFile } from './export-file.ts';
import { throwUnusable, treatmentOf } from '../request/faults.ts';
import type { CorpClient } from '../corp-client.ts';
import type { Raw } from '../request/envelope.ts';

/** Records per file, the least that WeCom takes (P94849): a file is held in memory as a whole. */
const BLOCK = 10_000;
/** How often an export is asked after. The pauses grow from one second to ten, so this is a quarter of an hour. */
const MOST_POLLS = 100;
const LONGEST_PAUSE = 10;
/** `export/get_result` (P94854). */
const RESULT = 'export/get_result';
const DONE = 2;
const FAILED = 3;

/** Every department that the application sees, by `export/department` (P94852). Throws what {@link CorpClient.ask} throws, and `failed` for an export that came to nothing. */
export async function exportDepartments(client: CorpClient, signal: AbortSignal): Promise<Usable<SeenDepartment>> {
  return runExport({ client, request: 'export/department', parse: parseDepartments, signal });
}

/** Every member that the application sees, by `export/user` (P94851). Throws as {@link exportDepartments}. */
export async function exportMembers(client: CorpClient, signal: AbortSignal): Promise<Usable<SeenMember>> {
  return runExport({ client, request: 'export/user', parse: parseMembers, signal });
}

interface Order<T> {
  readonly client: CorpClient;
  readonly request: string;
  readonly parse: (plain: Raw) => Usable<T> | undefined;
  readonly signal: AbortSignal;
}

/** Exports; an export that failed or was cleared away under our hands is ordered once more. */
async function runExport<T>(order: Order<T>): Promise<Usable<T>> {
  try {
    return await exportOnce(order);
  } catch (error) {
    if (!isLost(error)) throw error;
    return await exportOnce(order);
  }
}

async function exportOnce<T>({ client, request, parse, signal }: Order<T>): Promise<Usable<T>> {
  const aesKey = createAesKey();
  const { jobid } = await client.ask({ request, body: { encoding_aeskey: aesKey, block_size: BLOCK }, expects: 'jobid' }, signal);
  if (typeof jobid !== 'string') throwUnusable(request, 'a jobid that is none');
  const items: T[] = [];
  let unnamed = 0;
  for (const file of await awaitFiles(client, jobid, signal)) {
    const part = parse(decryptFile(await fetchFile(client, file, signal), aesKey)) ?? throwUnusable(EXPORT_FILE, 'no list');
    for (const item of part.items) items.push(item);
    unnamed += part.unusable;
  }
  return { items, unusable: unnamed };
}

/** A file that does not come says nothing of the way to WeCom: it lies somewhere else. */
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

/** Asks after an export until it is done; returns its files, one at least. */
async function awaitFiles(client: CorpClient, jobid: string, signal: AbortSignal): Promise<readonly ExportFile[]> {
  for (let poll = 1; poll <= MOST_POLLS; poll += 1) {
    const { status, data_list: list } = await client.ask({ request: RESULT, params: { jobid }, expects: 'status' }, signal);
    if (status === DONE) return parseFiles(list, client);
    if (status === FAILED) throw exportError('export_lost', 'WeCom could not finish the export');
    // Anything else is waiting or running; a list that comes before the end is not whole.
    await client.pause(Math.min(poll, LONGEST_PAUSE), signal);
  }
  throw exportError('export_unfinished', 'WeCom has not finished the export in time');
}

/** Every corp has a file, be it of nobody: no file is no answer. */
function parseFiles(list: unknown, { access, largestAnswer }: CorpClient): readonly ExportFile[] {
  if (!Array.isArray(list) || list.length === 0) return throwUnusable(RESULT, 'no files');
  return list.map((item) => {
    const file = parseFile(item, access.api) ?? throwUnusable(RESULT, 'a file that cannot be fetched');
    return file.size <= largestAnswer ? file : throwUnusable(RESULT, `a file of ${file.size} bytes, more than ${largestAnswer}`);
  });
}

/** A failed export (status 3) is as lost as one that WeCom no longer knows (40088, 40089) or whose files are gone. */
function isLost(error: unknown): boolean {
  return error instanceof OrgsyncError && error.code === 'export_lost';
}

/** Whether an error says something of this export, and nothing of the corp or of the way to WeCom. */
export function isOfExport(error: unknown): boolean {
  const isOurs = error instanceof OrgsyncError && error.code.startsWith('export_');
  return isOurs || ['item', 'absent', 'too_large', 'cursor', 'bug'].includes(treatmentOf(error) ?? '');
}

function exportError(code: Extract<ErrorCode, `export_${string}`>, message: string): OrgsyncError {
  return new OrgsyncError('failed', { code, message, hint: 'the next run orders the export again; `wecom.strategy: walk` does without' });
}
