/**
 * What kind of trouble an error is; it decides the exit code.
 *
 * - `usage`: the command line is wrong
 * - `config`: the configuration, or the tables, are not what is needed
 * - `refused`: a service denied access: WeCom's check of the credential or address, database privileges, or a store that another environment or a newer version has written
 * - `unavailable`: a service cannot be reached, or stays too busy
 * - `temporary`: the same run may work later
 * - `held_back`: a safety limit stopped a change
 * - `unknown`: a lookup found nobody, and not every corp could have known
 * - `failed`: this corp's data could not be read or written
 * - `defect`: a bug in orgsync
 */
export type ErrorKind = 'usage' | 'config' | 'refused' | 'unavailable' | 'temporary' | 'held_back' | 'unknown' | 'failed' | 'defect';

/**
 * The exit code of each kind of error, the gravest first. With several errors, a process ends with the code that comes
 * first here; a signal takes precedence over all ({@link Interrupted}). `defect` comes after the kinds that make every
 * attempt fail, and before `temporary`, because a retry does not help. `usage` comes before `failed`, because a wrong
 * phone number has to be corrected by hand.
 */
export const EXIT_CODES = {
  config: 78,
  refused: 77,
  unavailable: 69,
  defect: 70,
  temporary: 75,
  usage: 64,
  unknown: 2,
  failed: 1,
  held_back: 3,
} as const satisfies Readonly<Record<ErrorKind, number>>;

/** The exit code of the gravest of several kinds of error; 0 of none. */
export function gravestExitCode(kinds: Iterable<ErrorKind>): number {
  const met = new Set<string>(kinds);
  return Object.entries(EXIT_CODES).find(([kind]) => met.has(kind))?.[1] ?? 0;
}

/**
 * The reason of an error, for programs (`error.code` in `--json`, the log and the alerts). Users rely on these words: add
 * lines, but rename none. A new reason is one line here; its {@link ErrorKind}, and so its exit code, is chosen where
 * the error is created.
 */
