import { decodePercent } from './percent.ts';

/** User and password at one kind of server; undefined where it wants none. */
interface Account {
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** The parts of `redis+sentinel://USER:PASSWORD@HOST:26379,HOST2:26379/NAME/DB?sentinel_password=…`, without percent encoding. */
export interface SentinelUrl {
  /** `rediss+sentinel:`: TLS to the Sentinels and to Redis. */
  readonly tls: boolean;
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** What the Sentinels call the primary. */
  readonly name: string;
  readonly database: number;
  /** At Redis. */
  readonly redis: Account;
  /** At the Sentinels. */
  readonly sentinel: Account;
}

/** The form of such an address, for messages. */
export const SENTINEL_FORM = 'redis+sentinel://USER:PASSWORD@HOST:26379,HOST2:26379/NAME/DB';

const SCHEME = /^rediss?\+sentinel:/i;
const PARTS = /^(?<scheme>rediss?)\+sentinel:\/\/(?:(?<user>[^:@/?#]*)(?::(?<password>[^@/?#]*))?@)?(?<hosts>[^@/?#]*)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?$/i;
const PATH = /^\/(?<name>[\w.-]+)(?:\/(?<database>\d{1,5}))?\/?$/;
const HOST = /^(?<host>\[[\da-f:.]+\]|[^:[\]\s]+)(?::(?<port>\d{1,5}))?$/i;
const PORT = 26_379;
const PARAMETERS = ['sentinel_user', 'sentinel_password'];

/** Whether an address names Sentinels. */
export function isSentinelUrl(url: string): boolean {
  return SCHEME.test(url.trim());
}

/** Parses an address that names Sentinels. The problem never repeats a part that may be secret. */
export function parseSentinelUrl(url: string): SentinelUrl | { readonly problem: string } {
  const { scheme = '', user, password, hosts, path = '', query = '' } = PARTS.exec(url.trim())?.groups ?? {};
  if (hosts === undefined) return { problem: `is not of the form ${SENTINEL_FORM}` };
  const sentinels = hosts.split(',').flatMap(sentinelOf);
  if (sentinels.length < hosts.split(',').length) return { problem: `names a Sentinel that is not HOST or HOST:PORT; write ${SENTINEL_FORM}` };
  const { name, database = '0' } = PATH.exec(path)?.groups ?? {};
  if (name === undefined) return { problem: `does not say what the Sentinels call the primary; write ${SENTINEL_FORM}` };
  const parameters = parametersOf(query);
  if ([...parameters.keys()].some((parameter) => !PARAMETERS.includes(parameter))) return { problem: `has a parameter that is not ${PARAMETERS.join(' or ')}` };
  const redis = accountOf(user, password);
  const sentinel = accountOf(parameters.get('sentinel_user'), parameters.get('sentinel_password'));
  if (redis === undefined || sentinel === undefined) return { problem: 'has a % in a user or password that stands for no character; write a % itself as %25' };
  return { tls: scheme.toLowerCase() === 'rediss', sentinels, name, database: Number(database), redis, sentinel };
}

function sentinelOf(text: string): SentinelUrl['sentinels'] {
  const { host, port = PORT } = HOST.exec(text)?.groups ?? {};
  return host === undefined || Number(port) > 65_535 ? [] : [{ host, port: Number(port) }];
}

/** URLSearchParams is not used: it reads a + of a password as a blank. */
function parametersOf(query: string): ReadonlyMap<string, string> {
  const parts = query.split('&').filter((part) => part !== '');
  return new Map(parts.map((part) => [part.replace(/=.*$/s, ''), part.replace(/^[^=]*=?/, '')]));
}

function accountOf(user = '', password = ''): Account | undefined {
  const [name, secret] = [decodePercent(user), decodePercent(password)];
  if (name === undefined || secret === undefined) return undefined;
  return { user: name === '' ? undefined : name, password: secret === '' ? undefined : secret };
}

/** Such an address with `***` in place of its passwords. */
export function maskSentinelUrl(url: string): string {
  return url.replace(/^([^@/?#]*:\/\/[^:@/?#]*:)[^@/?#]*@/, '$1***@').replace(/([?&]sentinel_password=)[^&#]+/, '$1***');
}
