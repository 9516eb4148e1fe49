import PQueue from 'p-queue';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { type Ended, start } from '../support/cli.ts';
import { anotherConfig } from '../support/detour.ts';
import { untilHeld } from '../support/held.ts';
import { openHttpProxy } from '../support/http-proxy.ts';
import { findProgram } from '../support/programs.ts';
import { openProxy, type Proxy } from '../support/proxy.ts';
import { execute } from '../support/database.ts';
import { openTestRedis, ownPrefix } from '../support/redis.ts';
import { freePort } from '../support/server-process.ts';
import { type ServerProcess, startMariadb, startRedis } from '../support/servers.ts';
import { openFullPort, openSilentNames, openTlsFront } from '../support/silence.ts';
import { type EngineName, setStage, type Stage } from '../support/stage.ts';
import { expectTruth } from '../support/recovery.ts';
import { type Certificates, issueCertificates, textsOf } from '../security/certificates.ts';

/** The life of the lease in all cases but those of Redis: what keeps silent must be given up within it. */
const LIFE_MS = 14_000;
/** The same where Redis, which keeps the lease, is what falls silent: the lease is lost with it. */
const SHORT_LIFE_MS = 5_000;
/** Most of the time the runs only wait. They start one after the other: starting takes all of the processor. */
const AT_ONCE = { concurrency: 20, interval: 250, intervalCap: 1 };
/** The host that the name server does not tell. */
const NAMELESS = 'silent.test';

/** How the configuration leads to the service: the host and port in it are replaced. */
interface Route {
  readonly engine?: EngineName;
  /** The port of the real service; the proxy leads there. */
  readonly target: (stage: Stage) => number | Promise<number>;
  /** Leads the configuration to another host and port. */
  readonly lead: (yaml: string, stage: Stage, at: { readonly host: string; readonly port: number }) => string;
  readonly lifeMs?: number;
}

/** A service that falls silent in one phase. */
interface Case {
  readonly phase: string;
  readonly route: Route;
  /** `later`: while the run holds the lease, and waits for its second list of members. */
  readonly when: 'first' | 'later';
  /** `syn`: a port that takes no connection; `name`: a name that is not told; or what is done to the proxy. */
  readonly silence: 'syn' | 'name' | ((proxy: Proxy) => unknown);
  readonly code: number | readonly number[];
  readonly says: RegExp;
}

let certificates: Certificates;
let mariadb: ServerProcess;
let redis: ServerProcess;
let redisTlsPort: number;
beforeAll(async () => {
  certificates = await issueCertificates();
  const { ca, good } = certificates;
  redisTlsPort = await freePort();
  [mariadb, redis] = await Promise.all([
    startMariadb({ args: [`--ssl-ca=${ca}`, `--ssl-cert=${good.cert}`, `--ssl-key=${good.key}`] }),
    startRedis({ args: ['--tls-port', String(redisTlsPort), '--tls-cert-file', good.cert, '--tls-key-file', good.key, '--tls-ca-cert-file', ca, '--tls-auth-clients', 'no'] }),
  ]);
});
afterAll(async () => {
  await Promise.all([mariadb.close(), redis.close()]);
  await certificates.close();
});

const mute = (proxy: Proxy): unknown => (proxy.down.mode = 'drop');
/** The server greets, and hears nothing. */
const muteUp = (proxy: Proxy): unknown => (proxy.up.mode = 'drop');
/** The connections so far are broken, and new ones are silent. */
const breakAndMute = (proxy: Proxy): void => {
  mute(proxy);
  proxy.reset();
};
const muteAt = (text: string) => (proxy: Proxy) => void proxy.next('up', text).then(() => mute(proxy));
/** Silent after the first bytes of the answer. */
const muteWithinAnswer = (text: string) => (proxy: Proxy) => void proxy.next('up', text).then(() => Object.assign(proxy.down, { bytesLeft: 8, whenSpent: 'silence' }));