export type ErrorCode =
  // Command line
  | 'unknown_command' // no such command
  | 'unknown_option' // no such option
  | 'missing_argument' // an argument is required
  | 'excess_arguments' // more arguments than the command takes
  | 'invalid_argument' // the value of an argument or option is not accepted
  | 'option_missing_argument' // an option lacks its value
  | 'missing_mandatory_option_value' // a required option is missing
  | 'conflicting_option' // commander found two options that exclude each other
  | 'conflicting_options' // orgsync found two options that exclude each other
  | 'error' // commander gave no closer reason
  | 'no_phone' // `lookup` without a phone number and without `--file`
  | 'not_a_phone_number' // the argument of `lookup` is not a phone number
  | 'file_unreadable' // the file of numbers cannot be read
  | 'unknown_corp' // no corp, or more than one, has this id or name
  | 'unknown_migration' // no migration has this name
  | 'unknown_lease' // `unlock` was given what is no name of a lease
  | 'unknown_department' // no department, or more than one, has this name
  | 'unknown_member' // no member with this userid or phone number is in the store
  | 'still_member' // `forget` was given a current member
  | 'not_confirmed' // a question could not be asked, because there is no terminal
  // Configuration
  | 'config_missing' // no configuration file was found
  | 'config_unreadable' // the configuration file cannot be read
  | 'config_untrusted' // another account could have written the configuration file that was found by searching
  | 'config_invalid' // the configuration file has errors
  | 'corps_query_invalid' // `corps.query` fails, or returns no usable row
  | 'corp_row_unusable' // one row of `corps.query` is not a usable corp
  | 'proxy_unsupported' // the proxy is not an HTTP proxy, but SOCKS for example
  // Lease, fence and deadline
  | 'lease_lost' // the lease could not be renewed in time
  | 'fenced_off' // another process has taken over the corp
  | 'deadline_reached' // `--max-run` is over
  | 'stopped_by_signal' // SIGINT, SIGTERM or SIGHUP
  | 'stale_behind_lease' // another process has the lease, and the last success is older than `alerts.stale_after`
  | 'newer_writer' // a newer version of orgsync has written this corp
  | 'other_environment' // another environment has written this corp
  // A corp
  | 'incomplete' // WeCom did not give the whole corp
  | 'members_unreadable' // a member has a userid that cannot be stored; the others were written
  | 'departments_unreadable' // a department has no usable id; the others were written
  | 'safety_limit' // a safety limit holds the change back
  // WeCom
  | 'wecom_unreachable' // no answer, or an answer that is not WeCom's
  | 'wecom_busy' // errcode -1 or 6000, also after the retries
  | 'wecom_maintenance' // WeCom is under maintenance
  | 'too_many_at_once' // too many requests open at the same time
  | 'frequency_limit' // errcode 45009: WeCom's frequency limit
  | 'wrong_numbers_closed' // too many wrong numbers were sent today: WeCom answers no further ones
  | 'token_refused' // WeCom refuses a fresh access token
  | 'secret_refused' // WeCom refuses the secret
  | 'corp_unknown' // WeCom does not know the corp id
  | 'corp_closed' // WeCom has closed or banned the corp
  | 'address_refused' // errcode 60020: this address is not among the trusted ones
  | 'agent_refused' // `agent_id` is not that of the application
  | 'application_disabled' // the application is switched off
  | 'api_forbidden' // the secret may not use this API
  | 'api_abolished' // WeCom has removed this API
  | 'contacts_secret_limited' // a contacts-sync secret was used where an application's secret is needed
  | 'tls_too_old' // a proxy on the way to WeCom uses an old version of TLS
  | 'nobody' // the application sees no member with this number or userid
  | 'department_unknown' // WeCom does not know the department
  | 'out_of_range' // outside the application's visible range
  | 'cursor_refused' // WeCom refuses the cursor of a paged list
  | 'request_refused' // WeCom calls a request malformed
  | 'errcode_unknown' // an errcode that orgsync does not know
  | 'answer_too_large' // an answer larger than orgsync, or WeCom, allows
  | 'answer_unusable' // an answer without the data that was asked for
  | 'export_lost' // WeCom has failed or dropped an export
  | 'export_unfinished' // an export was not finished in time
  | 'export_unread' // a file of an export could not be fetched
  // Store
  | 'store_url' // `store:` is not the address of a store
  | 'store_missing' // the SQLite file does not exist, and this command does not create it
  | 'store_path' // the SQLite file cannot be opened
  | 'store_not_a_database' // the file is damaged, or not SQLite
  | 'store_unreachable' // the database does not answer
  | 'store_overloaded' // the database takes no more connections
  | 'run_was_newer' // a live answer was not stored: something newer may have been stored since WeCom was asked
  | 'store_behind' // the server has not seen yet what is known to be committed
  | 'store_limit' // a limit of the database is too small
  | 'store_busy' // a lock inside the database was not free in time
  | 'store_full' // the disk, or the table space, is full
  | 'store_denied' // the account lacks a right, or its password is wrong
  | 'store_certificate' // the database's certificate is not trusted
  | 'store_tls' // TLS with the database is not possible
  | 'store_packet_too_large' // the database refuses packets of this size
  | 'store_read_only' // the server takes no writes
  | 'store_unsupported' // the server, or a proxy before it, does not do what orgsync needs
  | 'read_only' // the configuration says `read_only`
  | 'database_missing' // the database does not exist
  | 'tables_missing' // the tables do not exist
  | 'tables_outdated' // the tables are of an older version
  | 'tables_altered' // somebody altered the tables so that rows are refused
  | 'tables_too_new' // the tables are of a newer version
  | 'migration_running' // another process migrates the tables
  | 'value_refused' // the database refuses a value
  | 'store_error' // the database said something that orgsync does not know
  // Redis
  | 'pace_unavailable' // no slot for a request could be reserved within `lock.ttl`
  | 'pace_unusable' // the store may not be written, and the host has no place for the pace
  | 'redis_url' // `redis:` is not the address of a Redis
  | 'redis_unreachable' // Redis does not answer
  | 'redis_credentials' // the password or the user name is wrong
  | 'redis_permission' // the user lacks a right
  | 'redis_certificate' // the certificate is not trusted
  | 'redis_no_tls' // the port does not speak TLS
  | 'redis_busy' // Redis is loading, or busy with a script
  | 'redis_failing_over' // another server is becoming the primary
  | 'redis_protected' // Redis runs in protected mode
  | 'redis_no_replicas' // Redis has too few replicas to accept writes
  | 'redis_cluster' // Redis is a cluster
  | 'redis_sentinel' // a Sentinel stands where Redis should, Redis where a Sentinel should, or the Sentinels do not know the name
  | 'redis_full' // Redis has no memory left
  | 'redis_readonly' // Redis is a replica
  | 'redis_cannot_save' // Redis cannot save to its disk
  | 'redis_foreign_keys' // another program uses the names of orgsync's keys for other types
  | 'redis_database' // no database has this number
  | 'redis_commands' // Redis lacks a command that orgsync needs
  | 'redis_too_far' // Redis answers too late to share a pace
  | 'redis_closed' // defect: used after the connection was closed
  | 'redis_unexpected' // Redis said something that orgsync does not know
  // Files, alerts and the sandbox
  | 'report_not_written' // the report's file cannot be written
  | 'alert_file_unusable' // this host's file of sent alerts cannot be used
  | 'ration_unusable' // this host's files of the ration cannot be used
  | 'call_failed' // a webhook, ping or Pushgateway cannot be reached
  | 'command_failed' // the alert command failed
  | 'robot_refused' // the WeCom group robot refused an alert
  | 'too_slow' // something beside the run took too long and was left out
  | 'sandbox_address' // the sandbox cannot listen at this address
  | 'sandbox_not_loopback' // the sandbox listens outside of loopback only with `--allow-remote`
  | 'sandbox_config_file' // the sandbox's configuration cannot be written
  | 'system_error' // the operating system refused something; its number and text are in the message
  // Defects
  | 'defect' // a bug in orgsync
  | 'compared_nobody' // defect: a member who is not stored was compared
  | 'corp_without_access'; // defect: a corp without configuration was asked for

