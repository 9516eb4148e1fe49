import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createClient } from 'redis';
import { onTestFinished } from 'vitest';
import { type CliOptions, type Ended, start } from '../support/cli.ts';
import { execute } from '../support/database.ts';
import { openHttpProxy } from '../support/http-proxy.ts';
import { listen } from '../support/listener.ts';
import type { Listener } from '../support/listener.ts';
import { corpOf, startSandbox, tokenFor } from '../support/sandbox.ts';
import type { Sandbox } from '../support/sandbox.ts';
import { type ServerProcess, startMariadb, startRedis, withDatabase } from '../support/servers.ts';
import { type Canary, canary, found, textOf } from './canary.ts';

const CORP_SECRET = canary('corp secret', { ascii: true });
const CONTACTS_SECRET = canary('contacts secret', { ascii: true });
const STORE_PASSWORD = canary('store password');
const REDIS_PASSWORD = canary('Redis password');
const PROXY_PASSWORD = canary('proxy password');
const ENVIRONMENT_PROXY = canary('HTTPS_PROXY password');
const ROBOT_KEY = canary('robot key', { awkward: false });
const WEBHOOK_PATH = canary('webhook path', { awkward: false });
const WEBHOOK_TOKEN = canary('webhook token', { awkward: false });
const HMAC_KEY = canary('hmac key');
const SIGNING_SECRET = found('signing secret', `whsec_${randomBytes(32).toString('base64')}`);
const PING_ID = canary('ping id', { awkward: false });
const PUSH_PASSWORD = canary('pushgateway password', { awkward: false });

/** Servers with passwords that are canaries, for all tests of a file. */
export interface Servers {
  readonly mariadb: ServerProcess;
  readonly redis: ServerProcess;
  close(): Promise<unknown>;
}

/** Starts them; MariaDB writes down every statement it is sent: more than any list of its processes ever shows. */
export async function startServers(): Promise<Servers> {
  const [mariadb, redis] = await Promise.all([startMariadb(), startRedis()]);
  await execute(mariadb.url, `SET GLOBAL general_log_file = '${join(mariadb.dir, 'statements')}'`);
  await execute(mariadb.url, 'SET GLOBAL general_log = 1');
  const client = await createClient({ url: redis.url }).connect();
  await client.configSet('requirepass', REDIS_PASSWORD.secret);
  client.destroy();
  return { mariadb, redis, close: () => Promise.all([mariadb.close(), redis.close()]) };
}

/** One way of configuring it all. */
export interface Variant {
  readonly format?: 'text' | 'ecs' | 'json';
  /** Replaces lines of the configuration: `store` is the whole value behind `store:`. */
  readonly replace?: Readonly<Record<string, string>>;
  readonly console?: 'always' | 'auto';
}

/** An installation with a canary in every input. */
export interface Scene {
  readonly sandbox: Sandbox;
  readonly folder: string;
  readonly canaries: readonly Canary[];
  readonly database: string;
  /** Host and port of Redis and of the proxy. */
  readonly addresses: Readonly<Record<'REDIS' | 'PROXY', string>>;
  readonly listener: Listener;
  /** Writes the configuration, and returns its path. */
  configure(variant?: Variant): Promise<string>;
  /** Tokens that WeCom has given out meanwhile. */
  tokens(): Promise<readonly Canary[]>;
  /** Numbers of members, as the source has them. */
  phones(): readonly string[];
  /** All that is in Redis: keys, types and values. */
  redisContents(): Promise<string>;
  /** What the process's line and title were, sampled as soon as it runs; and what it printed. */
  watched(args: readonly string[], options?: CliOptions): Promise<Ended & { readonly title: string }>;
  /** Log, metrics, what listeners were told, this host's own book of alerts, every statement the store was sent. */
  written(): Promise<Readonly<Record<'log' | 'metrics' | 'told' | 'book' | 'statements', string>>>;
}

