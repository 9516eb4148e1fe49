import { type ErrorCode, type ErrorKind, OrgsyncError } from '../../../errors.ts';
import type { Trouble } from '../database.ts';

/** One row of the table below: which of mysql2's codes, what they are to us, and whether another try may help. */
interface Meaning {
  readonly codes: readonly string[];
  readonly kind: ErrorKind;
  readonly code: ErrorCode;
  readonly hint: string;
  readonly trouble: Trouble;
}

/** Everything that MySQL, MariaDB, mysql2 and the network say that we expect to hear. */
export const MYSQL_ERRORS: readonly Meaning[] = [
  {
    codes: ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT', 'ETIMEDOUT'],
    kind: 'unavailable',
    code: 'store_unreachable',
    hint: 'check that the database runs, and host and port in `store:`',
    trouble: 'lost',
  },
  {
    codes: ['ECONNRESET', 'EPIPE', 'PROTOCOL_CONNECTION_LOST', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'],
    kind: 'unavailable',
    code: 'store_unreachable',
    hint: 'the connection broke: look into the database server’s log; the next run takes up where this one stopped',
    trouble: 'lost',
  },
  {
    codes: ['ER_SERVER_SHUTDOWN', 'ER_NORMAL_SHUTDOWN', 'ER_CONNECTION_KILLED', 'ER_CLIENT_INTERACTION_TIMEOUT', 'ER_QUERY_INTERRUPTED', 'ER_NEW_ABORTING_CONNECTION', 'ER_ABORTING_CONNECTION'],
    kind: 'unavailable',
    code: 'store_unreachable',
    hint: 'the database server ended the connection: look into its log; the next run takes up where this one stopped',
    trouble: 'lost',
  },
  {
    codes: ['STATEMENT_TIMEOUT'],
    kind: 'unavailable',
    code: 'store_unreachable',
    hint: 'the database does not answer in time: see whether it is overloaded, or out of disk',
    trouble: 'lost',
  },
  {
    codes: ['ER_CON_COUNT_ERROR', 'ER_TOO_MANY_USER_CONNECTIONS', 'ER_USER_LIMIT_REACHED'],
    kind: 'unavailable',
    code: 'store_overloaded',
    hint: 'raise max_connections of the database, or lower `parallel_corps:`',
    trouble: 'lost',
  },
  {
    codes: ['ER_OPTION_PREVENTS_STATEMENT', 'ER_READ_ONLY_MODE'],
    kind: 'unavailable',
    code: 'store_read_only',
    hint: 'the server takes no writes (a replica, or a failover going on): let `store:` name the one that does',
    trouble: 'lost',
  },
  {
    codes: ['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT'],
    kind: 'temporary',
    code: 'store_busy',
    hint: 'somebody else holds locks on these rows for long: SHOW ENGINE INNODB STATUS tells who; the next run tries again',
    trouble: 'contention',
  },
  {
    codes: ['ER_ACCESS_DENIED_ERROR', 'ER_ACCESS_DENIED_NO_PASSWORD_ERROR', 'ER_HOST_NOT_PRIVILEGED', 'ER_HOST_IS_BLOCKED', 'ER_MUST_CHANGE_PASSWORD', 'ER_ACCOUNT_HAS_BEEN_LOCKED'],
    kind: 'refused',
    code: 'store_denied',
    hint: 'check user, password and host of the account in `store:`; where the account requires TLS, add ?ssl=true',
    trouble: 'final',
  },
  {
    codes: ['ER_DBACCESS_DENIED_ERROR', 'ER_TABLEACCESS_DENIED_ERROR', 'ER_COLUMNACCESS_DENIED_ERROR', 'ER_SPECIFIC_ACCESS_DENIED_ERROR'],
    kind: 'refused',
    code: 'store_denied',
    hint: 'the account needs SELECT to look up; SELECT, INSERT, UPDATE, and DELETE on memberships, to run; CREATE, ALTER, INDEX to migrate: docs/security.md has the statements',
    trouble: 'final',
  },
  {
    codes: ['ER_BAD_DB_ERROR', 'ER_NO_DB_ERROR'],
    kind: 'config',
    code: 'database_missing',
    hint: 'create it (CREATE DATABASE orgsync CHARACTER SET utf8mb4), or correct its name in `store:`',
    trouble: 'final',
  },
  {
    codes: ['ER_NO_SUCH_TABLE'],
    kind: 'config',
    code: 'tables_missing',
    hint: 'run `orgsync migrate`',
    trouble: 'final',
  },
  {
    codes: ['ER_BAD_FIELD_ERROR'],
    kind: 'config',
    code: 'tables_outdated',
    hint: 'run `orgsync migrate`',
    trouble: 'final',
  },
  {
    codes: ['ER_RECORD_FILE_FULL', 'ER_DISK_FULL', 'ER_TEMP_FILE_WRITE_FAILURE', 'EE_DISK_FULL', 'ER_OUT_OF_RESOURCES', 'ER_DISK_FULL_NOWAIT'],
    kind: 'config',
    code: 'store_full',
    hint: 'make room on the database server’s disk; nothing was written, and the next run tries again',
    trouble: 'final',
  },
  {
    codes: ['ER_DATA_TOO_LONG', 'ER_TRUNCATED_WRONG_VALUE_FOR_FIELD', 'ER_WARN_DATA_OUT_OF_RANGE', 'ER_INVALID_JSON_TEXT', 'ER_CONSTRAINT_FAILED', 'WARN_DATA_TRUNCATED', 'ER_INVALID_CHARACTER_STRING'],
    kind: 'failed',
    code: 'value_refused',
    hint: 'correct this value in WeCom: the tables cannot hold it',
    trouble: 'final',
  },
  {
    codes: ['ER_NET_PACKET_TOO_LARGE', 'ER_SERVER_NET_PACKET_TOO_LARGE'],
    kind: 'config',
    code: 'store_packet_too_large',
    hint: 'raise max_allowed_packet of the database to 16M',
    trouble: 'final',
  },
  {
    // mysql2 gives the first code to every handshake that failed, and keeps the words of the one behind it.
    codes: [
      'HANDSHAKE_SSL_ERROR',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'CERT_HAS_EXPIRED',
      'CERT_NOT_YET_VALID',
      'CERT_UNTRUSTED',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    ],
    kind: 'refused',
    code: 'store_certificate',
    hint: 'let `store:` name the server as its certificate does, and its CA by ?ssl_ca=/path/ca.pem; neither account nor password was sent',
    trouble: 'final',
  },
  {
    codes: ['HANDSHAKE_NO_SSL_SUPPORT', 'EPROTO'],
    kind: 'config',
    code: 'store_tls',
    hint: 'the server speaks no TLS, or none that is safe: let it, or take ssl=true and ssl_ca= out of `store:`',
    trouble: 'final',
  },
  {
    codes: ['ER_SECURE_TRANSPORT_REQUIRED'],
    kind: 'config',
    code: 'store_tls',
    hint: 'the server wants TLS: add ?ssl=true to `store:`',
    trouble: 'final',
  },
  {
    codes: ['ER_NOT_SUPPORTED_AUTH_MODE', 'AUTH_SWITCH_PLUGIN_ERROR'],
    kind: 'config',
    code: 'store_denied',
    hint: 'let the account use caching_sha2_password or mysql_native_password',
    trouble: 'final',
  },
];

/** Error numbers that mysql2 has no name for: MariaDB's and MySQL 8's newer ones. */
const NAMES_BY_NUMBER: Readonly<Record<number, string>> = {
  1927: 'ER_CONNECTION_KILLED',
  3159: 'ER_SECURE_TRANSPORT_REQUIRED',
  3118: 'ER_ACCOUNT_HAS_BEEN_LOCKED',
  4025: 'ER_CONSTRAINT_FAILED',
  4031: 'ER_CLIENT_INTERACTION_TIMEOUT',
  4151: 'ER_ACCOUNT_HAS_BEEN_LOCKED',
};

const MEANINGS = new Map(MYSQL_ERRORS.flatMap((meaning) => meaning.codes.map((code) => [code, meaning])));

/** Whether another try may help. */
export function judgeMysqlError(error: unknown): Trouble {
  return meaningOf(error)?.trouble ?? 'final';
}

/** The same in our words. What is not in the table is a defect: a statement of ours that the server does not understand. */
export function translateMysqlError(error: unknown, where: string): OrgsyncError {
  if (error instanceof OrgsyncError) return error;
  const said = error instanceof Error ? error.message : String(error);
  const meaning = meaningOf(error);
  if (meaning === undefined) return new OrgsyncError('defect', { code: 'store_error', message: `${where}: ${said}`, cause: error });
  const { kind, code, hint } = meaning;
  return new OrgsyncError(kind, { code, message: `${where}: ${said}`, hint, cause: error });
}

function meaningOf(error: unknown): Meaning | undefined {
  if (!(error instanceof Error) || error instanceof OrgsyncError) return undefined;
  const { code, errno } = error as { code?: unknown; errno?: unknown };
  // "Got error 28 from storage engine": no space left on device.
  if (code === 'ER_GET_ERRNO' && / 28\b/.test(error.message)) return MEANINGS.get('ER_DISK_FULL');
  // What a server says on its own account, before it hangs up, comes with its number as the code.
  const named = [errno, code].map((number) => (typeof number === 'number' ? NAMES_BY_NUMBER[number] : undefined)).find((name) => name !== undefined);
  return MEANINGS.get(named ?? (typeof code === 'string' ? code : ''));
}