const sandboxPort = ({ sandbox }: Stage): number => Number(new URL(sandbox.url).port);
const WECOM: Route = { target: sandboxPort, lead: (yaml, { sandbox }, { host, port }) => yaml.replace(sandbox.url, `http://${host}:${port}`) };
const WECOM_TLS: Route = {
  target: async (stage) => openTlsFront(sandboxPort(stage), await textsOf(certificates.good)),
  lead: (yaml, { sandbox }, { host, port }) => yaml.replace(sandbox.url, `https://${host === '127.0.0.1' ? 'localhost' : host}:${port}`),
};
const HTTP_PROXY: Route = {
  target: async () => (await openHttpProxy()).port,
  lead: (yaml, _, { host, port }) => yaml.replace('  timeout:', `  proxy: http://${host}:${port}\n  timeout:`),
};
const MARIADB: Route = {
  engine: 'mariadb',
  target: () => mariadb.port,
  lead: (yaml, { storeUrl }, { host, port }) => yaml.replace(storeUrl, storeUrl.replace(`127.0.0.1:${mariadb.port}`, `${host}:${port}`)),
};
const MARIADB_TLS: Route = { ...MARIADB, lead: (yaml, stage, at) => MARIADB.lead(yaml, stage, at).replace(/^(store: \S+)$/m, '$1?ssl=unverified') };
/** Without Redis, the store keeps the leases and the pace as well. */
const MARIADB_ALONE: Route = { ...MARIADB, lead: (yaml, stage, at) => MARIADB.lead(yaml, stage, at).replace(/^redis: .*$/m, '') };
const REDIS: Route = { target: () => redis.port, lifeMs: SHORT_LIFE_MS, lead: (yaml, _, { host, port }) => yaml.replace(/^redis: .*$/m, `redis: redis://${host}:${port}/1`) };
const REDIS_TLS: Route = { ...REDIS, target: () => redisTlsPort, lead: (yaml, _, { port }) => yaml.replace(/^redis: .*$/m, `redis: rediss://localhost:${port}/1`) };

const WECOM_CASES: readonly Case[] = [
  { phase: 'the name look-up', route: WECOM, when: 'first', silence: 'name', code: 69, says: /no answer from WeCom to gettoken at \S+: .*name look-up/ },
  { phase: 'TCP', route: WECOM, when: 'first', silence: 'syn', code: 69, says: /no answer from WeCom to gettoken at \S+: ETIMEDOUT in the connection/ },
  { phase: 'the request', route: WECOM, when: 'first', silence: mute, code: 69, says: /no answer from WeCom to gettoken at \S+: ETIMEDOUT in the request/ },
  { phase: 'the answer', route: WECOM, when: 'first', silence: muteWithinAnswer('gettoken'), code: 69, says: /no answer from WeCom to gettoken at \S+: ETIMEDOUT in the request/ },
  { phase: 'the request', route: WECOM, when: 'later', silence: mute, code: 69, says: /no answer from WeCom to user\/list/ },
  { phase: 'a new connection', route: WECOM, when: 'later', silence: breakAndMute, code: 69, says: /no answer from WeCom to user\/list/ },
  { phase: 'the TLS handshake', route: WECOM_TLS, when: 'first', silence: mute, code: 69, says: /no answer from WeCom to gettoken at \S+: ETIMEDOUT in the TLS handshake/ },
  { phase: 'the TLS handshake', route: WECOM_TLS, when: 'later', silence: breakAndMute, code: 69, says: /no answer from WeCom to user\/list/ },
  { phase: 'the request over TLS', route: WECOM_TLS, when: 'later', silence: mute, code: 69, says: /no answer from WeCom to user\/list/ },
  { phase: 'the name look-up of the proxy', route: HTTP_PROXY, when: 'first', silence: 'name', code: 69, says: /gettoken at \S+: the proxy \S+ opened no tunnel in time/ },
  { phase: 'TCP to the proxy', route: HTTP_PROXY, when: 'first', silence: 'syn', code: 69, says: /gettoken at \S+: the proxy \S+ opened no tunnel in time/ },
  { phase: 'CONNECT', route: HTTP_PROXY, when: 'first', silence: mute, code: 69, says: /gettoken at \S+: the proxy \S+ opened no tunnel in time/ },
  { phase: 'CONNECT', route: HTTP_PROXY, when: 'later', silence: breakAndMute, code: 69, says: /user\/list at \S+: (the proxy \S+ opened no tunnel in time|E)/ },
  { phase: 'the request through the tunnel', route: HTTP_PROXY, when: 'later', silence: mute, code: 69, says: /no answer from WeCom to user\/list/ },
];

