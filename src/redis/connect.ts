import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { RedisClientOptions, RedisClientType, RedisFunctions, RedisModules, RedisScripts } from 'redis';
import { decodePercent } from '../core/percent.ts';
import type { Clock } from '../core/ports/system.ts';
import type { Secret } from '../core/secret.ts';
import { isSentinelUrl } from '../core/sentinel-url.ts';
import { OrgsyncError } from '../errors.ts';
import { redisClosed, redisError, redisIsSentinel, redisSilence } from './errors.ts';
import { type OpenSentinel, Sentinels } from './sentinel.ts';

/** A reply of our scripts and commands: integers and texts, in lists. */
export type Reply = null | string | number | readonly Reply[];

/** The items of a reply that is a list; none of any other reply. */
export function itemsOf(reply: Reply | undefined): readonly Reply[] {
  return typeof reply === 'object' && reply !== null ? reply : [];
}

/** The connection to one Redis. */
export interface RedisLink {
  /** Host and port, for people. */
  readonly where: string;
  /** The last round trip (or the time of connecting), in milliseconds. */
  readonly roundTripMs: number;
  /** Connects now; without this the first call connects. Resolves with the milliseconds it took, 0 when already connected. */
  connect(): Promise<number>;
  /**
   * Sends one command, once. A command without an answer is never sent again, because only the caller knows whether that is
   * safe. Connects first when there is no connection. After `timeoutMs` it closes the connection, because later replies
   * could no longer be matched to commands. Throws OrgsyncError.
   */
  call(...command: readonly [string, ...string[]]): Promise<Reply>;
  /** Runs a Lua script, with the promises of {@link RedisLink.call}. It sends the whole text, so the first time also takes one round trip. */
  run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply>;
  /** Closes the connection. Later calls reject. Idempotent. */
  close(): void;
}

/** How to reach Redis. */
export interface LinkOptions {
  /**
   * `redis://`, `rediss://` (TLS; the certificate must be valid and for this host name) or `unix://`; `redis+sentinel://` or
   * `rediss+sentinel://` for the primary that Sentinels name. They are asked each time that a connection is made.
   */
  readonly url: Secret;
  readonly clock: Clock;
  /** The time limit for connecting, and for each command. */
  readonly timeoutMs?: number;
}

/** Scheme and path of a URL. */
const REDIS_URL = /^(rediss?:(\/\d*)?|unix:\/.+)$/;

type Client = RedisClientType<RedisModules, RedisFunctions, RedisScripts, 2>;

const TIMEOUT_MS = 3_000;

/** What a server says that was the primary. */
const FAILED_OVER: ReadonlySet<string> = new Set(['redis_readonly', 'redis_failing_over']);

/** Creates a {@link RedisLink}, without connecting. Throws `config` for an invalid URL. */
export function openLink({ url, clock, timeoutMs = TIMEOUT_MS }: LinkOptions): RedisLink {
  const openSentinel: OpenSentinel = (sentinel, sentinels) => openLink({ url: sentinel, clock, timeoutMs: timeoutMs / sentinels });
  return new Link(isSentinelUrl(url.reveal()) ? new Sentinels(url, openSentinel) : routeTo(url), clock, timeoutMs);
}

/** The way to the server: one address, or Sentinels that know it. */
interface Route {
  /** For people. */
  readonly where: string;
  /** The address to connect to now. */
  findPrimary(): Promise<Secret>;
}

function routeTo(url: Secret): Route {
  return { where: addressOf(url), findPrimary: () => Promise.resolve(url) };
}

class Link implements RedisLink {
  readonly #route: Route;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** The connection, open or being opened, and its client, so that a late error of an older client is ignored. */
  #client: Promise<Client> | undefined;
  #current: Client | undefined;
  #roundTripMs = 0;
  #connectedInMs = 0;
  #closed = false;

  constructor(route: Route, clock: Clock, timeoutMs: number) {
    this.#route = route;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  get where(): string {
    return this.#route.where;
  }

  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  async connect(): Promise<number> {
    const wasThere = this.#client !== undefined;
    await this.#connected();
    return wasThere ? 0 : this.#connectedInMs;
  }

  async call(...command: readonly [string, ...string[]]): Promise<Reply> {
    const client = await this.#connected();
    const sentAt = this.#clock.monotonic();
    try {
      const reply = await this.#inTime(client, client.sendCommand<Reply>([...command]), () => command[0]);
      this.#roundTripMs = this.#clock.monotonic() - sentAt;
      return reply;
    } catch (error) {
      throw await this.#explain(client, error);
    }
  }

  async #explain(client: Client, thrown: unknown): Promise<OrgsyncError> {
    const error = redisError(thrown, this.where);
    // After a failover, the next call connects anew, and so reaches the new primary.
    if (FAILED_OVER.has(error.code) && this.#current === client) this.#giveUp(client);
    if (error.code !== 'redis_commands') return error;
    const info = await this.#inTime(client, client.sendCommand<Reply>(['INFO', 'server']), () => 'INFO').catch(() => '');
    return String(info).includes('redis_mode:sentinel') ? redisIsSentinel(this.where) : error;
  }

  async run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply> {
    return await this.call('EVAL', script, String(keys.length), ...keys, ...args.map(String));
  }

