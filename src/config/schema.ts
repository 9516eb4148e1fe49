import { z } from 'zod';
import type { Secret } from '../core/secret.ts';
import { beginsAtHome, choice, duration, flag, type Folder, limit, list, mapping, number, path, percentage, redisUrl, secret, shownText, signingSecret, text, url, wordOrNumber, writtenPath } from './fields.ts';
import { SecretUrl } from './secret-url.ts';

/** Where the organisations are stored. */
export type StoreTarget =
  | { readonly engine: 'mysql'; readonly url: SecretUrl }
  | { readonly engine: 'sqlite'; readonly path: string };

/** Where an alert is sent when a sync begins to fail, still fails, or works again. Each kind has its own key, as in the file. */
type AlertTarget =
  | { readonly wecom_robot: Secret }
  | { readonly webhook: SecretUrl; readonly secret: Secret | null; readonly hmac_key: Secret | null }
  | { readonly ping: SecretUrl }
  | { readonly command: string };

/** The schema of a whole configuration file. Relative paths are resolved by `folder`. */
export function configSchema(folder: Folder) {
  return mapping({
    corps: z
      .union([corpList(folder), corpQuery()], { error: 'a list of corps, or { query: SELECT … }' })
      .describe('The WeCom enterprises to sync: a list, or a query that reads them from the MySQL store'),
    store: storeTarget(folder)
      .prefault('sqlite:orgsync.sqlite')
      .describe('Where the organisations are stored: MySQL or MariaDB, or an SQLite file beside this one')
      .meta({ suchAs: ['mysql://orgsync:${DB_PASSWORD}@db:3306/orgsync', 'sqlite:orgsync.sqlite'] }),
    store_read: replicaUrl()
      .exactOptional()
      .describe('A replica of the MySQL store, where lookup, status, changes and report read. They say when it is behind, and ask the store when it cannot be used. `lookup --live` uses the store. Without it, all is read from the store')
      .meta({ suchAs: ['mysql://reader:${READER_PASSWORD}@replica:3306/orgsync'] }),
    redis: redisUrl()
      .exactOptional()
      .describe('What the processes of several hosts share: the lease, the rate limit and access tokens. Without Redis these are in the store. docs/clusters.md: Sentinel, replicas, Cluster')
      .meta({ suchAs: ['redis://cache:6379/0', 'rediss://:${REDIS_PASSWORD}@cache:6380/0', 'redis+sentinel://:${REDIS_PASSWORD}@s1:26379,s2:26379,s3:26379/mymaster/0?sentinel_password=${SENTINEL_PASSWORD}'] }),
    redis_prefix: text('a prefix of letters, digits and : . _ - { }', /^[\w:.{}-]{0,64}$/)
      .prefault('orgsync:')
      .describe('The beginning of all Redis keys; use a different one for each environment that shares a Redis'),
    gate: gate().prefault({}).describe('Environment variables and their values: a run works only where all of them match, and does nothing elsewhere'),
    read_only: flag().prefault(false).describe('Never write to the store; lookups still work. ORGSYNC_READ_ONLY=1 does the same and takes precedence'),
    parallel_corps: wordOrNumber('auto', { min: 1, max: 100 })
      .prefault('auto')
      .describe('How many corps are synced at the same time. auto: as many as the rate of the address carries, while they have less than 200,000 members together'),
    wecom: wecom().prefault({}).describe('Requests to WeCom'),
    address: text('a name of letters, digits and . _ -', /^[\w.-]{1,64}$/)
      .prefault('default')
      .describe('The public address that requests come from. Processes with the same name share wecom.rate_address; use a name for each where there are several')
      .meta({ suchAs: ['beijing-1'] }),
    lock: lock().prefault({}).describe('The lease that lets one process work at a time'),
    safety: safety().prefault({}).describe('How much one run may change. When a run would change more, it does not change the corp (exit code 3)'),
    lookup: lookup().prefault({}).describe('How phone numbers are looked up'),
    log: log(folder).prefault({}).describe('What is logged, and where'),
    metrics: metrics(folder).prefault({}).describe('Where metrics for Prometheus are written'),
    alerts: alerts(folder).prefault({}).describe('Where alerts are sent when a sync fails and when it works again'),
    history: mapping({
      keep: duration({ min: '1d', max: '36500d' }).prefault('400d').describe('How long rows of changes and runs are kept'),
    })
      .prefault({})
      .describe('History of changes and runs'),
  });
}

