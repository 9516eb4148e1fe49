import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { CorpList } from './corps.ts';
import { openLiveParts } from './live.ts';
import { inspectReplica, openReading } from './reading.ts';
import type { Reading, ReplicaDeps } from './reading.ts';
import type { LiveParts } from './live.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { once } from './once.ts';
import { openReporters } from './reporters.ts';
import type { Reporters } from './reporters.ts';
import { systemClock } from '../local/clock.ts';
import type { CommandContext } from './context.ts';
import type { Config, LoadedConfig } from '../config/load.ts';
import { acceptsEnvironment, environmentOf } from '../core/gate.ts';
import type { History } from '../core/ports/history.ts';
import type { Corp } from '../core/model.ts';
import type { Finding } from '../core/finding.ts';
import type { AlertBook } from '../core/ports/alerts.ts';
import type { Directory } from '../core/ports/directory.ts';
import type { Leases } from '../core/ports/leases.ts';
import type { Meter } from '../core/ports/meter.ts';
import type { Ration } from '../core/ports/ration.ts';
import { createPacing, type Pacing } from '../core/pacer.ts';
import { parallelOf } from '../core/parallel.ts';
import type { Slots } from '../core/ports/slots.ts';
import type { Migrator } from '../core/ports/tables.ts';
import type { Writer } from '../core/ports/writing.ts';
import type { Store } from '../store/store.ts';
import type { Clock, Log } from '../core/ports/system.ts';
import type { TokenCache } from '../core/ports/tokens.ts';
import type { Shard } from '../core/shard.ts';
import { isSwitchedOn } from '../core/switch.ts';
import { meteredLeases } from '../observe/metrics/metered-leases.ts';
import type { RedisParts } from '../redis/open.ts';
import type { CorpAccess } from '../wecom/access.ts';
import type { Database } from '../store/engine/database.ts';
import type { OpenedStore } from '../store/open.ts';
import type { RunWatch } from '../sync/attempt.ts';
import type { RunDeps } from '../sync/run.ts';
import { packageVersion } from '../version.ts';

/**
 * Everything that a command may need, opened when it is first used: of many processes that start together, most end after
 * they have asked for the lease. This is the only file that knows which adapter fulfils which port.
 */
export interface App {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly writer: Writer;
  store(): Promise<Store>;
  /** The store for a command that only reads: `store_read` where it is configured and can be used. Call it before {@link App.corps}. */
  reading(): Promise<Reading>;
  /** From now on, an SQLite store may be created or upgraded. */
  migrator(): Promise<Migrator>;
  history(): Promise<History>;
  alertBook(): Promise<AlertBook>;
  leases(): Promise<Leases>;
  /** Opens the directory (WeCom). `meter` counts its requests. Each call opens another one. */
  openDirectory(meter: Meter): Promise<Directory>;
  ration(): Promise<Ration>;
  /** Opens what a live lookup needs. */
  liveParts(): Promise<LiveParts>;
  /** The findings of `orgsync doctor` about the store, and about `store_read`. */
  inspectStore(): Promise<readonly Finding[]>;
  /** The findings of `orgsync doctor` about Redis; empty when Redis is not configured. */
  inspectRedis(): Promise<readonly Finding[]>;
  /** The configured corps, or those named by id or name, in that order. Throws `usage` / `unknown_corp`. */
  corps(named?: readonly string[]): Promise<readonly Corp[]>;
  /** Opens the reporters of a run, or of a shard's run. */
  reporters(shard: Shard | undefined): Promise<Reporters>;
  /** Opens what a run or, with `dryRun`, a plan needs. From now on, a run may create or upgrade an SQLite store. */
  runDeps(reporters: Pick<Reporters, 'meter' | 'started'>, watch: RunWatch, how: { readonly dryRun: boolean }): Promise<RunDeps>;
  /** Closes what was opened, the last first, also when opening failed. Idempotent. */
  close(): Promise<void>;
}

/** Opens the application of a configuration. Does not connect to anything yet. */
export async function openApp({ config, oldNames }: LoadedConfig, context: CommandContext): Promise<App> {
  const closers = new Closers();
  const { openLog } = await import('../observe/log/log.ts');
  const log = closers.keep(openLog(config.log, { terminal: context.terminal, scrub: context.scrub, version: packageVersion() }));
  for (const { message, fix } of oldNames) log.log('warn', 'config_old_name', message, { fix });
  return new OpenApp({ config, context, log: log.log, closers });
}

interface AppParts {
  readonly config: Config;
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
  readonly #corps: CorpList;
  /** Only a run and a migration create or upgrade a store. Elsewhere, a missing file is a wrong path. */
  #mayCreate = false;
  /** Where `corps.query` reads instead of the store. */
  #readFrom: Database | undefined;

  constructor({ config, context, log, closers }: AppParts) {
    this.config = config;
    this.log = log;
    this.#context = context;
    this.#closers = closers;
    this.#corps = new CorpList({ config, database: async () => this.#readFrom ?? (await this.#database()), protect: context.protect });
    this.writer = {
      host: hostname(),
      pid: process.pid,
      version: packageVersion(),
      environment: environmentOf(config.gate, context.env),
      accepts: (environment) => acceptsEnvironment(config.gate, environment),
    };
  }

