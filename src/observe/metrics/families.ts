/** The name and meaning of a metric, and the labels of its series. */
export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly labels: readonly string[];
}

/** Outcomes of a corp's part of a run, as labels. */
export const CORP_OUTCOMES = ['ok', 'failed', 'held_back', 'interrupted'] as const;
/** Outcomes of a whole run, as labels. */
export const RUN_OUTCOMES = ['ok', 'partial', 'failed', 'held_back', 'interrupted', 'skipped'] as const;
/** Changes of members, as labels. */
export const MEMBER_ACTIONS = ['joined', 'departed', 'changed'] as const;

const corp = ['corp'] as const;

/**
 * All metrics, by the name used in code. They export timestamps, not ages, so that a missing update becomes visible;
 * counters continue over many runs.
 */
export const FAMILIES = {
  build: { name: 'orgsync_build_info', type: 'gauge', help: 'The version of orgsync that wrote this; always 1.', labels: ['version'] },
  corp: { name: 'orgsync_corp_info', type: 'gauge', help: 'The configured corps and their names; always 1.', labels: ['corp', 'name'] },
  lastSuccess: { name: 'orgsync_last_success_timestamp_seconds', type: 'gauge', help: 'When the corp was last synced; 0 if never.', labels: corp },
  lastAttempt: { name: 'orgsync_last_attempt_timestamp_seconds', type: 'gauge', help: 'When the last run of the corp ended, with any outcome; 0 before the first.', labels: corp },
  lastOutcome: {
    name: 'orgsync_last_outcome_timestamp_seconds',
    type: 'gauge',
    help: 'When a run of the corp last ended with this outcome; 0 if never.',
    labels: ['corp', 'outcome'],
  },
  corpDuration: { name: 'orgsync_corp_duration_seconds', type: 'gauge', help: 'How long the last run of the corp took.', labels: corp },
  members: { name: 'orgsync_members', type: 'gauge', help: 'Members of the corp, as stored.', labels: corp },
  departments: { name: 'orgsync_departments', type: 'gauge', help: 'Departments of the corp, as stored.', labels: corp },
  unreadable: {
    name: 'orgsync_unreadable_records',
    type: 'gauge',
    help: 'Members and departments that the last run of the corp could not read; `orgsync status` and the log name them.',
    labels: ['corp', 'entity'],
  },
  corpRuns: { name: 'orgsync_corp_runs_total', type: 'counter', help: 'Runs of the corp, by outcome.', labels: ['corp', 'outcome'] },
  memberChanges: { name: 'orgsync_member_changes_total', type: 'counter', help: 'Members who joined, departed, or changed or returned.', labels: ['corp', 'action'] },
  departmentChanges: { name: 'orgsync_department_changes_total', type: 'counter', help: 'Departments created, removed, restored or changed.', labels: corp },
  requests: {
    name: 'orgsync_wecom_requests_total',
    type: 'counter',
    help: 'Requests sent to WeCom, by endpoint and errcode (or timeout, connection, http, unreadable, abandoned).',
    labels: ['corp', 'endpoint', 'errcode'],
  },
  requestSeconds: { name: 'orgsync_wecom_request_seconds_total', type: 'counter', help: 'Total time until WeCom answered.', labels: ['corp', 'endpoint'] },
  retries: { name: 'orgsync_wecom_retries_total', type: 'counter', help: 'Retries of requests to WeCom.', labels: corp },
  waits: { name: 'orgsync_wecom_wait_seconds_total', type: 'counter', help: 'Total time that requests waited for the rate limit, a ban or the limit of open requests.', labels: corp },
  tokenRenewals: { name: 'orgsync_wecom_token_renewals_total', type: 'counter', help: 'Access tokens fetched.', labels: corp },
  wrongNumbers: { name: 'orgsync_lookup_wrong_numbers', type: 'gauge', help: 'Wrong numbers sent to WeCom today (Asia/Shanghai).', labels: corp },
  wrongNumbersAt: {
    name: 'orgsync_lookup_wrong_numbers_timestamp_seconds',
    type: 'gauge',
    help: 'When this host last updated the number of wrong numbers; it is valid for that day only.',
    labels: corp,
  },
  wrongNumbersAllowed: { name: 'orgsync_lookup_wrong_numbers_allowed', type: 'gauge', help: 'Wrong numbers that may be sent to WeCom in a day.', labels: corp },
  runs: { name: 'orgsync_runs_total', type: 'counter', help: 'Runs of this host, by outcome; skipped: another process had the lease.', labels: ['outcome'] },
  lastSkip: {
    name: 'orgsync_last_skip_timestamp_seconds',
    type: 'gauge',
    help: 'When a run of this host last did nothing, because its gate is shut (gate) or the store is read-only (read_only); missing before the first.',
    labels: ['reason'],
  },
  lastRun: { name: 'orgsync_last_run_timestamp_seconds', type: 'gauge', help: 'When the last run that was not skipped ended.', labels: [] },
  runDuration: { name: 'orgsync_run_duration_seconds', type: 'gauge', help: 'How long the last run that was not skipped took.', labels: [] },
  exitCode: { name: 'orgsync_last_run_exit_code', type: 'gauge', help: 'The exit code of the last run that was not skipped.', labels: [] },
  leaseAsks: { name: 'orgsync_lease_requests_total', type: 'counter', help: 'Requests for the run lease, by result.', labels: ['result'] },
  leaseWaits: { name: 'orgsync_lease_wait_seconds_total', type: 'counter', help: 'Total time that processes waited for an answer about the run lease.', labels: [] },
  leaseHeld: { name: 'orgsync_lease_held_timestamp_seconds', type: 'gauge', help: 'When a process was last known to hold the run lease; missing before the first.', labels: [] },
} as const satisfies Readonly<Record<string, Family>>;

/** The name that code uses for a metric. */
export type FamilyId = keyof typeof FAMILIES;

/** The values of a metric's labels. */
export type LabelsOf<Id extends FamilyId> = Readonly<Record<(typeof FAMILIES)[Id]['labels'][number], string>>;
