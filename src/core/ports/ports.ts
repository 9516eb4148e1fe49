import type {
  Before,
  ChangeCounts,
  ChangeSet,
  Corp,
  CorpOutcome,
  MemberKey,
  Reading,
  SeenMember,
  Snapshot,
  StoredMember,
} from '../model.ts';
import type { ErrorKind } from '../../errors.ts';

/** The only source of time outside the adapters. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. For what people read, never for deadlines. */
  now(): number;
  /** Milliseconds that never jump. */
  monotonic(): number;
  /** Resolves after `ms`, or rejects with `signal.reason` as soon as `signal` aborts. Keeps no process alive by itself when it has been aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Log levels, gravest first. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** Writes one event. `event` is stable and lower-case (`run_started`); `facts` hold ids and counts, never people or secrets. */
export type Log = (level: LogLevel, event: string, message: string, facts?: Readonly<Record<string, unknown>>) => void;

// ---------------------------------------------------------------------------------------------------------------------
// Directory: the organisation as its owner knows it (WeCom)

/** What a reading tells while it goes on. */
export interface ReadingProgress {
  /** `done` of `total` departments have been read; `total` can grow while reading. */
  onDepartments(done: number, total: number): void;
}

/** WeCom's word on one member: as they are now, or that nobody visible has this userid. */
export type MemberAnswer = { readonly is: 'here'; readonly member: SeenMember } | { readonly is: 'gone' };

/** One thing that `orgsync doctor` finds out, such as about a corp's access. */
export interface Finding {
  readonly title: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What to do; empty when `ok` and not `doubtful`. */
  readonly fix: string;
  /** Nothing that stops a run, but worth a look. */
  readonly doubtful?: true;
  /** When not `ok`: the kind of trouble, for the exit code; `refused` when missing. */
  readonly kind?: ErrorKind;
}

/**
 * Reads organisations. Every method keeps to the corp's pace, renews tokens by itself, repeats what is worth repeating,
 * and throws a WecomError (`refused`, `temporary`, `unavailable`, `failed`) when the corp as a whole cannot be read.
 * All stop within a second of `signal`'s abort and then reject with `signal.reason`.
 */
export interface Directory {
  /**
   * Walks through the whole corp. A result is whole, or names its gaps; nothing is guessed: a department whose members
   * could not be had is a gap, unless WeCom no longer lists that department.
   */
  read(corp: Corp, options: { readonly signal: AbortSignal; readonly progress?: ReadingProgress }): Promise<Reading>;
  /** Asks for one member by userid. `gone` means WeCom said so itself (60111, 40003, 60011 for this member, or status 5 in its answer). */
  findMember(corp: Corp, userid: string, signal: AbortSignal): Promise<MemberAnswer>;
  /**
   * The userid whose mobile this is, or undefined when WeCom answers 46004, which counts as a wrong number:
   * whoever calls keeps the ration.
   * @param mobile as WeCom writes it: mainland numbers bare, others as `+CC…`.
   */
  findUseridByMobile(corp: Corp, mobile: string, signal: AbortSignal): Promise<string | undefined>;
  /** What this corp's credential can do. Does not throw for what it finds out; that is in the findings. */
  probe(corp: Corp, signal: AbortSignal): Promise<readonly Finding[]>;
  /** Requests sent to WeCom for this corp since the directory was opened: repeats and token requests included. */
  requestsSent(corp: Corp): number;
  close(): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------------
// Store: the organisation as we keep it

/** Leave to write one corp: taken at the start of a corp's run, and good until somebody takes a newer one. */
export interface Fence {
  readonly corp: Corp;
  /** Grows with every taker, whoever that is. */
  readonly token: number;
  /** The row in `runs` that this run writes its story to. */
  readonly runId: number;
}

/** Who starts a run, kept in `runs` and compared with who wrote the corp before. */
export interface Writer {
  readonly host: string;
  readonly pid: number;
  /** Our package version, such as `1.4.2`. */
  readonly version: string;
  /** The `gate:` values that made this the place to run, as `NAME=value` joined by `,` in order of name; empty without a gate, null where it was passed by hand. */
  readonly environment: string | null;
  /** Whether a corp last written from `environment` is ours to write: see `acceptsEnvironment` in gate.ts. */
  readonly accepts: (environment: string) => boolean;
}

/** How a corp's run ended, for its row in `runs`. */
export interface RunEnd {
  readonly outcome: Exclude<CorpOutcome, 'skipped'>;
  readonly requests: number;
  /** One line for people; null when all went well. */
  readonly error: string | null;
}

/** What a commit did. Members seen by a live lookup after the run began are left alone, and are not counted. */
export interface Committed {
  readonly counts: ChangeCounts;
  /** Present in the store after the commit. */
  readonly memberCount: number;
  readonly departmentCount: number;
}

/** A department with the names from the top down to it, its own the last. */
export interface DepartmentPath {
  readonly id: number;
  readonly name: string;
  readonly path: readonly string[];
}

/** A member found by phone number, with what a person wants to know at once. */
export interface PhoneMatch {
  readonly corp: Corp;
  readonly member: StoredMember;
  /** For the departed: those they were in last. */
  readonly departments: readonly DepartmentPath[];
  readonly updatedAt: Date;
  /** null while a member. */
  readonly departedAt: Date | null;
}

/** A corp as the store knows it. */
export interface CorpRecord {
  readonly corp: Corp;
  readonly fence: number;
  readonly lastSuccessAt: Date | null;
  /** When its oldest run that is still known began; null once it has succeeded, and before any run. */
  readonly triedSince: Date | null;
  readonly lastRunId: number | null;
  readonly writerVersion: string | null;
  readonly memberCount: number;
  readonly departmentCount: number;
}

/** One row of `runs`. */
export interface RunRecord {
  readonly id: number;
  readonly corpId: string;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly outcome: Exclude<CorpOutcome, 'skipped'>;
  readonly requests: number;
  readonly counts: ChangeCounts;
  readonly host: string;
  readonly version: string;
  readonly error: string | null;
}

/**
 * Keeps organisations. Opening connects to nothing; every method throws OrgsyncError only: `unavailable` when the
 * database cannot be reached, `refused` when it denies a privilege or its tables are a newer version's, `config` when
 * tables are missing or too old or the disk is full, `temporary` when a fence is no longer the newest or a lock wait outlasted the bounded retries.
 */
export interface Store {
  /** Throws `config` (`tables_missing`, `tables_outdated`) or `refused` (`tables_too_new`) unless the tables are those of this version. The embedded store migrates itself first. */
  ensureReady(): Promise<void>;