const STORE_CASES: readonly Case[] = [
  { phase: 'the name look-up', route: MARIADB, when: 'first', silence: 'name', code: 69, says: /MySQL at silent\.test:\d+: no answer to the name look-up within/ },
  { phase: 'TCP', route: MARIADB, when: 'first', silence: 'syn', code: 69, says: /MySQL at [^ ]+: no answer to the connection within/ },
  { phase: 'the greeting', route: MARIADB, when: 'first', silence: mute, code: 69, says: /MySQL at [^ ]+: no answer to the connection: the server sent no greeting/ },
  { phase: 'the login', route: MARIADB, when: 'first', silence: muteUp, code: 69, says: /MySQL at [^ ]+: no answer to the login within/ },
  { phase: 'the TLS handshake', route: MARIADB_TLS, when: 'first', silence: muteUp, code: 69, says: /MySQL at [^ ]+: no answer to the TLS handshake or the login within/ },
  { phase: 'a statement', route: MARIADB, when: 'first', silence: muteAt('FROM schema_migrations'), code: 69, says: /MySQL at [^ ]+: no answer to (a statement|the connection)/ },
  { phase: 'a statement', route: MARIADB, when: 'later', silence: muteAt('INSERT INTO members'), code: 69, says: /MySQL at [^ ]+: no answer to (a statement|the connection)/ },
  { phase: 'COMMIT', route: MARIADB, when: 'later', silence: muteAt('INSERT INTO changes'), code: 69, says: /MySQL at [^ ]+: no answer to/ },
  { phase: 'an answer', route: MARIADB, when: 'later', silence: muteWithinAnswer('FROM departments WHERE corp_id'), code: 69, says: /MySQL at [^ ]+: no answer to/ },
  { phase: 'a new connection', route: MARIADB, when: 'later', silence: breakAndMute, code: 69, says: /MySQL at [^ ]+: no answer to the connection: the server sent no greeting/ },
  { phase: 'a statement over TLS', route: MARIADB_TLS, when: 'later', silence: mute, code: 69, says: /MySQL at [^ ]+: no answer to/ },
  { phase: 'a statement, where the store keeps the lease', route: MARIADB_ALONE, when: 'later', silence: mute, code: [69, 75], says: /MySQL at|the store did not renew/ },
];

const REDIS_CASES: readonly Case[] = [
  { phase: 'the name look-up', route: REDIS, when: 'first', silence: 'name', code: 69, says: /Redis at silent\.test:\d+ cannot be used: no answer to the name look-up within/ },
  { phase: 'TCP', route: REDIS, when: 'first', silence: 'syn', code: 69, says: /Redis at [^ ]+ cannot be used: no answer to the connection within/ },
  { phase: 'the login', route: REDIS, when: 'first', silence: mute, code: 69, says: /Redis at [^ ]+ cannot be used: no answer to the login within/ },
  { phase: 'the TLS handshake', route: REDIS_TLS, when: 'first', silence: mute, code: 69, says: /Redis at [^ ]+ cannot be used: no answer to the connection or the TLS handshake within/ },
  { phase: 'a command', route: REDIS, when: 'first', silence: muteAt('EVAL'), code: 69, says: /Redis at [^ ]+ cannot be used: no answer to (EVAL|the login) within/ },
  { phase: 'a command', route: REDIS, when: 'later', silence: mute, code: 75, says: /no longer ours: Redis at [^ ]+ did not renew it in time/ },
  { phase: 'an answer', route: REDIS, when: 'later', silence: (proxy) => Object.assign(proxy.down, { bytesLeft: 2, whenSpent: 'silence' }), code: 75, says: /no longer ours: Redis at [^ ]+ did not renew it in time/ },
  { phase: 'a new connection', route: REDIS, when: 'later', silence: breakAndMute, code: 75, says: /no longer ours: Redis at [^ ]+ did not renew it in time/ },
  { phase: 'a command over TLS', route: REDIS_TLS, when: 'later', silence: mute, code: 75, says: /no longer ours: Redis at [^ ]+ did not renew it in time/ },
];

