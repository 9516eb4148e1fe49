import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { openLiveParts } from './live.ts';
import type { LiveParts } from './live.ts';
import { openReporters } from './reporters.ts';
import type { Reporters } from './reporters.ts';
import { systemClock } from '../local/clock.ts';
import type { CommandContext } from './context.ts';
import type { CorpConfig } from '../config/corps.ts';
import type { Config, LoadedConfig } from '../config/load.ts';
import { acceptsEnvironment, environmentOf } from '../core/gate.ts';
import type { History } from '../core/ports/history.ts';
import { NO_METER } from '../core/meter.ts';
import type { Corp } from '../core/model.ts';
import type { Finding } from '../core/finding.ts';
import type { AlertBook } from '../core/ports/alerts.ts';
import type { Directory } from '../core/ports/directory.ts';
import type { Leases } from '../core/ports/leases.ts';
import type { Meter } from '../core/ports/meter.ts';
import type { Ration } from '../core/ports/ration.ts';
import type { Limiter } from '../core/ports/slots.ts';
import type { Migrator, Store, Writer } from '../core/ports/store.ts';
import type { Clock, Log } from '../core/ports/system.ts';
import type { TokenCache } from '../core/ports/tokens.ts';
import type { SafetyLimits } from '../core/safety.ts';
import type { Shard } from '../core/shard.ts';
import { OrgsyncError } from '../errors.ts';
import { meteredLeases } from '../observe/metrics/metered-leases.ts';
import type { RedisParts } from '../redis/open.ts';
import type { CorpAccess } from '../wecom/access.ts';
import type { Database } from '../store/engine/database.ts';
import type { OpenedStore } from '../store/open.ts';
import type { RunDeps } from '../sync/run.ts';
import { packageVersion } from '../version.ts';

/**
 * Everything a command may need, opened when it is first asked for: of many processes that start together most end
 * after one question about the lease. The only file that knows which adapter stands behind which port.
 */
export interface App {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly writer: Writer;
  store(): Promise<Store>;
  migrator(): Promise<Migrator>;
  history(): Promise<History>;
  alertBook(): Promise<AlertBook>;
  leases(): Promise<Leases>;
  directory(): Promise<Directory>;
  ration(): Promise<Ration>;
  /** What a live lookup asks with. Ask for it before {@link App.directory}: its requests are counted. */
  liveParts(): Promise<LiveParts>;
  /** What `orgsync doctor` wants to know of the store. */
  inspectStore(): Promise<readonly Finding[]>;
  /** What `orgsync doctor` wants to know of Redis; nothing where the configuration names none. */
  inspectRedis(): Promise<readonly Finding[]>;
  /** The configured corps, or those named by id or name, in that order. Throws `usage` / `unknown_corp`. */
  corps(named?: readonly string[]): Promise<readonly Corp[]>;
  limitsOf(corp: Corp): SafetyLimits;
  /** Those who tell how a run went; of a shard, when it is one. */
  reporters(shard: Shard | undefined): Promise<Reporters>;
  /** What a run needs, but for who watches it. */
  runDeps(reporters: Pick<Reporters, 'meter' | 'started'>): Promise<Omit<RunDeps, 'watch'>>;
  /** Closes what was opened, last first, also when opening failed half-way. Idempotent. */
  close(): Promise<void>;
}

/** Opens the application of a configuration. Connects to nothing yet. */
export async function openApp({ config, path }: LoadedConfig, context: CommandContext): Promise<App> {
  const closers = new Closers();
  const { openLog } = await import('../observe/log/log.ts');
  const log = closers.keep(openLog(config.log, { terminal: context.terminal, scrub: context.scrub, version: packageVersion() }));
  return new OpenApp({ config, path, context, log: log.log, closers });
}

interface AppParts {
  readonly config: Config;
  readonly path: string;
  readonly context: CommandContext;
  readonly log: Log;
  readonly closers: Closers;
}

class OpenApp implements App {
  readonly config: Config;
  readonly clock = systemClock;
  readonly log: Log;
  readonly writer: Writer;
  readonly #context: CommandContext;
  readonly #closers: Closers;

  constructor({ config, context, log, closers }: AppParts) {
    this.config = config;
    this.log = log;
    this.#context = context;
    this.#closers = closers;
    this.writer = {
      host: hostname(),
      pid: process.pid,
      version: packageVersion(),
      environment: environmentOf(config.gate, context.env),
      accepts: (environment) => acceptsEnvironment(config.gate, environment),
    };
  }