  readonly store = once(async (): Promise<Store> => (await this.#opened()).store);

  readonly reading = once(async (): Promise<Reading> => {
    const reading = await openReading({ ...this.#replicaDeps(), log: this.log, ofStore: async () => ({ store: await this.store(), history: await this.history() }) });
    this.#readFrom = reading.database;
    return reading;
  });

  readonly migrator = once(async (): Promise<Migrator> => {
    this.#mayCreate = true;
    return (await this.#opened()).migrator;
  });

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
      return createRationFiles({ folder: join(temporaryFolder(), 'ration'), clock: this.clock });
    }
    const [database, { createStoreRation }] = await Promise.all([this.#database(), import('../store/shared/ration.ts')]);
    return createStoreRation(database, this.clock);
  });

  async openDirectory(meter: Meter): Promise<Directory> {
    const [{ openWecom }, tokens, pacing] = await Promise.all([import('../wecom/directory.ts'), this.#tokens(), this.#pacing(), this.#corps.read()]);
    const access = (corpId: string): CorpAccess => this.#corps.accessTo(corpId);
    const { clock, log } = this;
    return this.#closers.keep(openWecom({ access, pacing, tokens, clock, log, meter, tokenWaitMs: this.config.wecom.frequency_wait }));
  }

  liveParts(): Promise<LiveParts> {
    const { config, clock, log, writer, ration } = this;
    return openLiveParts({ config, clock, log, writer, ration, directory: (meter) => this.openDirectory(meter) });
  }

  async inspectStore(): Promise<readonly Finding[]> {
    const [database, { inspectStore }] = await Promise.all([this.#database(), import('../store/inspect.ts')]);
    const { store, read_only: readOnly } = this.config;
    const where = store.engine === 'sqlite' ? store.path : new URL(store.url.reveal()).host;
    const findings = await inspectStore(database, { engine: store.engine, where, readOnly, clock: this.clock });
    return [...findings, ...(await inspectReplica(database, this.#replicaDeps()))];
  }

  #replicaDeps(): ReplicaDeps {
    return { config: this.config, clock: this.clock, stopping: this.#context.signal, keep: (opened) => this.#closers.keep(opened) };
  }

  async inspectRedis(): Promise<readonly Finding[]> {
    const [redis, { inspectRedis }] = await Promise.all([this.#redis(), import('../redis/inspect.ts')]);
    return redis === null ? [] : await inspectRedis(redis.link, this.clock);
  }

  corps(named: readonly string[] = []): Promise<readonly Corp[]> {
    return this.#corps.find(named);
  }

  reporters(shard: Shard | undefined): Promise<Reporters> {
    const { config, clock, log, writer, store, alertBook, ration } = this;
    return openReporters({ config, clock, log, scrub: this.#context.scrub, writer, shard, store, alertBook, ration, corps: () => this.corps() });
  }

  async runDeps({ meter, started }: Pick<Reporters, 'meter' | 'started'>, watch: RunWatch, { dryRun }: { readonly dryRun: boolean }): Promise<RunDeps> {
    this.#mayCreate ||= !dryRun;
    const { config, clock, log, writer } = this;
    const [store, leases] = await Promise.all([this.store(), this.leases()]);
    return {
      store,
      leases: meteredLeases(leases, { meter, clock }),
      writer,
      clock,
      log,
      region: config.lookup.default_region,
      limitsOf: (corp) => this.#corps.limitsOf(corp),
      ensureUsable: ({ id }) => this.#corps.ensureUsable(id),
      watch,
      signal: this.#context.signal,
      openDirectory: () => this.openDirectory(meter),
      onStart: started,
      gate: config.gate,
      env: this.#context.env,
      readOnly: config.read_only,
      fair: config.lock.fair,
      parallel: parallelOf(config.parallel_corps, { corp: config.wecom.rate, address: config.wecom.rate_address }),
      staleAfterMs: config.alerts.stale_after,
    };
  }

  close(): Promise<void> {
    return this.#closers.close();
  }

  readonly #opened = once(async (): Promise<OpenedStore> => {
    const { store, read_only: readOnly, lock } = this.config;
    const { openStore } = await import('../store/open.ts');
    const url = store.engine === 'sqlite' ? `sqlite:${store.path}` : store.url;
    const allowTakeover = isSwitchedOn(this.#context.env['ORGSYNC_ALLOW_TAKEOVER']);
    const opened = await openStore({ url, readOnly, mayCreate: () => this.#mayCreate, leaseTtlMs: lock.ttl, allowTakeover, clock: this.clock, stopping: this.#context.signal });
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

  /** One for all directories, because it counts the requests of the whole process. */
  readonly #pacing = once(async (): Promise<Pacing> => {
    const { config, clock, log } = this;
    const slots = (await this.#redis())?.slots ?? (await this.#ownSlots());
    const address = { name: `address:${config.address}`, perSecond: config.wecom.rate_address };
    return createPacing({ slots, address, clock, log, patienceMs: config.lock.ttl });
  });

  /** Without Redis, the store keeps the schedule of slots; where it may not be written, a file of this host and account. */
  async #ownSlots(): Promise<Slots> {
    const { createStoreSlots } = await import('../store/shared/slots.ts');
    if (!this.config.read_only && !this.#lacksStore()) return createStoreSlots(await this.#database(), this.clock);
    const { openHostStore } = await import('./host-store.ts');
    const { store, database } = await openHostStore({ clock: this.clock, stopping: this.#context.signal });
    this.#closers.keep(store);
    return createStoreSlots(database, this.clock);
  }

  /** Whether there is no store yet, and none is to be created: `orgsync doctor` asks WeCom all the same. */
  #lacksStore(): boolean {
    const { store } = this.config;
    return !this.#mayCreate && store.engine === 'sqlite' && !existsSync(store.path);
  }

  /** Redis shares the tokens between processes; without it, each process has its own. */
  readonly #tokens = once(async (): Promise<TokenCache> => {
    const redis = await this.#redis();
    return redis === null ? (await import('../local/tokens.ts')).createTokenCache(this.clock) : redis.tokens;
  });
}

/** Closes resources, the last opened first. */
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