/** One case, with its lease in a Redis that is well unless the case is about it. */
interface Scene {
  readonly stage: Stage;
  readonly prefix: string;
  readonly proxy: Proxy;
  readonly configPath: string;
  readonly env: Readonly<Record<string, string>>;
}

async function setScene({ route, silence }: Pick<Case, 'route' | 'silence'>): Promise<Scene> {
  const { engine = 'sqlite', target, lead, lifeMs = LIFE_MS } = route;
  const prefix = ownPrefix();
  const stage = await setStage({
    engine,
    ...(engine === 'mariadb' && { server: mariadb.url }),
    members: 12,
    departments: 4,
    wecom: '  rate: 500\n  rate_address: 1000\n  timeout: 1500ms\n  retries: 1\n',
    yaml: `redis: ${inject('redisUrl')}\nredis_prefix: "${prefix}"\nlock: { ttl: ${lifeMs}ms, fair: false }\n`,
  });
  const proxy = await openProxy(await target(stage));
  onTestFinished(() => proxy.close());
  const at = silence === 'name' ? { host: NAMELESS, port: 1 } : { host: '127.0.0.1', port: silence === 'syn' ? await openFullPort() : proxy.port };
  const configPath = await anotherConfig(stage, (yaml) => lead(yaml, stage, at));
  return { stage, prefix, proxy, configPath, env: { NODE_EXTRA_CA_CERTS: certificates.ca } };
}

interface Outcome {
  readonly code: number | null;
  readonly says: string;
  readonly inTime: boolean | string;
  readonly leases: readonly string[];
}

async function play(one: Case): Promise<Outcome> {
  const { route, when, silence } = one;
  const lifeMs = route.lifeMs ?? LIFE_MS;
  const scene = await setScene(one);
  const { stage, proxy, configPath, env } = scene;
  const through = silence === 'name' ? { through: await openSilentNames(stage.folder) } : {};
  const fallSilent = (): unknown => (typeof silence === 'function' ? silence(proxy) : undefined);
  let ended: Promise<Ended>;
  let silentAt: number;
  if (when === 'first') {
    fallSilent();
    silentAt = performance.now();
    ended = start(['--config', configPath, 'run'], { env, ...through }).ended;
  } else {
    const held = stage.sandbox.faults.add({ match: { endpoint: 'user/list' }, nth: 2, times: 1, effect: { kind: 'hold' } });
    const running = start(['--config', configPath, 'run'], { env });
    await untilHeld(held, running);
    fallSilent();
    silentAt = performance.now();
    // A run that has all it needs from Redis commits what it read, under its fence.
    if (route.lifeMs === undefined) held.release();
    ({ ended } = running);
  }
  const { code, stderr } = await ended;
  const tookMs = performance.now() - silentAt;
  return { code, says: stderr, inTime: tookMs < LIFE_MS || `${Math.round(tookMs)} ms`, leases: await leasesOf(scene, route, silentAt + lifeMs) };
}

/** What is still held; where the keeper of the leases was silent, after their life. */
async function leasesOf({ stage, prefix }: Scene, route: Route, lifeEnds: number): Promise<readonly string[]> {
  if (route === MARIADB_ALONE) {
    await expect.poll(() => performance.now(), { timeout: LIFE_MS }).toBeGreaterThan(lifeEnds);
    return (await execute(stage.storeUrl, 'SELECT name FROM leases WHERE token IS NOT NULL AND expires_at > UTC_TIMESTAMP(3)')).map(({ name }) => String(name));
  }
  const isOfRedis = route.lifeMs !== undefined;
  const { leases } = openTestRedis({ prefix, ...(isOfRedis ? { url: `redis://127.0.0.1:${redis.port}/1` } : {}) });
  const held = async (): Promise<readonly string[]> => (await leases.holders()).map(({ name }) => name);
  if (isOfRedis) await expect.poll(held, { timeout: SHORT_LIFE_MS }).toEqual([]);
  return await held();
}

function titleOf({ phase, when }: Case): string {
  return `${phase}, ${when === 'first' ? 'from the start' : 'later'}`;
}

