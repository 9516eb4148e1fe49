/** One thing that a session sets. */
interface Setting {
  /** As it stands in SET; text in a version comment is run by the servers that know the variable. */
  readonly set: string;
  /** What the server's default could do otherwise. */
  readonly because: string;
}

/** A row count that no answer has. */
const UNLIMITED = '18446744073709551615';

/**
 * Everything in a session that orgsync relies on. A session sets it right after it connects and after every reset, so that
 * no default of the server, of a proxy, or of `init_connect` decides what is stored. Only names that MySQL 5.7 and 8.x and
 * MariaDB 10.5+ all know, and that need no privilege.
 */
export const SESSION_SETTINGS: readonly Setting[] = [
  { set: 'NAMES utf8mb4 COLLATE utf8mb4_unicode_ci', because: '`utf8` and `latin1` store ? in place of every character that they lack' },
  {
    set: "SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
    because: 'without strictness values are cut; ANSI_QUOTES, NO_BACKSLASH_ESCAPES, PIPES_AS_CONCAT and ORACLE change what a statement means',
  },
  { set: 'SESSION autocommit = 1', because: 'without it, what stands outside a transaction (migrations) is never committed' },
  { set: "SESSION completion_type = 'NO_CHAIN'", because: 'CHAIN begins a transaction with every COMMIT, RELEASE ends the connection' },
  { set: "SESSION time_zone = '+00:00'", because: 'times are UTC' },
  { set: 'SESSION innodb_lock_wait_timeout = 5', because: 'a wait for a row must end before the unit of work is given up' },
  { set: 'SESSION lock_wait_timeout = 10', because: 'so must a wait for a table, which by default may last a year' },
  { set: 'SESSION sql_safe_updates = 0', because: 'it refuses UPDATE and DELETE that name no key, as migrations have them' },
  { set: `SESSION sql_select_limit = ${UNLIMITED}`, because: 'it cuts answers without a word: members would look unknown' },
  { set: 'SESSION sql_big_selects = 1', because: 'a small max_join_size refuses queries by the guess of the optimizer' },
  { set: 'SESSION sql_auto_is_null = 0', because: 'it lets `id IS NULL` find the row inserted last' },
  { set: 'SESSION group_concat_max_len = 1048576', because: 'it cuts what a `corps.query` puts together' },
  { set: 'SESSION foreign_key_checks = 1, SESSION unique_checks = 1', because: 'keys that a DBA added are to hold' },
  { set: "SESSION lc_messages = 'en_US'", because: 'some errors are told apart by their words' },
  { set: '/*M! SESSION max_statement_time = 0, */ /*!50708 SESSION max_execution_time = 0, */ SESSION sql_warnings = 0', because: 'a limit of the server may be too short; ours ends every statement' },
];

/** The statements that set all of it; the session also ends by itself after `silenceSeconds` in which its client said nothing. */
export function settingStatements(silenceSeconds: number): readonly string[] {
  const silence = ['wait_timeout', 'net_read_timeout', 'net_write_timeout'].map((name) => `SESSION ${name} = ${silenceSeconds}`);
  return [
    `SET ${[...SESSION_SETTINGS.map(({ set }) => set), ...silence].join(', ')}`,
    // A default of READ ONLY refuses every write; READ COMMITTED shows a reader more than one moment.
    'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE',
  ];
}
