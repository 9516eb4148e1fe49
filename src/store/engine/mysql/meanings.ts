import type { ErrorCode, ErrorKind } from '../../../errors.ts';
import type { Trouble } from '../database.ts';

/** One row of the table: codes of mysql2 or numbers of the servers, our error for them, and whether a retry may help. */
export interface Meaning {
  readonly codes: readonly (string | number)[];
  readonly kind: ErrorKind;
  readonly code: ErrorCode;
  readonly hint: string;
  readonly trouble: Trouble;
}

const LOCKED = 'somebody else holds locks on these rows for long: SHOW ENGINE INNODB STATUS tells who; the next run tries again';

/** The known errors of MySQL, MariaDB, clusters, proxies, mysql2 and the network. Numbers are used where mysql2 has no name. */
export const MYSQL_ERRORS: readonly Meaning[] = [
  {
    codes: ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT'],
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
    codes: ['ER_SERVER_SHUTDOWN', 'ER_NORMAL_SHUTDOWN', 'ER_CONNECTION_KILLED', 'ER_CLIENT_INTERACTION_TIMEOUT', 'ER_QUERY_INTERRUPTED', 'ER_NEW_ABORTING_CONNECTION', 'ER_ABORTING_CONNECTION',
      'ER_NET_READ_ERROR', 'ER_NET_READ_INTERRUPTED', 'ER_NET_ERROR_ON_WRITE', 'ER_NET_WRITE_INTERRUPTED', 'ER_NET_READ_ERROR_FROM_PIPE', 1927, 4031],
    kind: 'unavailable',
    code: 'store_unreachable',
    hint: 'the database server ended the connection: look into its log; the next run takes up where this one stopped',
    trouble: 'lost',
  },
  {
    codes: ['STATEMENT_TIMEOUT', 'ETIMEDOUT'],
    kind: 'unavailable',
    code: 'store_unreachable',
    hint: 'the database does not answer in time: check host and port in `store:`, the firewall, and whether the database is overloaded, or out of disk',
    trouble: 'silent',
  },
  {
    codes: ['ER_STATEMENT_TIMEOUT', 'ER_QUERY_TIMEOUT', 1969, 3024],
    kind: 'unavailable',
    code: 'store_unreachable',
    hint: 'the database does not answer in time: see whether it is overloaded, or out of disk',
    trouble: 'lost',
  },
  {
    codes: ['UNREADABLE_ANSWER', 'PROTOCOL_ERROR', 'PROTOCOL_UNEXPECTED_PACKET', 'HANDSHAKE_UNKNOWN_ERROR'],
    kind: 'unavailable',
    code: 'store_unreachable',
    hint: 'what answers there does not speak MySQL’s protocol: check host and port in `store:` (3306; 33060 is another protocol), and what stands between',
    trouble: 'lost',
  },
  {
    codes: ['NO_ROWS'],
    kind: 'unavailable',
    code: 'store_error',
    hint: 'the server, or a pooler or proxy before it, answers oddly: see what it does with a SELECT',
    trouble: 'lost',
  },
  {
    codes: ['ER_CON_COUNT_ERROR', 'ER_TOO_MANY_USER_CONNECTIONS', 'ER_USER_LIMIT_REACHED'],
    kind: 'unavailable',
    code: 'store_overloaded',
    hint: 'raise max_connections of the database, or the limits of the account (MAX_USER_CONNECTIONS, MAX_QUERIES_PER_HOUR), or lower `parallel_corps:`',
    trouble: 'lost',
  },
  {
    codes: ['ER_OUTOFMEMORY', 'ER_OUT_OF_RESOURCES', 'ER_OUT_OF_SORTMEMORY', 'ER_CANT_CREATE_THREAD'],
    kind: 'unavailable',
    code: 'store_overloaded',
    hint: 'the database server lacks memory or threads: see what else runs there, and its limits (ulimit, LimitNPROC, innodb_buffer_pool_size)',
    trouble: 'lost',
  },
  {
    // A Galera node that is joining or has lost its cluster; Galera's streaming replication; ProxySQL, MaxScale, MySQL Router, RDS
    // Proxy (9501) and Tencent Cloud's proxy (1999) without a server.
    codes: ['ER_UNKNOWN_COM_ERROR', 'ER_SERVER_OFFLINE_MODE', 1999, 2002, 2003, 2006, 2013, 9001, 9002, 9004, 9501],
    kind: 'unavailable',
    code: 'store_unreachable',
    hint: 'the server takes no statements now: see whether its cluster, or the servers behind its proxy, are complete',
    trouble: 'lost',
  },
  {
    codes: ['ER_OPTION_PREVENTS_STATEMENT', 'ER_READ_ONLY_MODE', 'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION', 'ER_OPEN_AS_READONLY', 'ER_INNODB_READ_ONLY', 'ER_INNODB_FORCED_RECOVERY'],
    kind: 'unavailable',
    code: 'store_read_only',
    hint: 'the server takes no writes (a replica, or a failover going on): let `store:` name the one that does',
    trouble: 'lost',
  },
  {
    // ER_TRANSACTION_ROLLBACK_DURING_COMMIT comes from Group Replication; ER_DUP_ENTRY when two nodes create the same row.
    codes: ['ER_LOCK_DEADLOCK', 'ER_CHECKREAD', 'ER_TABLE_DEF_CHANGED', 'ER_NEED_REPREPARE', 'ER_ERROR_DURING_COMMIT', 'ER_TRANSACTION_ROLLBACK_DURING_COMMIT', 'ER_DUP_ENTRY', 'ER_DUP_FIELDNAME', 'ER_DUP_KEYNAME', 'ER_TABLE_EXISTS_ERROR', 3101],
    kind: 'temporary',
    code: 'store_busy',
    hint: LOCKED,
    trouble: 'contention',
  },
  {
    // Group Replication says no more than that. It passes while a member leaves; a transaction that is too large never does.
    codes: ['ER_RUN_HOOK_ERROR', 3100],
    kind: 'config',
    code: 'store_limit',
    hint: 'raise group_replication_transaction_size_limit if the log of the server says that the transaction is too large; otherwise see there what the group lacks',
    trouble: 'contention',
  },
  { codes: ['ER_LOCK_WAIT_TIMEOUT'], kind: 'temporary', code: 'store_busy', hint: LOCKED, trouble: 'locked' },
  {
    codes: ['ER_ACCESS_DENIED_ERROR', 'ER_ACCESS_DENIED_NO_PASSWORD_ERROR', 'ER_HOST_NOT_PRIVILEGED', 'ER_ACCOUNT_HAS_BEEN_LOCKED', 3118, 3955, 4151],
    kind: 'refused',
    code: 'store_denied',
    hint: 'check user, password and host of the account in `store:`; where the account requires TLS, add ?ssl=true',
    trouble: 'final',
  },
  {
    codes: ['ER_HOST_IS_BLOCKED'],
    kind: 'refused',
    code: 'store_denied',
    hint: 'the server blocks this host after many broken connections: run FLUSH HOSTS there, and see what breaks them (a health check, a firewall)',
    trouble: 'final',
  },
  {
    codes: ['ER_MUST_CHANGE_PASSWORD', 'ER_MUST_CHANGE_PASSWORD_LOGIN', 1820, 1862],
    kind: 'refused',
    code: 'store_denied',
    hint: 'the password of the account has expired: set a new one (ALTER USER … IDENTIFIED BY …), and write it into `store:`',
    trouble: 'final',
  },
  {
    codes: ['ER_DBACCESS_DENIED_ERROR', 'ER_TABLEACCESS_DENIED_ERROR', 'ER_COLUMNACCESS_DENIED_ERROR', 'ER_SPECIFIC_ACCESS_DENIED_ERROR'],
    kind: 'refused',
    code: 'store_denied',
    hint: 'the account needs SELECT to look up; SELECT, INSERT, UPDATE, and DELETE on memberships, to run; CREATE, ALTER, INDEX, and UPDATE on corps and members, to migrate; UPDATE, and DELETE on members, memberships, changes and wrong_numbers, to forget: docs/security.md has the grants of each account',
    trouble: 'final',
  },
  {
    codes: ['ER_BAD_DB_ERROR', 'ER_NO_DB_ERROR'],
    kind: 'config',
    code: 'database_missing',
    hint: 'create it (CREATE DATABASE orgsync CHARACTER SET utf8mb4), or correct its name in `store:`',
    trouble: 'final',
  },
  { codes: ['ER_NO_SUCH_TABLE'], kind: 'config', code: 'tables_missing', hint: 'run `orgsync migrate`', trouble: 'final' },
  { codes: ['ER_BAD_FIELD_ERROR'], kind: 'config', code: 'tables_outdated', hint: 'run `orgsync migrate`', trouble: 'final' },
  {
    codes: ['ER_RECORD_FILE_FULL', 'ER_DISK_FULL', 'ER_TEMP_FILE_WRITE_FAILURE', 'EE_DISK_FULL', 'ER_DISK_FULL_NOWAIT'],
    kind: 'config',
    code: 'store_full',
    hint: 'make room on the database server’s disk; nothing was written, and the next run tries again',
    trouble: 'final',
  },
  {
    codes: ['ER_DATA_TOO_LONG', 'ER_TRUNCATED_WRONG_VALUE_FOR_FIELD', 'ER_WARN_DATA_OUT_OF_RANGE', 'ER_INVALID_JSON_TEXT', 'ER_CONSTRAINT_FAILED', 4025, 'WARN_DATA_TRUNCATED', 'ER_INVALID_CHARACTER_STRING'],
    kind: 'failed',
    code: 'value_refused',
    hint: 'correct this value in WeCom: the tables cannot hold it',
    trouble: 'final',
  },
  {
    // A foreign key, a trigger, a column or a character set that is not from orgsync's migrations.
    codes: ['ER_NO_DEFAULT_FOR_FIELD', 'ER_NO_REFERENCED_ROW', 'ER_NO_REFERENCED_ROW_2', 'ER_ROW_IS_REFERENCED', 'ER_ROW_IS_REFERENCED_2', 'ER_SIGNAL_EXCEPTION', 'WRONG_CHARACTER_SET', 3988],
    kind: 'config',
    code: 'tables_altered',
    hint: 'somebody altered the tables: SHOW CREATE TABLE and SHOW TRIGGERS tell what; give added columns a default, take foreign keys and triggers away that refuse rows, and CONVERT TO CHARACTER SET utf8mb4',
    trouble: 'final',
  },
  {
    // ProxySQL: a command that it does not know, a SET that it cannot parse. SETTINGS_REFUSED: the settings of a session, refused or not kept.
    codes: ['SETTINGS_REFUSED', 'ER_NOT_SUPPORTED_YET', 'ER_UNSUPPORTED_PS', 'ER_UNKNOWN_STORAGE_ENGINE', 9003, 9006],
    kind: 'config',
    code: 'store_unsupported',
    hint: 'orgsync needs MySQL 5.7, 8 or MariaDB 10.5 with InnoDB, and a proxy that hands SET and START TRANSACTION on to one server (ProxySQL: one hostgroup for this account, or mysql-set_query_lock_on_hostgroup = 0)',
    trouble: 'final',
  },
  {
    codes: ['ER_MAX_PREPARED_STMT_COUNT_REACHED', 'ER_UNKNOWN_STMT_HANDLER'],
    kind: 'config',
    code: 'store_limit',
    hint: 'raise max_prepared_stmt_count of the database, or see which program leaves its statements prepared',
    trouble: 'final',
  },
  {
    codes: ['ER_TRANS_CACHE_FULL', 'ER_STMT_CACHE_FULL', 'ER_LOCK_TABLE_FULL', 'ER_CAPACITY_EXCEEDED', 'WRITE_SET_TOO_LARGE'],
    kind: 'config',
    code: 'store_limit',
    hint: 'one transaction holds the changes of a whole corp: raise the limit that the message names (max_binlog_cache_size, wsrep_max_ws_size, group_replication_transaction_size_limit, innodb_buffer_pool_size)',
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
    // mysql2 uses the first code for every failed TLS handshake, with the message of the original error.
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
    codes: ['ER_SECURE_TRANSPORT_REQUIRED', 3159],
    kind: 'config',
    code: 'store_tls',
    hint: 'the server wants TLS: add ?ssl=true to `store:`',
    trouble: 'final',
  },
  {
    codes: ['ER_NOT_SUPPORTED_AUTH_MODE', 'AUTH_SWITCH_PLUGIN_ERROR', 'MYSQL_CLEAR_PASSWORD_NOT_ENABLED'],
    kind: 'config',
    code: 'store_denied',
    hint: 'let the account use caching_sha2_password or mysql_native_password',
    trouble: 'final',
  },
];
