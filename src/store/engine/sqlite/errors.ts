import { dirname } from 'node:path';
import { type ErrorCode, type ErrorKind, OrgsyncError } from '../../../errors.ts';
import type { Trouble } from '../database.ts';

interface Meaning {
  /** The beginning of SQLite's code, or a pattern for its code or its message when the code is too general. */
  readonly code: string | RegExp;
  readonly kind: ErrorKind;
  readonly ours: ErrorCode;
  readonly hint: string;
  readonly trouble: Trouble;
}

/** The hint where the folder is not for this account: it may be one that must not become writable, such as `/etc/orgsync`. */
const OTHER_FILE = 'let `store:` name a file in a folder of this account, such as `store: sqlite:/var/lib/orgsync/orgsync.sqlite`';

/** The known errors of SQLite; the first row that fits counts. */
export const SQLITE_ERRORS: readonly Meaning[] = [
  {
    code: /^no such table/,
    kind: 'config',
    ours: 'tables_missing',
    hint: 'run `orgsync migrate`',
    trouble: 'final',
  },
  {
    code: /^(no such column|table \w+ has no column)/,
    kind: 'config',
    ours: 'tables_outdated',
    hint: 'run `orgsync migrate`',
    trouble: 'final',
  },
  {
    code: 'SQLITE_BUSY',
    kind: 'temporary',
    ours: 'store_busy',
    hint: 'another process writes to the file for long; the next run tries again',
    trouble: 'contention',
  },
  {
    code: 'SQLITE_LOCKED',
    kind: 'temporary',
    ours: 'store_busy',
    hint: 'another process writes to the file for long; the next run tries again',
    trouble: 'contention',
  },
  {
    code: 'SQLITE_FULL',
    kind: 'config',
    ours: 'store_full',
    hint: 'make room on the disk; nothing was written, and the next run tries again',
    trouble: 'final',
  },
  {
    code: 'SQLITE_READONLY',
    kind: 'refused',
    ours: 'store_denied',
    hint: `let this account write the file and its folder; or ${OTHER_FILE}`,
    trouble: 'final',
  },
  {
    code: 'SQLITE_PERM',
    kind: 'refused',
    ours: 'store_denied',
    hint: `let this account read and write the file and its folder; or ${OTHER_FILE}`,
    trouble: 'final',
  },
  {
    code: 'SQLITE_AUTH',
    kind: 'refused',
    ours: 'store_denied',
    hint: `let this account read and write the file and its folder; or ${OTHER_FILE}`,
    trouble: 'final',
  },
  {
    code: 'SQLITE_NOTADB',
    kind: 'config',
    ours: 'store_not_a_database',
    hint: 'let `store:` name an SQLite file, or one that does not exist yet',
    trouble: 'final',
  },
  {
    code: 'SQLITE_CORRUPT',
    kind: 'config',
    ours: 'store_not_a_database',
    hint: 'restore the file from a backup, or move it away and run again: everything but the history comes back',
    trouble: 'final',
  },
  {
    code: 'SQLITE_TOOBIG',
    kind: 'failed',
    ours: 'value_refused',
    hint: 'correct this value in WeCom: the tables cannot hold it',
    trouble: 'final',
  },
  {
    code: 'SQLITE_CONSTRAINT',
    kind: 'failed',
    ours: 'value_refused',
    hint: 'correct this value in WeCom: the tables cannot hold it',
    trouble: 'final',
  },
  {
    // What NFS, SMB and some volumes of containers say: they lack locks, or memory that processes share.
    code: /^SQLITE_(PROTOCOL|NOLFS|IOERR_(SHM\w*|LOCK|RDLOCK|UNLOCK|CHECKRESERVEDLOCK|BLOCKED))$/,
    kind: 'config',
    ours: 'store_path',
    hint: 'put the file on a local disk: this file system lacks the locks or the shared memory that SQLite needs (NFS, SMB); or use MySQL',
    trouble: 'final',
  },
  {
    code: 'SQLITE_IOERR',
    kind: 'unavailable',
    ours: 'store_unreachable',
    hint: 'the disk does not read or write the file: see the system’s log',
    trouble: 'final',
  },
  {
    code: 'SQLITE_CANTOPEN',
    kind: 'config',
    ours: 'store_path',
    hint: `let this account read and write the file and its folder; or ${OTHER_FILE}`,
    trouble: 'final',
  },
  {
    code: /^(ConnectionFailed|.*[Uu]nable to open)/,
    kind: 'config',
    ours: 'store_path',
    hint: `let this account read and write the file and its folder; or ${OTHER_FILE}`,
    trouble: 'final',
  },
];

/** Returns whether a retry may help. */
export function judgeSqliteError(error: unknown): Trouble {
  return meaningOf(error)?.trouble ?? 'final';
}

/** Codes of wrong statements, which are defects. Other codes come from the file, the disk or the system. */
const OURS = ['SQLITE_ERROR', 'SQLITE_MISUSE', 'SQLITE_RANGE', 'SQLITE_MISMATCH'];

/** Turns an error of SQLite into an OrgsyncError. */
export function translateSqliteError(error: unknown, file: string): OrgsyncError {
  if (error instanceof OrgsyncError) return error;
  const said = error instanceof Error ? error.message : String(error);
  const meaning = meaningOf(error);
  if (meaning === undefined) {
    const code = codeOf(error);
    if (typeof code !== 'string' || !code.startsWith('SQLITE_') || OURS.includes(code)) return new OrgsyncError('defect', { code: 'store_error', message: `${file}: ${said}`, cause: error });
    return new OrgsyncError('unavailable', { code: 'store_error', message: `${file}: ${code}: ${said}`, hint: 'see the log of the system, and whether the disk is well; the next run tries again', cause: error });
  }
  return new OrgsyncError(meaning.kind, { code: meaning.ours, message: `${file}: ${said}`, hint: meaning.hint, cause: error });
}

function meaningOf(error: unknown): Meaning | undefined {
  if (!(error instanceof Error) || error instanceof OrgsyncError) return undefined;
  const code = codeOf(error);
  return SQLITE_ERRORS.find((row) =>
    typeof row.code === 'string' ? typeof code === 'string' && code.startsWith(row.code) : row.code.test(error.message) || (typeof code === 'string' && row.code.test(code)),
  );
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

/** Why a file cannot be created, and what to do about it. */
export function cannotCreate(file: string, error: unknown): { readonly message: string; readonly hint: string } {
  const hint = codeOf(error) === 'ENOENT' ? `create the folder ${dirname(file)} for this account; or correct \`store:\`` : OTHER_FILE;
  return { message: `${file} cannot be created: ${error instanceof Error ? error.message : String(error)}`, hint };
}
