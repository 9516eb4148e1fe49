/** What a metric is called and means; its series are told apart by `labels`. */
export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly labels: readonly string[];
}

/** How a corp's part of a run can end, as a label. */
export const CORP_OUTCOMES = ['ok', 'failed', 'held_back', 'interrupted'] as const;
/** How a whole run can end, as a label. */
export const RUN_OUTCOMES = ['ok', 'partial', 'failed', 'held_back', 'interrupted', 'skipped'] as const;
/** What can happen to members, as a label. */
export const MEMBER_ACTIONS = ['joined', 'departed', 'changed'] as const;

const corp = ['corp'] as const;

/**
 * Every metric, by the name that code uses. Moments are exported and not ages, so that silence shows by itself;
 * counters go on over many runs.
 */
export const FAMILIES = {
  build: { name: 'orgsync_build_info', type: 'gauge', help: 'The version of orgsync that wrote this; always 1.', labels: ['version'] },
  corp: { name: 'orgsync_corp_info', type: 'gauge', help: 'The configured corps and their names; always 1.', labels: ['corp', 'name'] },
  lastSuccess: { name: 'orgsync_last_success_timestamp_seconds', type: 'gauge', help: 'When the corp was last synced; 0 when it never was.', labels: corp },
  lastAttempt: { name: 'orgsync_last_attempt_timestamp_seconds', type: 'gauge', help: 'When the last run of the corp ended, however it did; 0 before the first.', labels: corp },
  lastOutcome: {
    name: 'orgsync_last_outcome_timestamp_seconds',
    type: 'gauge',
    help: 'When a run of the corp last ended this way; 0 when none did.',
    labels: ['corp', 'outcome'],
  },
  corpDuration: { name: 'orgsync_corp_duration_seconds', type: 'gauge', help: 'How long the last run of the corp took.', labels: corp },
  members: { name: 'orgsync_members', type: 'gauge', help: 'Members of the corp, as stored.', labels: corp },
  departments: { name: 'orgsync_departments', type: 'gauge', help: 'Departments of the corp, as stored.', labels: corp },
  corpRuns: { name: 'orgsync_corp_runs_total', type: 'counter', help: 'Runs of the corp, by how they ended.', labels: ['corp', 'outcome'] },
  memberChanges: { name: 'orgsync_member_changes_total', type: 'counter', help: 'Members who joined, departed, or changed or returned.', labels: ['corp', 'action'] },
  departmentChanges: { name: 'orgsync_department_changes_total', type: 'counter', help: 'Departments created, removed, restored or changed.', labels: corp },
  requests: {
    name: 'orgsync_wecom_requests_total',
    type: 'counter',
    help: 'Requests sent to WeCom, by endpoint and errcode (or timeout, connection, http, unreadable, abandoned).',
    labels: ['corp', 'endpoint', 'errcode'],
  },
  requestSeconds: { name: 'orgsync_wecom_request_seconds_total', type: 'counter', help: 'Time until WeCom answered, added up.', labels: ['corp', 'endpoint'] },
  retries: { name: 'orgsync_wecom_retries_total', type: 'counter', help: 'Requests to WeCom that were repeated.', labels: corp },
  waits: { name: 'orgsync_wecom_wait_seconds_total', type: 'counter', help: 'Time that requests stood in line for a rate, a ban or the limit of open requests.', labels: corp },
  tokenRenewals: { name: 'orgsync_wecom_token_renewals_total', type: 'counter', help: 'Access tokens fetched.', labels: corp },
  wrongNumbers: { name: 'orgsync_lookup_wrong_numbers', type: 'gauge', help: 'Wrong numbers that WeCom was asked today (Asia/Shanghai).', labels: corp },
  wrongNumbersAt: {
    name: 'orgsync_lookup_wrong_numbers_timestamp_seconds',
    type: 'gauge',
    help: 'When this host last saw how many wrong numbers were asked; on another day its number counts no more.',
    labels: corp,
  },
  wrongNumbersAllowed: { name: 'orgsync_lookup_wrong_numbers_allowed', type: 'gauge', help: 'Wrong numbers that WeCom may be asked in a day.', labels: corp },
  runs: { name: 'orgsync_runs_total', type: 'counter', help: 'Runs of this host, by how they ended; skipped: another process held the lease.', labels: ['outcome'] },
  lastRun: { name: 'orgsync_last_run_timestamp_seconds', type: 'gauge', help: 'When the last run that was not skipped ended.', labels: [] },
  runDuration: { name: 'orgsync_run_duration_seconds', type: 'gauge', help: 'How long the last run that was not skipped took.', labels: [] },
  exitCode: { name: 'orgsync_last_run_exit_code', type: 'gauge', help: 'The exit code of the last run that was not skipped.', labels: [] },
  leaseAsks: { name: 'orgsync_lease_requests_total', type: 'counter', help: 'How often the run lease was asked for, and whether it was had.', labels: ['result'] },
  leaseWaits: { name: 'orgsync_lease_wait_seconds_total', type: 'counter', help: 'Time that processes waited for an answer about the run lease.', labels: [] },
  leaseHeld: { name: 'orgsync_lease_held_timestamp_seconds', type: 'gauge', help: 'When somebody was last known to hold the run lease; missing while nobody ever was.', labels: [] },
} as const satisfies Readonly<Record<string, Family>>;

/** The name that code uses for a metric. */
export type FamilyId = keyof typeof FAMILIES;

/** The values of a metric's labels. */
export type LabelsOf<Id extends FamilyId> = Readonly<Record<(typeof FAMILIES)[Id]['labels'][number], string>>;