  /**
   * Takes the corp's fence and opens its row in `runs` (outcome `interrupted` until told otherwise), in one
   * transaction: from here on nobody with an older fence commits. Creates the corp's row where there is none.
   */
  begin(corp: Corp, writer: Writer): Promise<Fence>;

  /** What the difference with `after` needs (see {@link Before}), read at one moment. */
  readBefore(corp: Corp, after: Snapshot): Promise<Before>;

  /**
   * Writes a whole change set and the end of the run, outcome `ok`, in one transaction: all of it or, when this rejects
   * with anything but a lost connection, nothing. After a lost connection it finds out from `runs` whether the
   * commit landed, and if not, tries again within a bound.
   *
   * The fence is checked inside the transaction under a shared lock: an old one writes no row and rejects with
   * `temporary`, code `fenced_off`. The same change set committed twice (a new run, same input) changes no row of
   * departments, members and memberships the second time. Members whom a live lookup wrote since `begin` are
   * skipped. Deadlocks (1213) and lock waits (1205) are repeated within a bound. `lastSuccessAt` advances here only.
   */
  commit(fence: Fence, changes: ChangeSet, end: { readonly requests: number }): Promise<Committed>;

  /** Closes the row in `runs` for a run that committed nothing. Writes nothing else, and nothing when the run had ended. */
  finish(fence: Fence, end: RunEnd): Promise<void>;

  /**
   * Everyone, departed included, whose mobile is one of `e164s`, by number; corps limited to `corpIds` when given.
   * Current members first, then the latest departed. Does as {@link Store.ensureReady} at the same moment, for
   * somebody waits for the answer.
   */
  findByPhones(e164s: readonly string[], corpIds?: readonly string[]): Promise<ReadonlyMap<string, readonly PhoneMatch[]>>;

  /** Members by key, in full; who is not stored is missing from the result. */
  findMembers(corp: Corp, keys: readonly MemberKey[]): Promise<ReadonlyMap<MemberKey, StoredMember>>;

  /** Departments by id, in the order of `ids`; one that is not stored is named by its number. */
  findDepartments(corp: Corp, ids: readonly number[]): Promise<readonly DepartmentPath[]>;

  /**
   * Writes what a live lookup saw, with its rows in `changes` (run_id NULL), in one transaction that excludes commits:
   * runs that began before leave these members alone. The caller computes `changes` from {@link Store.findMembers}.
   */
  commitLive(corp: Corp, changes: ChangeSet, writer: Writer): Promise<void>;