/** The configuration of the file, with defaults and parsed units; corps do not yet have the settings of all corps. */
export type ParsedConfig = z.output<ReturnType<typeof configSchema>>;

/** All settings of `wecom:`. */
export type WecomSettings = Omit<ParsedConfig['wecom'], 'rate_total'>;
/** All settings of `safety:`. */
export type SafetySettings = ParsedConfig['safety'];

function corpList(folder: Folder) {
  return list(corp(folder), { min: 1, of: 'corps' });
}

/** One corp: an entry of the list or a row of the query. */
export function corp(folder: Folder) {
  return mapping({
    id: shownText('a corp id such as ww1234567890abcdef, at most 32 letters, digits, - and _', /^[\w-]{1,32}$/)
      .describe('The corp id (企业ID), from 我的企业 in the WeCom console')
      .meta({ suchAs: ['ww1234567890abcdef'] }),
    name: shownText('a name').exactOptional().describe('A name for people; default: the id').meta({ suchAs: ['Head office'] }),
    secret: secret(folder, { madeBy: 'wecom' })
      .describe('The secret of a self-built application (自建应用) whose visible range covers everyone to sync')
      .meta({ suchAs: ['${HQ_SECRET}', { file: '/run/secrets/hq' }] }),
    agent_id: number({ min: 1, max: 4_294_967_295 })
      .exactOptional()
      .describe('The application’s AgentId; needed to find members who were added to its range one by one')
      .meta({ suchAs: [1000002] }),
    contacts_secret: secret(folder, { madeBy: 'wecom' })
      .exactOptional()
      .describe('The contacts-sync secret (通讯录同步); with it the members are compared with user/list_id')
      .meta({ suchAs: ['${HQ_CONTACTS}'] }),
    wecom: z
      .strictObject(wecomFields(), { error: 'a mapping (key: value)' })
      .omit({ rate_address: true, rate_total: true })
      .partial()
      .readonly()
      .exactOptional()
      .describe('This corp’s own wecom: settings'),
    safety: z
      .strictObject(safetyFields(), { error: 'a mapping (key: value)' })
      .partial()
      .readonly()
      .exactOptional()
      .describe('This corp’s own safety: settings'),
  });
}

function corpQuery() {
  return mapping({
    query: text('a SELECT', /^\s*select\b/i)
      .describe('Instead of a list: returns one row for each corp, with id, name and secret, and optionally agent_id and contacts_secret')
      .meta({ suchAs: ['SELECT corp_id AS id, name, secret FROM enterprises WHERE enabled'] }),
  });
}

function storeTarget(folder: Folder) {
  const error = 'mysql://USER@HOST:3306/DATABASE, mariadb://…, or sqlite:FILE';
  return z
    .string({ error })
    .refine((written) => /^sqlite:(?!\/\/)./.test(written) || isMysqlUrl(written), { error })
    .refine((written) => !beginsAtHome(written.replace(/^sqlite:/, '')), { error: `${error}; only shells replace ~` })
    .transform((written): StoreTarget => {
      if (!written.startsWith('sqlite:')) return { engine: 'mysql', url: new SecretUrl(written) };
      return { engine: 'sqlite', path: folder.resolve(written.slice('sqlite:'.length)) };
    })
    .meta({ accepts: error });
}

function replicaUrl() {
  const error = 'mysql://USER@HOST:3306/DATABASE or mariadb://…';
  return z
    .string({ error })
    .refine(isMysqlUrl, { error })
    .transform((written) => new SecretUrl(written))
    .meta({ accepts: error });
}

function isMysqlUrl(written: string): boolean {
  if (!URL.canParse(written)) return false;
  const { protocol, hostname, pathname } = new URL(written);
  return /^(mysql|mariadb):$/.test(protocol) && hostname !== '' && /^\/[^/]+$/.test(pathname);
}