function canSilenceNames(): boolean {
  const can = process.getuid?.() === 0 && findProgram('unshare') !== undefined;
  if (!can) process.stderr.write('SKIPPED the look-up of names that is silent: needs root and unshare\n');
  return can;
}

/** One statement takes longer than any silence of a server that does not work on the statement. */
async function playLongStatement(): Promise<Outcome> {
  const { stage, configPath } = await setScene({ route: MARIADB, silence: () => undefined });
  await execute(stage.storeUrl, 'CREATE TRIGGER slow BEFORE UPDATE ON runs FOR EACH ROW SET @slept = SLEEP(9)');
  return await playWell(stage, configPath);
}

/** One connection loses one answer; the server answers on all others. */
async function playLostAnswer(): Promise<Outcome> {
  const { stage, proxy, configPath } = await setScene({ route: MARIADB, silence: () => undefined });
  const lost = proxy.loseReply('INSERT INTO changes', 'silence').then(() => performance.now());
  const outcome = await playWell(stage, configPath);
  const tookMs = performance.now() - (await lost);
  return { ...outcome, inTime: tookMs < LIFE_MS || `${Math.round(tookMs)} ms` };
}

/** So far that no claim would be answered in time, in a lottery. */
async function playFarRedis(roundTripMs: number): Promise<Outcome> {
  const { stage, proxy, configPath } = await setScene({ route: REDIS, silence: () => undefined });
  proxy.up.latencyMs = proxy.down.latencyMs = roundTripMs / 2;
  const fair = await anotherConfig(stage, (yaml) => yaml.replace(/^lock: .*$/m, 'lock: { ttl: 30s }').replace(/^(redis: .*)\/1$/m, '$1/0'), 'fair.yml', configPath);
  return await playWell(stage, fair);
}

async function playWell(stage: Stage, configPath: string): Promise<Outcome> {
  const { code, stderr } = await start(['--config', configPath, 'run']).ended;
  if (code === 0) await expectTruth(stage);
  return { code, says: stderr, inTime: true, leases: [] };
}

const WELL = { code: 0, says: '', inTime: true, leases: [] };
/** On a busy machine, an answer may take the whole of the three seconds that a command has. */
const TOO_FAR = expect.stringMatching(/Redis at [^ ]+ cannot be used: (it answers only after \d+ ms|no answer to EVAL within).*\n[^]*fix: /) as string;

/** What is no silence, and what is far away. */
const OTHERS: readonly (readonly [string, () => Promise<Outcome>, unknown])[] = [
  ['a long statement is not silence', playLongStatement, WELL],
  ['one lost answer is not the end', playLostAnswer, WELL],
  ['with a Redis 1.2 s away, the lease is claimed without the lottery', () => playFarRedis(1_200), WELL],
  ['with a Redis 2 s away, a run that cannot keep its pace says why', () => playFarRedis(2_000), { ...WELL, code: 69, says: TOO_FAR }],
];

test('a run ends within the life of its lease, names the phase and frees the lease, whichever service falls silent in whichever phase', async () => {
  const queue = new PQueue(AT_ONCE);
  const cases = Object.entries({ 'MySQL': STORE_CASES, 'Redis': REDIS_CASES, 'WeCom': WECOM_CASES })
    .flatMap(([service, of]) => of.map((one) => [`${service}: ${titleOf(one)}`, one] as const))
    .filter(([, { silence }]) => silence !== 'name' || canSilenceNames());
  const plays = [...OTHERS.map(([title, go]) => [title, go] as const), ...cases.map(([title, one]) => [title, () => play(one)] as const)];
  const played = await Promise.all(plays.map(([title, go]) => queue.add(async () => [title, await go()] as const)));
  const wanted = cases.map(([title, { code, says }]) => [title, { code: oneOf(code), says: expect.stringMatching(says) as string, inTime: true, leases: [] }]);
  // Compared at the end, all together: one that differs does not hide the others.
  expect(played).toEqual([...OTHERS.map(([title, , outcome]) => [title, outcome]), ...wanted]);
}, 180_000);

function oneOf(codes: number | readonly number[]): unknown {
  return expect.toSatisfy((code: number) => [codes].flat().includes(code));
}
