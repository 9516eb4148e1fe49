import { isIP } from 'node:net';
import { Secret } from '../core/secret.ts';
import { parseSentinelUrl, SENTINEL_FORM, type SentinelUrl } from '../core/sentinel-url.ts';
import { asOrgsyncError, type ErrorCode, OrgsyncError } from '../errors.ts';

/** A connection to one Sentinel. */
interface SentinelLink {
  call(...command: readonly [string, ...string[]]): Promise<unknown>;
  close(): void;
}

/** Opens a connection to one Sentinel; `sentinels` is how many share the time for connecting. */
export type OpenSentinel = (url: Secret, sentinels: number) => SentinelLink;

/**
 * Finds the primary by asking the Sentinels, one after the other, beginning with the one that answered last. Redis's own
 * client for Sentinel is not used: it sends commands a second time, and waits for a failover longer than a lease lives.
 */
export class Sentinels {
  readonly #url: SentinelUrl;
  readonly #open: OpenSentinel;
  #order: SentinelUrl['sentinels'];
  #found: string | undefined;

  /** Throws `config` / `redis_url`. */
  constructor(url: Secret, open: OpenSentinel) {
    const parsed = parseSentinelUrl(url.reveal());
    if ('problem' in parsed) throw new OrgsyncError('config', { code: 'redis_url', message: `redis: cannot be used: it ${parsed.problem}`, hint: `write ${SENTINEL_FORM}` });
    this.#url = parsed;
    this.#open = open;
    this.#order = parsed.sentinels;
  }

  /** The primary, once it is known, and the Sentinels, for people. */
  get where(): string {
    const { name, sentinels } = this.#url;
    const asked = `${name} of the Sentinels ${sentinels.map(({ host, port }) => `${host}:${port}`).join(', ')}`;
    return this.#found === undefined ? asked : `${this.#found} (${asked})`;
  }

  /** Returns the primary's address as `redis://…`. Throws the gravest of what the Sentinels said. */
  async findPrimary(): Promise<Secret> {
    const errors: OrgsyncError[] = [];
    for (const sentinel of this.#order) {
      try {
        const [host, port] = await this.#ask(sentinel);
        this.#order = [sentinel, ...this.#order.filter((one) => one !== sentinel)];
        this.#found = `${host}:${port}`;
        return addressOf(this.#url, { host, port, account: this.#url.redis, database: this.#url.database });
      } catch (thrown) {
        const error = asOrgsyncError(thrown);
        if (error.kind === 'defect') throw error;
        errors.push(error);
      }
    }
    throw notFound(this.#url.name, errors);
  }

  async #ask({ host, port }: SentinelUrl['sentinels'][number]): Promise<readonly [host: string, port: number]> {
    const { sentinel: account, sentinels, name } = this.#url;
    const link = this.#open(addressOf(this.#url, { host, port, account, database: 0 }), sentinels.length);
    try {
      const reply = await link.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name);
      const [primary, at] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
      if (typeof primary !== 'string' || !(Number(at) > 0)) throw unknownName(`${host}:${port}`, name);
      return [primary, Number(at)];
    } finally {
      link.close();
    }
  }
}

interface Server {
  readonly host: string;
  readonly port: number;
  readonly account: SentinelUrl['redis'];
  readonly database: number;
}

function addressOf({ tls }: SentinelUrl, { host, port, account: { user, password }, database }: Server): Secret {
  const account = user === undefined && password === undefined ? '' : `${encodeURIComponent(user ?? '')}:${encodeURIComponent(password ?? '')}@`;
  return new Secret(`${tls ? 'rediss' : 'redis'}://${account}${isIP(host) === 6 ? `[${host}]` : host}:${port}/${database}`);
}

function unknownName(where: string, name: string): OrgsyncError {
  return new OrgsyncError('config', {
    code: 'redis_sentinel',
    message: `Redis at ${where} cannot be used: this Sentinel knows no primary called ${name}`,
    hint: `correct the name in redis: (${SENTINEL_FORM}); redis-cli -h HOST -p 26379 SENTINEL MASTERS lists those it knows`,
  });
}

/** The error when no Sentinel gave an address: that of one which answered, if any did. */
function notFound(name: string, errors: readonly OrgsyncError[]): OrgsyncError {
  const said = errors.map(({ message }) => message.replace(/^Redis at (\S+) cannot be used: /, '$1: ')).join('; ');
  const cause = errors.find(({ kind }) => kind !== 'unavailable') ?? errors[0];
  const { kind = 'unavailable', code = 'redis_unreachable', hint = '' } = cause ?? {};
  const message = `no Sentinel told where the primary ${name} is: ${said}`;
  if (code === 'redis_commands') return new OrgsyncError('config', { code: 'redis_sentinel', message, hint: 'for a Redis that is no Sentinel, write redis://HOST:PORT/DB; a Sentinel usually listens on port 26379', cause });
  const hints: Partial<Record<ErrorCode, string>> = {
    redis_credentials: `correct the account at the Sentinels in redis: ${SENTINEL_FORM}?sentinel_user=…&sentinel_password=…`,
    redis_unreachable: 'check that the Sentinels run, that this host reaches them (addresses, port 26379, firewall), and whether they speak TLS (rediss+sentinel://) or not',
  };
  return new OrgsyncError(kind, { code, message, hint: hints[code] ?? hint, cause });
}