function gate() {
  const error = 'a value, or a list of values';
  const value = z.string({ error }).meta({ unquoted: true });
  const values = z.array(value, { error }).min(1, { error }).readonly();
  const name = z.string().regex(/^[A-Za-z_]\w*$/);
  return z
    .record(name, z.union([value.transform((one): readonly string[] => [one]), values], { error }), { error: 'a mapping of variables to values' })
    .readonly()
    .meta({ accepts: `NAME: ${error}` });
}

function wecomFields() {
  return {
    api: url(['https:', 'http:'], 'https://qyapi.weixin.qq.com').describe('The address of WeCom’s API; another address for a private deployment or the sandbox'),
    proxy: url(['http:', 'https:'], 'http://egress:3128').describe('An HTTP proxy; HTTPS_PROXY and NO_PROXY are honoured too'),
    rate: number({ min: 0.1, max: 1000, whole: false }).describe('Requests per second for each corp, in any sliding second'),
    rate_address: number({ min: 0.1, max: 10_000, whole: false }).describe(
      'Requests per second from one public address, in any sliding second: all corps, and all processes that share Redis or the store',
    ),
    rate_total: number({ min: 0.1, max: 10_000, whole: false }).describe('The old name of rate_address; the next version does not read it').meta({ deprecated: true }),
    concurrency: number({ min: 1, max: 100 }).describe('Open requests for each corp; lowered automatically on errcode 45033'),
    strategy: choice('walk', 'export', 'auto').describe('How a corp’s members are read. walk: department by department; export: by WeCom’s export; auto: by the number of departments'),
    timeout: duration({ min: '100ms', max: '10m' }).describe('How long one request may take'),
    retries: number({ min: 0, max: 20 }).describe('How often a request is retried after a temporary failure'),
    frequency_wait: duration({ min: '1ms', max: '1h' }).describe('How long to wait, once, after WeCom’s frequency limit was met (errcode 45009)'),
  };
}

function wecom() {
  const fields = wecomFields();
  return mapping({
    api: fields.api.prefault('https://qyapi.weixin.qq.com'),
    proxy: fields.proxy.exactOptional().meta({ suchAs: ['http://egress:3128'] }),
    rate: fields.rate.prefault(10),
    rate_address: fields.rate_address.prefault(150),
    rate_total: fields.rate_total.exactOptional(),
    concurrency: fields.concurrency.prefault(12),
    strategy: fields.strategy.prefault('walk'),
    timeout: fields.timeout.prefault('10s'),
    retries: fields.retries.prefault(5),
    frequency_wait: fields.frequency_wait.prefault('65s'),
  });
}

function safetyFields() {
  return {
    max_departures: limit().describe('How many members one run may mark as departed: a share of the corp, or a number'),
    max_department_removals: limit().describe('How many departments one run may remove: a share of the corp, or a number'),
    min_members: number({ min: 0, max: 10_000_000 }).describe('A corp never gets fewer members than this'),
  };
}

function safety() {
  const fields = safetyFields();
  return mapping({
    max_departures: fields.max_departures.prefault('10%'),
    max_department_removals: fields.max_department_removals.prefault('20%'),
    min_members: fields.min_members.prefault(1),
  });
}

function lock() {
  return mapping({
    ttl: duration({ min: '1s', max: '1h' }).prefault('60s').describe('How long the lease lives when its holder does not renew it'),
    fair: flag().prefault(true).describe('Whether the host that has waited longest gets the lease, however far it is from Redis'),
    window: duration({ min: '0ms', max: '2s' }).prefault('500ms').describe('Processes that ask within this time of each other compete for the lease'),
  });
}

function lookup() {
  return mapping({
    default_region: text('a country such as CN, HK or US', /^[A-Z]{2}$/).prefault('CN').describe('The country of numbers without a country code'),
    max_wrong_share: percentage({ max: 100 })
      .prefault('10%')
      .describe('How many wrong numbers a day may be sent to WeCom, as a share of the corp’s members. At 20% WeCom blocks the corp for a day; 100% means no limit'),
    forget_wrong_after: duration({ min: '1m', max: '30d' }).prefault('24h').describe('How long a wrong number is remembered and not sent again'),
  });
}

