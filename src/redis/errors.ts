import { type ErrorCode, type ErrorKind, OrgsyncError } from '../errors.ts';

interface Row {
  readonly kind: Exclude<ErrorKind, 'defect'>;
  readonly code: ErrorCode;
  readonly why: string;
  readonly hint: string;
}

const UNREACHABLE: Omit<Row, 'why'> = {
  kind: 'unavailable',
  code: 'redis_unreachable',
  hint: 'check that Redis runs, that this host reaches it (address, port, firewall), and whether the port speaks TLS (rediss://) or not (redis://)',
};

const CREDENTIALS: Omit<Row, 'why'> = {
  kind: 'refused',
  code: 'redis_credentials',
  hint: 'correct the user name and the password in redis: redis://USER:PASSWORD@HOST:PORT/DB (special characters percent-encoded)',
};

const CERTIFICATE: Row = {
  kind: 'refused',
  code: 'redis_certificate',
  why: "its TLS certificate is not to be trusted, or is another host's; nothing was sent",
  hint: 'use the host name that the certificate is for; give Node.js a private authority by NODE_EXTRA_CA_CERTS=FILE',
};

const NOT_TLS: Row = {
  kind: 'config',
  code: 'redis_no_tls',
  why: 'it does not speak TLS on this port',
  hint: 'write redis:// instead of rediss://, or use the TLS port',
};

const BUSY: Omit<Row, 'why'> = { kind: 'unavailable', code: 'redis_busy', hint: 'wait until Redis has finished; SCRIPT KILL ends a script that hangs' };

const CLUSTER: Row = {
  kind: 'config',
  code: 'redis_cluster',
  why: 'it is a cluster, which orgsync does not use',
  hint: 'give redis: the address of a single Redis (or Valkey) primary',
};

/**
 * What Redis and the way to it say, and what it means for us: by the first word of an error reply, by a system's or
 * TLS error code, or by the class of a client error. The words of Redis are those of its source (`src/server.c`,
 * `createSharedObjects`), the TLS codes those of Node's documentation ("X509 certificate error codes").
 */
export const REDIS_ERRORS: Readonly<Record<string, Row>> = {
  WRONGPASS: { ...CREDENTIALS, why: 'the user name or the password is wrong' },
  NOAUTH: { ...CREDENTIALS, why: 'it wants a password' },
  NOPERM: {
    kind: 'refused',
    code: 'redis_permission',
    why: 'this user may not run a command, or may not touch a key, that orgsync needs',
    hint: 'allow it: docs/security.md has the ACL SETUSER line; its keys must begin with redis_prefix',
  },
  OOM: { kind: 'unavailable', code: 'redis_full', why: 'its memory is full', hint: 'give it more memory, or another database: orgsync needs a few kilobytes' },
  READONLY: { kind: 'unavailable', code: 'redis_readonly', why: 'it is a replica', hint: 'give redis: the address of the primary; after a failover, wait until it has ended' },
  LOADING: { ...BUSY, why: 'it is still loading its data' },
  BUSY: { ...BUSY, why: 'it is busy running a script' },
  MASTERDOWN: { ...BUSY, why: 'it has lost its primary' },
  MISCONF: { kind: 'unavailable', code: 'redis_cannot_save', why: 'it cannot save to its disk and therefore accepts no writes', hint: 'look into the log of Redis; often its disk is full' },
  NOREPLICAS: { ...BUSY, why: 'it has too few replicas to accept writes' },
  MOVED: CLUSTER,
  ASK: CLUSTER,
  CROSSSLOT: CLUSTER,
  CLUSTERDOWN: CLUSTER,
  WRONGTYPE: {
    kind: 'config',
    code: 'redis_foreign_keys',
    why: 'another program keeps something else under our keys',
    hint: 'use another database number for orgsync, as in redis://HOST:PORT/3',
  },
  ECONNREFUSED: { ...UNREACHABLE, why: 'connection refused' },
  ECONNRESET: { ...UNREACHABLE, why: 'the connection was reset' },
  EPIPE: { ...UNREACHABLE, why: 'the connection was closed' },
  ETIMEDOUT: { ...UNREACHABLE, why: 'no answer in time' },
  EHOSTUNREACH: { ...UNREACHABLE, why: 'there is no way to this host' },
  ENETUNREACH: { ...UNREACHABLE, why: 'there is no way to this network' },
  ENOTFOUND: { ...UNREACHABLE, why: 'there is no host of this name', hint: 'correct the host name in redis:' },
  EAI_AGAIN: { ...UNREACHABLE, why: 'the name server does not answer' },
  ENOENT: { ...UNREACHABLE, why: 'there is no such socket' },
  EACCES: { ...UNREACHABLE, why: 'this user may not open the socket' },
  SocketClosedUnexpectedlyError: { ...UNREACHABLE, why: 'the connection was closed' },
  DisconnectsClientError: { ...UNREACHABLE, why: 'the connection was given up' },
  ClientClosedError: { ...UNREACHABLE, why: 'the connection is closed' },
  ClientOfflineError: { ...UNREACHABLE, why: 'the connection is lost' },
  ConnectionTimeoutError: { ...UNREACHABLE, why: 'no answer in time' },
  ERR_TLS_CERT_ALTNAME_INVALID: CERTIFICATE,
  CERT_HAS_EXPIRED: CERTIFICATE,
  CERT_NOT_YET_VALID: CERTIFICATE,
  DEPTH_ZERO_SELF_SIGNED_CERT: CERTIFICATE,
  SELF_SIGNED_CERT_IN_CHAIN: CERTIFICATE,
  UNABLE_TO_GET_ISSUER_CERT: CERTIFICATE,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: CERTIFICATE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: CERTIFICATE,
  ERR_SSL_WRONG_VERSION_NUMBER: NOT_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NOT_TLS,
  EPROTO: NOT_TLS,
};

