import { isIP } from 'node:net';
import type { RedisClientOptions, RedisClientType, RedisFunctions, RedisModules, RedisScripts } from 'redis';
import type { Clock } from '../core/ports/system.ts';
import type { Secret } from '../core/secret.ts';
import { OrgsyncError } from '../errors.ts';
import { redisClosed, redisError, redisSilence } from './errors.ts';

/** What our scripts and commands answer: integers and texts, in lists. */
export type Reply = null | string | number | readonly Reply[];

/** A way to one Redis. */
export interface RedisLink {
  /** Host and port, for people. */
  readonly where: string;
  /** How long an answer takes, as of the last one (or of connecting): the way there and back, in milliseconds. */
  readonly roundTripMs: number;
  /** Connects now, which every call does by itself otherwise. Resolves with the milliseconds it took, 0 where a connection was there. */
  connect(): Promise<number>;
  /**
   * Sends one command, once: what was sent and not answered is never sent again, for only the caller knows whether that
   * is safe. Connects first where there is no connection. Takes `timeoutMs` at most, and then the connection is given up,
   * as what comes out of it cannot be told any more. Throws OrgsyncError.
   */
  call(...command: readonly [string, ...string[]]): Promise<Reply>;
  /** Runs a Lua script, as {@link RedisLink.call} does a command. The whole text is sent: one round trip also the first time. */
  run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<Reply>;
  /** Ends the connection. Calls after that reject. Idempotent. */
  close(): void;
}

/** How to reach Redis. */
export interface LinkOptions {
  /** `redis://`, `rediss://` (TLS; the certificate must be valid and for this host name) or `unix://`. */
  readonly url: Secret;
  readonly clock: Clock;
  /** The longest that connecting, and that any command, may take. */
  readonly timeoutMs?: number;
}

/** Scheme and path of a URL. */
const REDIS_URL = /^(rediss?:(\/\d*)?|unix:\/.+)$/;

type Client = RedisClientType<RedisModules, RedisFunctions, RedisScripts, 2>;

const TIMEOUT_MS = 3_000;

/** Opens a {@link RedisLink}. Connects to nothing yet; throws `config` for a URL that cannot be read. */
export function openLink({ url, clock, timeoutMs = TIMEOUT_MS }: LinkOptions): RedisLink {
  return new Link(url, clock, timeoutMs);
}

class Link implements RedisLink {
  readonly where: string;
  readonly #url: Secret;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** The connection, being made or made; and its client, to tell a late error of an old one. */
  #client: Promise<Client> | undefined;
  #current: Client | undefined;
  #roundTripMs = 0;
  #closed = false;

  constructor(url: Secret, clock: Clock, timeoutMs: number) {
    this.where = addressOf(url);
    this.#url = url;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  async connect(): Promise<number> {
    const wasThere = this.#client !== undefined;
    await this.#connected();
    return wasThere ? 0 : this.#roundTripMs;
  }

  async call(...command: readonly [string, ...string[]]): Promise<Reply> {
    const client = await this.#connected();
    const sentAt = this.#clock.monotonic();
    try {
      const reply = await this.#inTime(client, client.sendCommand<Reply>([...command]));
      this.#roundTripMs = this.#clock.monotonic() - sentAt;
      return reply;
    } catch (error) {
      throw redisError(error, this.where);
    }
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
    // Loaded when it is needed: it takes longer than everything else together.
    const { createClient } = await import('redis');
    const client: Client = createClient(clientOptions(this.#url, this.#timeoutMs));
    // Whoever waits for an answer is told as well; here it is only that the next call connects again.
    client.on('error', () => this.#forget(client));
    this.#current = client;
    const startedAt = this.#clock.monotonic();
    try {
      await this.#inTime(client, client.connect());
    } catch (error) {
      this.#giveUp(client);
      throw redisError(error, this.where);
    }
    this.#roundTripMs = this.#clock.monotonic() - startedAt;
    return client;
  }

  async #inTime<T>(client: Client, answer: Promise<T>): Promise<T> {
    const answered = new AbortController();
    const silence = this.#clock.sleep(this.#timeoutMs, answered.signal).then(() => {
      this.#giveUp(client);
      throw redisSilence(this.where, this.#timeoutMs);
    });
    try {
      return await Promise.race([answer, silence]);
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

function clientOptions(url: Secret, timeoutMs: number): RedisClientOptions<RedisModules, RedisFunctions, RedisScripts, 2> {
  const socket = { connectTimeout: timeoutMs, reconnectStrategy: false } as const;
  const { protocol, hostname } = new URL(url.reveal());
  return {
    url: url.reveal(),
    // Every server speaks it, and nothing is asked before our first command but AUTH and SELECT.
    RESP: 2,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    disableOfflineQueue: true,
    // The name is what makes the server choose its certificate; addresses have none.
    socket: protocol === 'rediss:' ? { ...socket, ...verified(hostname) } : socket,
  };
}

/** Said outright: without it NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment would switch the checks off. */
function verified(hostname: string) {
  return { tls: true, rejectUnauthorized: true, minVersion: 'TLSv1.2', ...(isIP(hostname) === 0 ? { servername: hostname } : {}) } as const;
}

function addressOf(url: Secret): string {
  const parsed = URL.canParse(url.reveal()) ? new URL(url.reveal()) : undefined;
  if (parsed === undefined || !REDIS_URL.test(parsed.protocol + parsed.pathname)) throw wrongUrl('it is not the address of a Redis');
  if (!isDecodable(parsed.username) || !isDecodable(parsed.password)) throw wrongUrl('a % in its user or password stands for no character; write it as %25');
  if (parsed.protocol === 'unix:') return parsed.pathname;
  return `${parsed.hostname}:${parsed.port === '' ? '6379' : parsed.port}`;
}

function isDecodable(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

function wrongUrl(why: string): OrgsyncError {
  return new OrgsyncError('config', {
    code: 'redis_url',
    message: `redis: cannot be used: ${why}`,
    hint: 'write redis://HOST:PORT/DB, or rediss:// for TLS, with USER:PASSWORD@ before the host where needed',
  });
}