  readonly store = once(async (): Promise<Store> => (await this.#opened()).store);

  readonly migrator = once(async (): Promise<Migrator> => (await this.#opened()).migrator);

  readonly history = once(async (): Promise<History> => {
    const [database, { openHistory }] = await Promise.all([this.#database(), import('../store/organisation/history.ts')]);
    return openHistory(database);
  });

  readonly alertBook = once(async (): Promise<AlertBook> => {
    const [database, { createAlertBook }] = await Promise.all([this.#database(), import('../store/shared/alert-book.ts')]);
    return createAlertBook(database);
  });

  readonly leases = once(async (): Promise<Leases> => {
    const redis = await this.#redis();
    if (redis !== null) return redis.leases;
    const [database, { createStoreLeases }] = await Promise.all([this.#database(), import('../store/shared/lease.ts')]);
    return this.#closers.keep(createStoreLeases(database, { host: hostname(), pid: process.pid, ttlMs: this.config.lock.ttl, clock: this.clock, log: this.log }));
  });

  readonly ration = once(async (): Promise<Ration> => {
    const redis = await this.#redis();
    if (redis !== null) return redis.ration;
    if (this.config.read_only) {
      const { createRationFiles } = await import('../local/ration.ts');
      return createRationFiles({ folder: join(tmpdir(), `orgsync-${userInfo().uid}`, 'ration'), clock: this.clock });
    }
    const [database, { createStoreRation }] = await Promise.all([this.#database(), import('../store/shared/ration.ts')]);
    return createStoreRation(database, this.clock);
  });

  readonly directory = once(async (): Promise<Directory> => {
    const [{ openWecom }, { limiter, tokens }, corps] = await Promise.all([import('../wecom/directory.ts'), this.#shared(), this.#corpConfigs()]);
    const { rate_total: rateTotal, frequency_wait: tokenWaitMs } = this.config.wecom;
    const access = accessOf(corps, (corp) => this.#ensureUsable(corp));
    const { clock, log } = this;
    return this.#closers.keep(openWecom({ access, rateTotal, limiter, tokens, clock, log, meter: this.#meter, tokenWaitMs }));
  });

  liveParts(): Promise<LiveParts> {
    const { config, clock, log, writer, ration } = this;
    const directory = (meter: Meter): Promise<Directory> => {
      this.#meter = meter;
      return this.directory();
    };
    return openLiveParts({ config, clock, log, writer, ration, directory });
  }

  async inspectStore(): Promise<readonly Finding[]> {
    const [database, { inspectStore }] = await Promise.all([this.#database(), import('../store/inspect.ts')]);
    const { store, read_only: readOnly } = this.config;
    const where = store.engine === 'sqlite' ? store.path : new URL(store.url.reveal()).host;
    return await inspectStore(database, { engine: store.engine, where, readOnly, clock: this.clock });
  }

  async inspectRedis(): Promise<readonly Finding[]> {
    const [redis, { inspectRedis }] = await Promise.all([this.#redis(), import('../redis/inspect.ts')]);
    return redis === null ? [] : await inspectRedis(redis.link, this.clock);
  }

  async corps(named: readonly string[] = []): Promise<readonly Corp[]> {
    const all = [...(await this.#corpConfigs()), ...this.#unusable.values()];
    const wanted = named.length === 0 ? all : named.map((word) => findCorp(all, word));
    return [...new Set(wanted)].map(({ id, name }) => ({ id, name }));
  }

  /** Throws a defect before {@link App.corps} has resolved: limits are asked for corps that it gave. */
  limitsOf(corp: Corp): SafetyLimits {
    const { safety } = this.#known.get(corp.id) ?? { safety: this.config.safety };
    return { maxDepartures: safety.max_departures, maxDepartmentRemovals: safety.max_department_removals, minMembers: safety.min_members };
  }

  reporters(shard: Shard | undefined): Promise<Reporters> {
    const { config, clock, log, writer, store, alertBook, ration } = this;
    return openReporters({ config, clock, log, scrub: this.#context.scrub, writer, shard, store, alertBook, ration, corps: () => this.corps() });
  }

  async runDeps({ meter, started }: Pick<Reporters, 'meter' | 'started'>): Promise<Omit<RunDeps, 'watch'>> {
    const { config, clock, log, writer } = this;
    this.#meter = meter;
    const [store, leases] = await Promise.all([this.store(), this.leases()]);
    return {
      ...{ store, leases: meteredLeases(leases, { meter, clock }), clock, log, writer, openDirectory: () => this.directory(), onStart: started },
      ...{ gate: config.gate, env: this.#context.env, readOnly: config.read_only, signal: this.#context.signal },
      ...{ fair: config.lock.fair, parallelCorps: config.parallel_corps, staleAfterMs: config.alerts.stale_after },
      ...{ region: config.lookup.default_region, limitsOf: (corp) => this.limitsOf(corp), ensureUsable: ({ id }) => this.#ensureUsable(id) },
    };
  }

  close(): Promise<void> {
    return this.#closers.close();
  }

  #meter: Meter = NO_METER;
  readonly #known = new Map<string, CorpConfig>();
  /** Corps of rows that cannot be used, with what is wrong with them. */
  readonly #unusable = new Map<string, Corp & { readonly error: OrgsyncError }>();

  readonly #corpConfigs = once(async (): Promise<readonly CorpConfig[]> => {
    const corps = 'query' in this.config.corps ? await this.#queryCorps(this.config.corps.query) : this.config.corps;
    for (const corp of corps) this.#known.set(corp.id, corp);
    return corps;
  });

  async #queryCorps(query: string): Promise<readonly CorpConfig[]> {
    const [database, { queryError, readCorpRows }] = await Promise.all([this.#database(), import('../config/corps.ts')]);
    const rows = await database.read((connection) => connection.query(query)).catch((error: unknown) => {
      throw queryError(error);
    });
    const { corps, unusable } = readCorpRows(rows, this.config);
    for (const { corp, error } of unusable) this.#unusable.set(corp.id, { ...corp, error });
    this.#context.protect(corps.flatMap(({ secret, contacts_secret: contacts }) => [secret.reveal(), ...(contacts === null ? [] : [contacts.reveal()])]));
    return corps;
  }

  #ensureUsable(corpId: string): void {
    const unusable = this.#unusable.get(corpId);
    if (unusable !== undefined) throw unusable.error;
  }

  readonly #opened = once(async (): Promise<OpenedStore> => {
    const { store, read_only: readOnly, lock } = this.config;
    const { openStore } = await import('../store/open.ts');
    const url = store.engine === 'sqlite' ? `sqlite:${store.path}` : store.url;
    const allowTakeover = isSet(this.#context.env['ORGSYNC_ALLOW_TAKEOVER']);
    const opened = await openStore({ url, readOnly, leaseTtlMs: lock.ttl, allowTakeover, now: () => this.clock.now(), stopping: this.#context.signal });
    this.#closers.keep(opened.store);
    return opened;
  });

  async #database(): Promise<Database> {
    return (await this.#opened()).database;
  }

  readonly #redis = once(async (): Promise<RedisParts | null> => {
    const { redis: url, redis_prefix: prefix, lock } = this.config;
    if (url === undefined) return null;
    const { openRedis } = await import('../redis/open.ts');
    const { clock, log } = this;
    return this.#closers.keep(openRedis({ url, prefix, clock, log, host: hostname(), pid: process.pid, ttlMs: lock.ttl, windowMs: lock.window }));
  });

  /** Without Redis the pace is kept in the store; where nothing may be written, by each process for itself. */
  async #ownLimiter(): Promise<Limiter> {
    const { clock, log } = this;
    if (this.config.read_only) return (await import('../core/pace.ts')).createLimiter(clock);
    const [database, { createStoreLimiter }] = await Promise.all([this.#database(), import('../store/shared/slots.ts')]);
    return createStoreLimiter(database, { clock, log });
  }

  /** What processes share through Redis; without it each has its own. */
  async #shared(): Promise<{ readonly limiter: Limiter; readonly tokens: TokenCache }> {
    const redis = await this.#redis();
    if (redis !== null) return redis;
    const { createTokenCache } = await import('../local/tokens.ts');
    return { limiter: await this.#ownLimiter(), tokens: createTokenCache(this.clock) };
  }
}

/** Things that must be closed, last opened first. */
class Closers {
  readonly #open: { close(): Promise<void> }[] = [];

  keep<T extends { close(): Promise<void> }>(opened: T): T {
    this.#open.push(opened);
    return opened;
  }

  async close(): Promise<void> {
    for (let next = this.#open.pop(); next !== undefined; next = this.#open.pop()) await next.close();
  }
}

function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => (opened ??= open());
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !/^(0|false|no|off|)$/i.test(value);
}

function accessOf(corps: readonly CorpConfig[], ensureUsable: (corpId: string) => void): (corpId: string) => CorpAccess {
  const known = new Map(corps.map((corp) => [corp.id, corp]));
  return (corpId) => {
    ensureUsable(corpId);
    const corp = known.get(corpId);
    if (corp === undefined) throw new OrgsyncError('defect', { code: 'corp_without_access', message: `no configuration for ${corpId}` });
    const { api, proxy, rate, concurrency, strategy, retries, timeout, frequency_wait } = corp.wecom;
    return {
      ...{ api: api.reveal(), proxy: proxy?.reveal() },
      ...{ secret: corp.secret, agentId: corp.agent_id ?? undefined, contactsSecret: corp.contacts_secret ?? undefined },
      ...{ rate, concurrency, strategy, retries, timeoutMs: timeout, frequencyWaitMs: frequency_wait },
    };
  };
}

function findCorp(corps: readonly Corp[], word: string): Corp {
  const found = corps.filter(({ id, name }) => id.toLowerCase() === word.toLowerCase() || name === word);
  const [corp] = found;
  if (corp !== undefined && found.length === 1) return corp;
  const known = corps.slice(0, 10).map(({ id, name }) => (name === id ? id : `${name} (${id})`));
  throw new OrgsyncError('usage', {
    code: 'unknown_corp',
    message: found.length === 0 ? `no corp is called ${word}` : `${found.length} corps are called ${word}`,
    hint: `name one by id or name: ${known.join(', ')}${corps.length > 10 ? ', …' : ''}`,
  });
}