/** Replies that begin with the meaningless word ERR, told apart by what follows. */
const ERR_REPLIES: readonly (readonly [RegExp, Row])[] = [
  [/max number of clients/, { ...UNREACHABLE, why: 'it accepts no more connections', hint: 'raise maxclients of Redis, or close what is open' }],
  [/invalid password|AUTH <password> called without|without any password configured/, { ...CREDENTIALS, why: 'it does not accept this password' }],
  [
    /DB index is out of range|SELECT is not allowed/,
    { kind: 'config', code: 'redis_database', why: 'it has no database of this number', hint: 'correct the number at the end of redis://HOST:PORT/DB' },
  ],
  [
    /unknown command/i,
    { kind: 'config', code: 'redis_commands', why: 'it lacks a command that orgsync needs', hint: 'orgsync needs Redis 5 or newer, or Valkey, with EVAL, SCAN and PEXPIRE allowed' },
  ],
];

/** Turns whatever came from the Redis client into an {@link OrgsyncError}. `where` is host and port, without credentials. */
export function redisError(thrown: unknown, where: string): OrgsyncError {
  if (thrown instanceof OrgsyncError) return thrown;
  const row = find(thrown);
  if (row === undefined) {
    const what = thrown instanceof Error ? thrown.message : String(thrown);
    return new OrgsyncError('defect', { code: 'redis_unexpected', message: `Redis at ${where} answered: ${what}`, cause: thrown });
  }
  const { kind, code, why, hint } = row;
  return new OrgsyncError(kind, { code, message: `Redis at ${where} cannot be used: ${why}`, hint, cause: thrown });
}

/** The error for a call that was not answered in time. */
export function redisSilence(where: string, ms: number): OrgsyncError {
  const { kind, code, hint } = UNREACHABLE;
  return new OrgsyncError(kind, { code, message: `Redis at ${where} cannot be used: no answer within ${ms} ms`, hint: `${hint}; with rediss://, that it speaks TLS on this port` });
}

/** The error for a call after the end. */
export function redisClosed(where: string): OrgsyncError {
  return new OrgsyncError('defect', { code: 'redis_closed', message: `Redis at ${where} was asked after its connection had been closed` });
}

function find(thrown: unknown): Row | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const code = 'code' in thrown ? String(thrown.code) : '';
  const word = /^[A-Z]+/.exec(thrown.message)?.[0] ?? '';
  if (thrown instanceof AggregateError) return find(thrown.errors[0]);
  if (word === 'ERR') return ERR_REPLIES.find(([pattern]) => pattern.test(thrown.message))?.[1];
  return REDIS_ERRORS[code] ?? REDIS_ERRORS[thrown.constructor.name] ?? REDIS_ERRORS[word];
}
