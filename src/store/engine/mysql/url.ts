import { readFileSync } from 'node:fs';
import { OrgsyncError } from '../../../errors.ts';

/** The parts of `mysql://user:password@host:port/database?…`. */
export interface MysqlAddress {
  readonly host: string;
  readonly port: number;
  /** A unix socket, used instead of host and port. */
  readonly socket: string | undefined;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** The settings of TLS, when it is used. Certificate and host name are verified, unless the url says otherwise. */
  readonly ssl: { readonly ca?: string; readonly verifyIdentity: boolean; readonly rejectUnauthorized: boolean; readonly minVersion: 'TLSv1.2' } | undefined;
}

const PARAMETERS = ['ssl', 'ssl_ca', 'socket'];

/**
 * Parses a store's address. `?ssl=true` means TLS with verification, `?ssl_ca=FILE` the same with another CA,
 * `?ssl=unverified` TLS without verification, and `?socket=PATH` a unix socket.
 * Throws `config` / `store_url`; the message never contains the password.
 */
export function parseMysqlUrl(url: string): MysqlAddress {
  const parsed = parse(url);
  const unknown = [...parsed.searchParams.keys()].find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined) throw wrong(`unknown parameter ${unknown}`);
  const database = decode(parsed.pathname.slice(1));
  if (database === '') throw wrong('it names no database');
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: parsed.port === '' ? 3306 : Number(parsed.port),
    socket: parsed.searchParams.get('socket') ?? undefined,
    user: decode(parsed.username),
    password: decode(parsed.password),
    database,
    ssl: sslOf(parsed.searchParams),
  };
}

function sslOf(parameters: URLSearchParams): MysqlAddress['ssl'] {
  const caFile = parameters.get('ssl_ca');
  const mode = parameters.get('ssl') ?? (caFile === null ? 'false' : 'true');
  if (!['true', 'false', 'unverified'].includes(mode)) throw wrong(`ssl=${mode}`);
  if (mode === 'false') return undefined;
  const verify = mode === 'true';
  return { ...(caFile === null ? {} : { ca: readCa(caFile) }), verifyIdentity: verify, rejectUnauthorized: verify, minVersion: 'TLSv1.2' };
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw wrong(`ssl_ca ${file} cannot be read`, error);
  }
}

function parse(url: string): URL {
  try {
    const parsed = new URL(url);
    if (parsed.protocol === 'mysql:' || parsed.protocol === 'mariadb:') return parsed;
  } catch {
    // Same error as for a wrong protocol. It does not repeat the URL, which may contain a password.
  }
  throw wrong('it is not an address that begins with mysql://');
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw wrong('a % in it stands for no character: write it as %25');
  }
}

function wrong(why: string, cause?: unknown): OrgsyncError {
  return new OrgsyncError('config', {
    code: 'store_url',
    message: `The address of the store cannot be used: ${why}.`,
    hint: 'write store: mysql://user:password@host:3306/database, with ?ssl=true, ?ssl=unverified, &ssl_ca=FILE or &socket=PATH where needed',
    cause,
  });
}