  /** Every corp the store knows, by id. */
  corps(): Promise<readonly CorpRecord[]>;
  /** The latest `limit` runs of a corp, newest first; with `before`, of those that began before the run of this id. */
  runs(corpId: string, limit: number, before?: number): Promise<readonly RunRecord[]>;

  close(): Promise<void>;
}

/** Creates and upgrades the tables. */
export interface Migrator {
  /** Applies what is missing, one migration after the other; safe to run twice and by two processes at once. Returns the names applied. */
  migrate(): Promise<readonly string[]>;
  /** The SQL that {@link Migrator.migrate} would run on an empty database, for a DBA to read. Connects to nothing. */
  sql(): string;
}

// ---------------------------------------------------------------------------------------------------------------------
// Leases: one worker at a time

/** Who holds a lease. */
export interface Holder {
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly since: Date;
  /** When it ends by itself unless renewed; null when that cannot be known. */
  readonly expiresAt: Date | null;
  /** Tells this lease from the next one of the same name, also of the same process; for {@link Leases.forceRelease} only, and never shown. */
  readonly token: string;
}

/** The right to be the only one at something, for as long as it is renewed; a hint, never a proof: the fence is the proof. */
export interface Lease {
  readonly name: string;
  /**
   * Aborts, with an OrgsyncError `temporary` / `lease_lost`, before the lease can have ended: when it was found taken,
   * or when the local deadline passed, measured on a monotonic clock from before the last successful renewal was sent.
   */
  readonly signal: AbortSignal;
  /** Throws what `signal` aborted, or would abort, with. Looks at the deadline itself: correct in the first turn after a long pause. */
  ensureHeld(): void;
  /** Stops renewing and frees the lease if it is still ours. Idempotent; never throws. */
  release(): Promise<void>;
}

/** What came of asking for a lease. */
export type Acquired =
  | { readonly is: 'acquired'; readonly lease: Lease }
  | { readonly is: 'held'; readonly by: Holder | null };

/** Hands out leases by name (`run`, `run:1/4`, `corp:ww…`). Throws `unavailable` or `refused` when nobody can be asked. */
export interface Leases {
  /**
   * Asks once. A repeat whose reply was lost recognises its own token.
   * @param options.fair contenders of one moment wait for the window, and the host served longest ago wins
   */
  acquire(name: string, options: { readonly signal: AbortSignal; readonly fair?: boolean }): Promise<Acquired>;
  /** Everyone who holds something now, by name. */
  holders(): Promise<readonly Holder[]>;
  /**
   * Frees the very lease that `holder` was seen with; its owner is fenced off by the next taker. False, and nothing is
   * freed, when that lease has ended meanwhile, also where its name is held again.
   */
  forceRelease(holder: Pick<Holder, 'name' | 'token'>): Promise<boolean>;
  close(): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------------------
// Limiter and token cache: what several processes share

/** A budget of requests: evenly spaced, `perSecond` at most in any sliding second. */
export interface PaceScope {
  /** Such as `corp:ww1234567890abcdef`. */
  readonly name: string;
  readonly perSecond: number;
}

/** Says when the next request may start. */
export interface Limiter {
  /** Resolves when a request may start in every one of `scopes`; rejects with `signal.reason` on abort. Over all users of a scope, never more than its rate in any sliding second. */
  take(scopes: readonly PaceScope[], signal: AbortSignal): Promise<void>;
}

/** Names a token: one per corp and secret. */
export interface TokenKey {
  readonly corpId: string;
  /** A one-way digest of the secret: safe to use as a key's name. */
  readonly secretDigest: string;
}

/** Keeps access tokens (already sealed by their owner: opaque text) for all processes. */
export interface TokenCache {
  get(key: TokenKey): Promise<string | undefined>;
  put(key: TokenKey, sealed: string, ttlMs: number): Promise<void>;
  /** Drops the token only if it is still `sealed`: somebody may have renewed it. */
  dropIf(key: TokenKey, sealed: string): Promise<void>;
  /** What {@link TokenCache.putRefusal} told less than its `ttlMs` ago. */
  refusal(key: TokenKey | null): Promise<string | undefined>;
  /** Tells everybody for `ttlMs` that WeCom refused this corp and secret a token; with null, that it refuses all for now. */
  putRefusal(key: TokenKey | null, text: string, ttlMs: number): Promise<void>;
  /**
   * Runs `fetch` in one process at a time per key, so that one token is fetched however many need it. The others wait,
   * and whoever comes after the first finds its token by {@link TokenCache.get}. Gives up waiting after 15 s and fetches then.
   */
  single<T>(key: TokenKey, signal: AbortSignal, fetch: () => Promise<T>): Promise<T>;
}

/** A question booked: given back when it hits, or settled as wrong. Left alone, it stays spent. */
export interface RationTicket {
  readonly corpId: string;
  /** The calendar day it was booked on, in Asia/Shanghai: `2026-03-01`. */
  readonly day: string;
  /** Names it among all tickets, so that nothing is given back twice. */
  readonly id: string;
}

/** What came of asking for leave to ask. */
export type Booking =
  | { readonly is: 'booked'; readonly ticket: RationTicket }
  /** The number was wrong not long ago. */
  | { readonly is: 'known_wrong' }
  /** The day's budget is spent. */
  | { readonly is: 'spent' };

/**
 * Counts wrong numbers per corp and calendar day (Asia/Shanghai), over all processes, and remembers the numbers.
 * A question is booked before it is asked, so that however many processes ask at once, no more are wrong than the
 * budget allows. Whoever dies in between has spent it: errors are on the safe side, also where a reply is lost.
 */
export interface Ration {
  /**
   * Books one question in one step; anything but `booked` means that it must not be asked.
   * @param question.held somebody has the number by the store's word: that it was wrong once counts for nothing then
   */
  book(question: { readonly corpId: string; readonly e164: string; readonly budget: number; readonly held?: boolean }): Promise<Booking>;
  /** The question hit, or WeCom judged no number: it costs nothing. A second time does nothing. */
  giveBack(ticket: RationTicket): Promise<void>;
  /** The question missed: it stays spent, and the number is not booked again for `forMs`. */
  rememberWrong(ticket: RationTicket, e164: string, forMs: number): Promise<void>;
  /** Forgets that a number was wrong, in these corps; what was spent stays spent. */
  forgetNumber(e164: string, corpIds: readonly string[]): Promise<void>;
  /** How many questions are booked or were wrong today. */
  spent(corpId: string): Promise<number>;
}

// ---------------------------------------------------------------------------------------------------------------------
// Meter and alerts: what the people who run it get to see

/** How a request to WeCom ended: its errcode (0 when all is well), or why there was no answer; `abandoned` when nobody wanted it any more. */
export type RequestEnd = number | 'timeout' | 'connection' | 'http' | 'unreadable' | 'abandoned';

/** Counts what happens, for metrics. No method throws or waits; an adapter that was given none uses `NO_METER`. */
export interface Meter {
  /** One request to WeCom has ended, repeats and token requests included. `request` is the endpoint: `user/list`. */
  requested(corpId: string, facts: { readonly request: string; readonly end: RequestEnd; readonly seconds: number }): void;
  /** A request is about to be sent again. */
  repeated(corpId: string, request: string): void;
  /** A request stood in line so long because of a rate, a ban or the limit of open requests. */
  waited(corpId: string, seconds: number): void;
  /** A new access token was fetched. */
  tokenRenewed(corpId: string): void;
  /** How many wrong numbers WeCom was asked today, and how many it may be asked. */
  wrongNumbers(corpId: string, facts: { readonly spent: number; readonly budget: number }): void;
  /** The run lease was asked for, and had or not after so long. */
  leaseAsked(facts: { readonly acquired: boolean; readonly seconds: number }): void;
}

/** What is complained of: a corp, a process on its host, or the whole fleet; and in which way. */
export interface AlertKey {
  /** `corp:ww…`, `run`, `fleet`. */
  readonly subject: string;
  readonly kind: 'failed' | 'held_back' | 'stale';
}

/** One complaint, as every host knows it. Closed ones stay, to be opened again. */
export interface AlertRecord extends AlertKey {
  /** When the trouble was seen first. */
  readonly since: Date;
  /** When somebody was told last. */
  readonly sentAt: Date;
  /** When it was over; null while it lasts. */
  readonly closedAt: Date | null;
  /** Who saw it. */
  readonly host: string;
  /** One line for people. */
  readonly message: string;
}

/** What is complained of now, shared by all hosts, so that one of them speaks and not all. Throws OrgsyncError as {@link Store} does. */
export interface AlertBook {
  /** Every record, closed ones included. */
  read(): Promise<readonly AlertRecord[]>;
  /** Writes `next` in place of `previous` (null: there was none yet). False, and nothing is written, when somebody else was quicker. */
  replace(previous: AlertRecord | null, next: AlertRecord): Promise<boolean>;
}