  close(): void {
    this.#closed = true;
    if (this.#current !== undefined) this.#giveUp(this.#current);
  }

  async #connected(): Promise<Client> {
    if (this.#closed) throw redisClosed(this.where);
    this.#client ??= this.#open();
    return await this.#client;
  }

  async #open(): Promise<Client> {
    // Loaded when needed: loading it takes longer than everything else together.
    const { createClient } = await import('redis');
    const startedAt = this.#clock.monotonic();
    const url = await this.#findPrimary();
    if (this.#closed) throw redisClosed(this.where);
    const progress = new Progress(url);
    const client: Client = createClient(clientOptions(url, { timeoutMs: this.#timeoutMs, progress }));
    // Pending calls get this error themselves; here it only makes the next call connect again.
    client.on('error', () => this.#forget(client));
    client.on('connect', () => progress.connected());
    this.#current = client;
    const connectingAt = this.#clock.monotonic();
    try {
      await this.#inTime(client, client.connect(), () => progress.step);
    } catch (error) {
      this.#giveUp(client);
      throw redisError(error, this.where);
    }
    const connectedAt = this.#clock.monotonic();
    this.#roundTripMs = connectedAt - connectingAt;
    this.#connectedInMs = connectedAt - startedAt;
    return client;
  }

  async #findPrimary(): Promise<Secret> {
    try {
      return await this.#route.findPrimary();
    } catch (error) {
      // The next call asks again.
      this.#client = undefined;
      throw error;
    }
  }

  /** `step` says what is not answered yet. */
  async #inTime<T>(client: Client, answer: Promise<T>, step: () => string): Promise<T> {
    const answered = new AbortController();
    let tooLate: OrgsyncError | undefined;
    const silence = this.#clock.sleep(this.#timeoutMs, answered.signal).then(() => {
      tooLate = redisSilence(this.where, { what: step(), ms: this.#timeoutMs });
      this.#giveUp(client);
      throw tooLate;
    });
    try {
      return await Promise.race([answer, silence]);
    } catch (error) {
      // Giving the client up also rejects the answer.
      throw tooLate ?? error;
    } finally {
      answered.abort();
    }
  }

  #giveUp(client: Client): void {
    client.destroy();
    this.#forget(client);
  }

  #forget(client: Client): void {
    if (this.#current !== client) return;
    this.#current = undefined;
    this.#client = undefined;
  }
}

/** How far connecting has come, for the message when it takes too long. */
class Progress {
  readonly #connecting: string;
  #step: string;

  constructor(url: Secret) {
    const { protocol, hostname } = new URL(url.reveal());
    this.#connecting = protocol === 'rediss:' ? 'the connection or the TLS handshake' : 'the connection';
    this.#step = protocol === 'unix:' || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0 ? this.#connecting : 'the name look-up';
  }

  get step(): string {
    return this.#step;
  }

  /** Looks up a name as Node.js does by itself. */
  readonly lookup: LookupFunction = (name, options, found) => {
    lookup(name, options, (...result) => {
      this.#step = this.#connecting;
      found(...result);
    });
  };

  connected(): void {
    this.#step = 'the login';
  }
}

function clientOptions(url: Secret, { timeoutMs, progress }: { readonly timeoutMs: number; readonly progress: Progress }): RedisClientOptions<RedisModules, RedisFunctions, RedisScripts, 2> {
  // Our own limit comes first, because it knows what was not answered. This one then closes a socket that is still connecting.
  const socket = { connectTimeout: timeoutMs + 100, reconnectStrategy: false, lookup: progress.lookup } as const;
  const { protocol, hostname } = new URL(url.reveal());
  return {
    url: url.reveal(),
    // All servers support RESP2, and then only AUTH and SELECT precede our first command.
    RESP: 2,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    disableOfflineQueue: true,
    // The server chooses its certificate by this name; IP addresses have none.
    socket: protocol === 'rediss:' ? { ...socket, ...verified(hostname) } : socket,
  };
}

/** Set explicitly: otherwise NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would turn the checks off. */
function verified(hostname: string) {
  return { tls: true, rejectUnauthorized: true, minVersion: 'TLSv1.2', ...(isIP(hostname) === 0 ? { servername: hostname } : {}) } as const;
}

function addressOf(url: Secret): string {
  const parsed = URL.canParse(url.reveal()) ? new URL(url.reveal()) : undefined;
  if (parsed === undefined || !REDIS_URL.test(parsed.protocol + parsed.pathname)) throw wrongUrl('it is not the address of a Redis');
  if (decodePercent(parsed.username) === undefined || decodePercent(parsed.password) === undefined) throw wrongUrl('a % in its user or password stands for no character; write it as %25');
  const isDatabase = parsed.protocol === 'unix:' && /^\?db=\d+$/.test(parsed.search);
  if ((parsed.search !== '' && !isDatabase) || parsed.hash !== '') throw wrongUrl('it has something after ? or #, where orgsync knows nothing; TLS is rediss://, and a ? or # in a password is written as %3F or %23');
  if (parsed.protocol === 'unix:') return parsed.pathname;
  return `${parsed.hostname}:${parsed.port === '' ? '6379' : parsed.port}`;
}

function wrongUrl(why: string): OrgsyncError {
  return new OrgsyncError('config', {
    code: 'redis_url',
    message: `redis: cannot be used: ${why}`,
    hint: 'write redis://HOST:PORT/DB, or rediss:// for TLS, with USER:PASSWORD@ before the host where needed',
  });
}