/** The content of an error. `hint` says what to do next; it is missing only in defects. */
export interface ErrorFacts {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An expected failure: what happened, and what to do about it. Every other thrown value is a defect. */
export class OrgsyncError extends Error {
  override readonly name: string = 'OrgsyncError';
  readonly kind: ErrorKind;
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(kind: 'defect', facts: ErrorFacts);
  constructor(kind: ErrorKind, facts: ErrorFacts & { readonly hint: string });
  constructor(kind: ErrorKind, { code, message, hint, cause }: ErrorFacts) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.code = code;
    this.hint = hint;
  }
}

/** WeCom answered with an errcode other than 0. */
export class WecomError extends OrgsyncError {
  override readonly name = 'WecomError';
  /** WeCom's error number, such as 60020. */
  readonly errcode: number;
  /** The endpoint, such as `user/list`; never the URL, which contains the token. */
  readonly request: string;

  constructor(kind: ErrorKind, facts: ErrorFacts & { readonly hint: string; readonly errcode: number; readonly request: string }) {
    super(kind, facts);
    this.errcode = facts.errcode;
    this.request = facts.request;
  }
}

/** Exit codes of a process that a signal stopped: 128 and the signal's number. */
const SIGNAL_EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** A signal that stops orgsync cleanly. */
export type StopSignal = keyof typeof SIGNAL_EXIT_CODES;

/** A stop signal reached the process: the reason of its abort signal. */
export class Interrupted extends OrgsyncError {
  override readonly name = 'Interrupted';
  readonly exitCode: number;

  constructor(signal: StopSignal) {
    super('temporary', { code: 'stopped_by_signal', message: `stopped by ${signal}`, hint: 'run it again when it may finish' });
    this.exitCode = SIGNAL_EXIT_CODES[signal];
  }
}

/** The exit code of a process that ends with this error. */
export function exitCodeOf(error: OrgsyncError): number {
  return error instanceof Interrupted ? error.exitCode : EXIT_CODES[error.kind];
}

/** Turns a thrown value into an {@link OrgsyncError}: what the operating system says by its errno, a value of another type into a defect. */
export function asOrgsyncError(thrown: unknown): OrgsyncError {
  if (thrown instanceof OrgsyncError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const errno = errnoOf(thrown);
  if (errno === undefined || OWN_FAULTS.has(errno)) return new OrgsyncError('defect', { code: 'defect', message, cause: thrown });
  const kind = SYSTEM_KINDS.find(([, names]) => names.includes(errno))?.[0] ?? 'unavailable';
  return new OrgsyncError(kind, { code: 'system_error', message: `the operating system says: ${message.includes(errno) ? message : `${errno}: ${message}`}`, hint: SYSTEM_HINTS[kind], cause: thrown });
}

/** Errors that no surroundings cause: wrong arguments, a descriptor that is not open. */
const OWN_FAULTS: ReadonlySet<string> = new Set(['EBADF', 'EFAULT', 'EINVAL', 'ENOTSOCK', 'EDESTADDRREQ', 'EALREADY', 'EISCONN', 'ENOTCONN']);

type SystemKind = keyof typeof SYSTEM_HINTS;

/** What the operating system says, by what it means; all else is `unavailable`. */
const SYSTEM_KINDS: readonly (readonly [SystemKind, readonly string[]])[] = [
  ['refused', ['EACCES', 'EPERM', 'EROFS']],
  ['temporary', ['EAGAIN', 'EBUSY', 'EDQUOT', 'EINTR', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOLCK', 'ENOMEM', 'ENOSPC', 'ESTALE', 'ETXTBSY']],
  ['config', ['EEXIST', 'EFBIG', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'ENODEV', 'ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'ENXIO', 'EXDEV', 'EADDRINUSE', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT']],
];

const SYSTEM_HINTS = {
  refused: 'give the account that runs orgsync the right to do this, or name another place in the configuration',
  temporary: 'free what is used up (disk, memory, open files, processes) and run it again',
  config: 'create what is missing, or correct the path or address in the configuration',
  unavailable: 'see what the system log says of it (dmesg, journalctl); run it again afterwards',
} as const satisfies Partial<Record<ErrorKind, string>>;

/** `ENOSPC` and the like, of an error of Node.js that came from a system call; some carry it in `info`. */
function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !['syscall', 'errno', 'info'].some((name) => name in thrown)) return undefined;
  const info = 'info' in thrown && typeof thrown.info === 'object' && thrown.info !== null ? thrown.info : thrown;
  const code = 'code' in info ? info.code : undefined;
  return typeof code === 'string' && /^(E[A-Z\d]+|EAI_[A-Z]+)$/.test(code) ? code : undefined;
}
