/** A variable that each session sets. */
interface Setting {
  /** The text in SET. A version comment is executed only by servers that know the variable. */
  readonly set: string;
  /** What another default of the server would do. */
  readonly because: string;
}

/** A row count that no result reaches. */
const UNLIMITED = '18446744073709551615';

/**
 * All session variables that orgsync relies on. A session sets them after it has connected and after every reset, so that
 * defaults of the server, of a proxy or of `init_connect` have no effect. All of them exist in MySQL 5.7 and 8.x and in
 * MariaDB 10.5+, and need no privilege.
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

/** Returns the statements that set all variables. The server also ends the session when its client is silent for `silenceSeconds`. */
export function settingStatements(silenceSeconds: number): readonly string[] {
  const silence = ['wait_timeout', 'net_read_timeout', 'net_write_timeout'].map((name) => `SESSION ${name} = ${silenceSeconds}`);
  return [
    `SET ${[...SESSION_SETTINGS.map(({ set }) => set), ...silence].join(', ')}`,
    // A default of READ ONLY would refuse every write; READ COMMITTED would show a reader more than one moment.
    'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE',
  ];
}

/** Shows in one text whether the settings took effect: some proxies answer OK to SET, and do not hand it on. */
export const SETTINGS_IN_EFFECT = "SELECT CONCAT_WS(' ', @@character_set_client, @@character_set_connection, @@character_set_results, IF(@@autocommit, 1, 0), @@time_zone, @@sql_mode) AS settings";

/** Whether the text of {@link SETTINGS_IN_EFFECT} is as it should be. */
export function areInEffect(settings: unknown): boolean {
  return typeof settings === 'string' && /^utf8mb4 utf8mb4 utf8mb4 1 \+00:00 \S*\bSTRICT_ALL_TABLES\b/.test(settings);
}