/** Sets the scene in `folder`. Call it in a test. */
export async function setScene({ mariadb, redis }: Servers, folder: string): Promise<Scene> {
  const sandbox = await startSandbox({ corps: 1, members: 30, departments: 5 });
  const corp = corpOf(sandbox);
  sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'app_pre2022', patch: { secret: CORP_SECRET.secret } });
  sandbox.change({ op: 'setSecret', corp: corp.id, kind: 'contacts', patch: { secret: CONTACTS_SECRET.secret } });
  const [proxy, listener] = [await openProxy(), await listen()];
  const name = `scene_${randomBytes(4).toString('hex')}`;
  await execute(mariadb.url, `CREATE DATABASE ${name}`);
  await execute(mariadb.url, `CREATE USER ${name} IDENTIFIED BY ?`, [STORE_PASSWORD.secret]);
  await execute(mariadb.url, `GRANT ALL ON ${name}.* TO ${name}`);
  // The server writes down the statement above as well.
  await execute(mariadb.url, 'SET GLOBAL general_log = 0');
  await writeFile(join(mariadb.dir, 'statements'), '');
  await execute(mariadb.url, 'SET GLOBAL general_log = 1');
  onTestFinished(() => sandbox.close());
  const store = new URL(withDatabase(mariadb.url, name));
  store.username = name;
  store.password = encodeURIComponent(STORE_PASSWORD.secret);
  const files = { log: join(folder, 'orgsync.log'), metrics: join(folder, 'orgsync.prom') };
  return {
    sandbox,
    folder,
    database: store.href,
    addresses: { REDIS: `127.0.0.1:${redis.port}`, PROXY: `127.0.0.1:${proxy}` },
    listener,
    canaries: [CORP_SECRET, CONTACTS_SECRET, STORE_PASSWORD, REDIS_PASSWORD, PROXY_PASSWORD, ENVIRONMENT_PROXY, ROBOT_KEY, WEBHOOK_PATH, WEBHOOK_TOKEN, HMAC_KEY, SIGNING_SECRET, PING_ID, PUSH_PASSWORD],
    async configure({ format = 'ecs', replace = {}, console = 'auto' } = {}) {
      const lines: Record<string, string> = {
        corps: `[{ id: ${corp.id}, name: Head office, secret: ${JSON.stringify(CORP_SECRET.secret)}, contacts_secret: ${JSON.stringify(CONTACTS_SECRET.secret)}, agent_id: ${sandbox.world.secret(corp, 'app_pre2022').agentId} }]`,
        store: store.href,
        redis: `redis://:${encodeURIComponent(REDIS_PASSWORD.secret)}@127.0.0.1:${redis.port}/0`,
        redis_prefix: `"${name}:"`,
        wecom: `{ api: "${sandbox.url}", proxy: "http://robot:${encodeURIComponent(PROXY_PASSWORD.secret)}@127.0.0.1:${proxy}", rate: 500, rate_address: 1000, retries: 0, timeout: 2s, frequency_wait: 10ms }`,
        log: `{ level: debug, file: ${files.log}, format: ${format}, console: ${console} }`,
        metrics: `{ textfile: ${files.metrics}, pushgateway: "${listener.url.replace('//', `//pusher:${PUSH_PASSWORD.secret}@`)}" }`,
        alerts: `{ to: [{ wecom_robot: ${ROBOT_KEY.secret} }, { webhook: "${listener.url}/${WEBHOOK_PATH.secret}?token=${WEBHOOK_TOKEN.secret}", secret: "${SIGNING_SECRET.secret}", hmac_key: ${JSON.stringify(HMAC_KEY.secret)} }, { ping: "${listener.url}/${PING_ID.secret}" }] }`,
        ...replace,
      };
      const path = join(folder, `config-${randomBytes(4).toString('hex')}.yml`);
      await writeFile(path, Object.entries(lines).map(([key, value]) => `${key}: ${value}\n`).join(''), { mode: 0o600 });
      return path;
    },
    async tokens() {
      const given = (['app_pre2022', 'contacts'] as const).map(async (kind) => {
        const token = await tokenFor(sandbox.url, corp, sandbox.world.secret(corp, kind));
        return found(`access token of ${kind}`, token);
      });
      return await Promise.all(given);
    },
    phones: () => [...corp.members.values()].flatMap(({ mobile = '' }) => (/^1\d{10}$/.test(mobile) ? [mobile] : [])),
    redisContents: () => contentsOf(redis),
    watched: (args, options = {}) => watch(args, { ...options, env: { TMPDIR: folder, HTTPS_PROXY: `http://robot:${encodeURIComponent(ENVIRONMENT_PROXY.secret)}@127.0.0.1:9`, ...options.env } }),
    async written() {
      const told = listener.heard.map(({ method, path, body }) => `${method} ${path.replace(WEBHOOK_PATH.secret, '').replace(WEBHOOK_TOKEN.secret, '').replace(PING_ID.secret, '')}\n${body}`);
      return { log: await textOf(files.log), metrics: await textOf(files.metrics), told: told.join('\n'), book: await textOf(join(folder, `orgsync-${userInfo().uid}`, 'alerts.json')), statements: await textOf(join(mariadb.dir, 'statements')) };
    },
  };
}

/** Runs the program, and looks meanwhile how the machine's other users see it. */
async function watch(args: readonly string[], options: CliOptions): Promise<Ended & { readonly title: string }> {
  const { child, ended } = start(args, options);
  await once(child, 'spawn');
  let title = '';
  const look = async (): Promise<void> => {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'comm=,args=', '-p', String(child.pid)]).catch(() => ({ stdout: '' }));
    title += `${stdout}${await readFile(`/proc/${child.pid}/cmdline`, 'utf8').catch(() => '')}`;
  };
  await look();
  const timer = setInterval(() => void look(), 300);
  const how = await ended;
  clearInterval(timer);
  return { ...how, title };
}

async function contentsOf(redis: ServerProcess): Promise<string> {
  const client = await createClient({ url: redis.url, password: REDIS_PASSWORD.secret }).connect();
  try {
    const lines: string[] = [];
    for (const key of await client.keys('*')) {
      const type = await client.type(key);
      // It has expired meanwhile.
      if (type === 'none') continue;
      const reads: Readonly<Record<string, () => Promise<unknown>>> = {
        string: () => client.get(key),
        hash: () => client.hGetAll(key),
        set: () => client.sMembers(key),
        zset: () => client.zRangeWithScores(key, 0, -1),
      };
      const read = reads[type];
      if (read === undefined) throw new Error(`${key} is a ${type}, which nobody reads here`);
      lines.push(`${type} ${key} ${JSON.stringify(await read())}`);
    }
    return lines.join('\n');
  } finally {
    client.destroy();
  }
}

/** An HTTP proxy that wants the password; returns its port. */
async function openProxy(): Promise<number> {
  const wanted = `Basic ${Buffer.from(`robot:${PROXY_PASSWORD.secret}`).toString('base64')}`;
  const { port } = await openHttpProxy(({ headers }) => (headers['proxy-authorization'] === wanted ? undefined : '407 Proxy Authentication Required'));
  return port;
}