function log(folder: Folder) {
  const file = writtenPath('the path of a file, or stdout').transform((written) => (written === 'stdout' ? written : folder.resolve(written)));
  return mapping({
    level: choice('error', 'warn', 'info', 'debug').prefault('info').describe('The least severe event that is logged'),
    file: file
      .exactOptional()
      .describe('The log file, or stdout (for containers); default: none. Each run opens the file anew, so logrotate needs no signal')
      .meta({ suchAs: ['/var/log/orgsync/orgsync.log', 'stdout'] }),
    format: choice('ecs', 'json', 'text').prefault('ecs').describe('Elastic Common Schema, plain JSON, or text for people'),
    console: choice('auto', 'always', 'never').prefault('auto').describe('Whether logs also go to stderr. auto: on a terminal and only with --verbose'),
  });
}

function metrics(folder: Folder) {
  return mapping({
    textfile: path(folder)
      .exactOptional()
      .describe('A file for node_exporter’s textfile collector')
      .meta({ suchAs: ['/var/lib/node_exporter/orgsync.prom'] }),
    pushgateway: url(['http:', 'https:'], 'http://push:9091').exactOptional().describe('The address of a Pushgateway').meta({ suchAs: ['http://push:9091'] }),
  });
}

function alerts(folder: Folder) {
  return mapping({
    stale_after: duration({ min: '1m', max: '365d' }).prefault('6h').describe('How old the last success may become before an alert is sent'),
    remind_after: duration({ min: '1m', max: '365d' }).prefault('12h').describe('How long until an alert is repeated while the failure lasts'),
    to: list(alertTarget(folder), { of: 'targets' }).prefault([]).describe('Where alerts are sent; each entry has one of wecom_robot, webhook, ping, command'),
  });
}

function alertTarget(folder: Folder) {
  const fields = {
    wecom_robot: secret(folder, { madeBy: 'wecom' }).describe('The key of a WeCom group robot').meta({ suchAs: ['${ALERT_ROBOT_KEY}'] }),
    webhook: url(['https:', 'http:'], 'https://ops.example/hook', 'path').describe('An address that gets a JSON POST').meta({ suchAs: ['https://ops.example/hook'] }),
    secret: signingSecret(folder)
      .describe('With webhook: signs it by Standard Webhooks, in the headers webhook-id, webhook-timestamp and webhook-signature')
      .meta({ suchAs: ['${HOOK_SECRET}'] }),
    hmac_key: secret(folder, { madeBy: 'people' })
      .describe('With webhook: the signature before `secret`, HMAC-SHA256 of the body in the header X-Orgsync-Signature. Deprecated: the next minor version drops it')
      .meta({ suchAs: ['${HOOK_KEY}'] }),
    ping: url(['https:', 'http:'], 'https://hc-ping.com/uuid', 'path').describe('The address of a health check: gets start, success and failure').meta({ suchAs: ['https://hc-ping.com/uuid'] }),
    command: text('a command').describe('A shell command that gets the alert as JSON on its standard input').meta({ suchAs: ['mail -s orgsync ops@example.com'] }),
  };
  return z
    .strictObject(fields, { error: 'a mapping with one of wecom_robot, webhook, ping, command' })
    .partial()
    .transform(({ wecom_robot, webhook, secret: signing, hmac_key, ping, command }, context): AlertTarget => {
      const targets: AlertTarget[] = [];
      if (wecom_robot) targets.push({ wecom_robot });
      if (webhook) targets.push({ webhook, secret: signing ?? null, hmac_key: hmac_key ?? null });
      if (ping) targets.push({ ping });
      if (command !== undefined) targets.push({ command });
      const [target] = targets;
      if (target !== undefined && targets.length === 1) return target;
      context.addIssue({ code: 'custom', message: 'exactly one of wecom_robot, webhook, ping, command' });
      return z.NEVER;
    });
}
