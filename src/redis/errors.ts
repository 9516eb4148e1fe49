import { SENTINEL_FORM } from '../core/sentinel-url.ts';
import { asOrgsyncError, type ErrorCode, type ErrorKind, OrgsyncError } from '../errors.ts';

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

const BUSY: Omit<Row, 'why'> = { kind: 'temporary', code: 'redis_busy', hint: 'wait until Redis has finished; SCRIPT KILL ends a script that hangs' };

const FAILING_OVER: Omit<Row, 'why'> = { kind: 'temporary', code: 'redis_failing_over', hint: 'the next run will do it; if it stays so, look at the state of the primary and its replicas' };

const COMMANDS: Omit<Row, 'why'> = {
  kind: 'config',
  code: 'redis_commands',
  hint: 'orgsync needs Redis 5 or newer, or Valkey, that allows EVAL, SCAN and PEXPIRE: enable scripts (Lua) at the provider, or use another Redis; without redis: the lock lives in the store',
};

const PERMISSION: Row = {
  kind: 'refused',
  code: 'redis_permission',
  why: 'this user may not run a command, or may not touch a key, that orgsync needs',
  hint: 'allow it: docs/security.md has the ACL SETUSER line; its keys must begin with redis_prefix',
};

const CLIENT_CERTIFICATE: Row = {
  kind: 'refused',
  code: 'redis_certificate',
  why: 'it ended the TLS handshake: it may ask for a certificate of the client, or for another version of TLS',
  hint: 'set tls-auth-clients no in redis.conf (orgsync has no certificate of its own), and allow TLS 1.2 or 1.3',
};

const CLUSTER: Row = {
  kind: 'config',
  code: 'redis_cluster',
  why: 'it is a cluster, which orgsync does not use',
  hint: "give redis: the address of a single Redis (or Valkey) primary, or of Sentinels; before a proxy that hides a cluster, set redis_prefix: '{orgsync}:'",
};

const SENTINEL: Row = {
  kind: 'config',
  code: 'redis_sentinel',
  why: 'it is a Sentinel, which only tells where Redis is',
  hint: `write ${SENTINEL_FORM}, with the name that the Sentinels give to the primary`,
};

/**
 * The meaning of errors of Redis and of the connection: by the first word of an error reply, by an error code of the
 * system or of TLS, or by the class of a client error. The words come from the source of Redis (`src/server.c`,
 * `createSharedObjects`), the TLS codes from Node's documentation ("X509 certificate error codes").
 */
export const REDIS_ERRORS: Readonly<Record<string, Row>> = {
  WRONGPASS: { ...CREDENTIALS, why: 'the user name or the password is wrong' },
  NOAUTH: { ...CREDENTIALS, why: 'it wants a password' },
  NOPERM: PERMISSION,
  DENIED: {
    kind: 'refused',
    code: 'redis_protected',
    why: 'it runs in protected mode and serves its own host only',
    hint: 'give the default user of Redis a password (requirepass) and write it in redis:, or bind Redis to an address; see docs/security.md',
  },
  OOM: { kind: 'unavailable', code: 'redis_full', why: 'its memory is full', hint: 'give it more memory, or another database: orgsync needs a few kilobytes' },
  READONLY: { kind: 'unavailable', code: 'redis_readonly', why: 'it is a replica', hint: 'give redis: the address of the primary; after a failover, wait until it has ended' },
  LOADING: { ...BUSY, why: 'it is still loading its data' },
  BUSY: { ...BUSY, why: 'it is busy running a script' },
  UNKILLABLE: { ...BUSY, why: 'it is busy running a script' },
  TRYAGAIN: { ...BUSY, why: 'it is moving keys' },
  INPROG: { ...BUSY, why: 'it is busy with a failover' },
  MASTERDOWN: { ...FAILING_OVER, why: 'it has lost its primary' },
  NOMASTERLINK: { ...FAILING_OVER, why: 'it has lost its primary' },
  FAILOVER: { ...FAILING_OVER, why: 'it is handing over to a replica' },
  UNBLOCKED: { ...FAILING_OVER, why: 'it has just become a replica' },
  REDIRECT: { ...FAILING_OVER, why: 'another server has become the primary' },
  MISCONF: { kind: 'unavailable', code: 'redis_cannot_save', why: 'it cannot save to its disk and therefore accepts no writes', hint: 'look into the log of Redis; often its disk is full' },
  NOREPLICAS: { kind: 'unavailable', code: 'redis_no_replicas', why: 'it has too few replicas to accept writes', hint: 'bring the replicas back, or lower min-replicas-to-write of Redis' },
  NOTREADY: { ...BUSY, why: 'it is not ready yet' },
  MOVED: CLUSTER,
  ASK: CLUSTER,
  CROSSSLOT: CLUSTER,
  CLUSTERDOWN: { ...FAILING_OVER, why: 'the cluster it belongs to is down' },
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
  SocketTimeoutError: { ...UNREACHABLE, why: 'no answer in time' },
  TimeoutError: { ...UNREACHABLE, why: 'no answer in time' },
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
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: CLIENT_CERTIFICATE,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: CLIENT_CERTIFICATE,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: CLIENT_CERTIFICATE,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: CLIENT_CERTIFICATE,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: CLIENT_CERTIFICATE,
};

/**
 * Replies that begin with the general word ERR, classified by the following text. Also replies of proxies and managed
 * services, which refuse commands with their own words.
 */
const ERR_REPLIES: readonly (readonly [RegExp, Row])[] = [
  [/wrong number of arguments for 'auth'/i, { ...CREDENTIALS, why: 'it knows no user names, as before Redis 6', hint: 'leave the user name out: redis://:PASSWORD@HOST:PORT/DB' }],
  [/same (hash )?slot/i, CLUSTER],
  [/max number of (cluster )?(clients|connections)|max clients/i, { ...UNREACHABLE, why: 'it accepts no more connections', hint: 'raise maxclients of Redis, or close what is open' }],
  [/invalid password|invalid username|AUTH <password> called without|without any password configured|no password is set|operation not permitted/i, { ...CREDENTIALS, why: 'it does not accept this password' }],
  [
    /DB index is out of range|invalid DB index|SELECT is not allowed/i,
    { kind: 'config', code: 'redis_database', why: 'it has no database of this number', hint: 'correct the number at the end of redis://HOST:PORT/DB' },
  ],
  [/unknown command [`'"]?SELECT\b/i, SENTINEL],
  [/ACL failure in script|user executing the script can.t/i, PERMISSION],
  [/(unknown|unsupported|disabled|forbidden|illegal|invalid) (redis )?command|command\b.*\b(disabled|forbidden|unsupported|not (be )?(support|supported|allowed|permitted|enabled)|prohibited)\b/i, { ...COMMANDS, why: 'it lacks or forbids a command that orgsync needs' }],
  [/scripting is not|scripts? (is|are) (not|disabled)|lua .*(disabled|not (supported|allowed|enabled))|bad lua script/i, { ...COMMANDS, why: 'it runs no Lua scripts' }],
  [/failover|failing over/i, { ...FAILING_OVER, why: 'it is handing over to a replica' }],
];

const UNKNOWN: Omit<Row, 'why'> = { kind: 'unavailable', code: 'redis_unexpected', hint: 'see what Redis, or what stands before it (a proxy, a managed service), says of this' };

/** Converts any error of the Redis client to an {@link OrgsyncError}. `where` is host and port, without credentials. */
export function redisError(thrown: unknown, where: string): OrgsyncError {
  if (thrown instanceof OrgsyncError) return thrown;
  if (isOwnFault(thrown)) return asOrgsyncError(thrown);
  const { kind, code, why, hint } = find(thrown) ?? { ...UNKNOWN, why: saidBy(thrown) };
  return new OrgsyncError(kind, { code, message: `Redis at ${where} cannot be used: ${why}`, hint, cause: thrown });
}

/** Whether the same command may succeed when it is sent again. */
export function isPassing(thrown: unknown): boolean {
  return thrown instanceof OrgsyncError && (thrown.kind === 'unavailable' || thrown.kind === 'temporary');
}

/** The error for a call without an answer in time. `what` was not answered: `the name look-up`, `EVAL`. */
export function redisSilence(where: string, { what, ms }: { readonly what: string; readonly ms: number }): OrgsyncError {
  const { kind, code, hint } = UNREACHABLE;
  return new OrgsyncError(kind, { code, message: `Redis at ${where} cannot be used: no answer to ${what} within ${ms} ms`, hint: `${hint}; with rediss://, that it speaks TLS on this port` });
}

/** The error when Redis answers too late to share a pace. */
export function redisTooFar(where: string, roundTripMs: number): OrgsyncError {
  return new OrgsyncError('unavailable', {
    code: 'redis_too_far',
    message: `Redis at ${where} cannot be used: it answers only after ${Math.round(roundTripMs)} ms, and the pace of requests needs less than 2000 ms`,
    hint: 'let redis: name a Redis that is nearer, or see what delays its answers; without redis: the lock and the pace live in the store',
  });
}

/** The error for a command at a Sentinel. */
export function redisIsSentinel(where: string): OrgsyncError {
  const { kind, code, why, hint } = SENTINEL;
  return new OrgsyncError(kind, { code, message: `Redis at ${where} cannot be used: ${why}`, hint });
}

/** The error for a call after `close`. */
export function redisClosed(where: string): OrgsyncError {
  return new OrgsyncError('defect', { code: 'redis_closed', message: `Redis at ${where} was asked after its connection had been closed` });
}

/** Errors that neither a server nor the network can cause. */
function isOwnFault(thrown: unknown): boolean {
  return (thrown instanceof TypeError || thrown instanceof ReferenceError) && !('code' in thrown);
}

/** The error inside a script error: up to Redis 6 the reply is `ERR Error running script (…): @user_script:1: -READONLY …`. */
const IN_SCRIPT = /@user_script: ?\d+: (?:@user_script: ?\d+: )?-?([A-Z]+ .*)/s;

function find(thrown: unknown): Row | undefined {
  if (thrown instanceof AggregateError) return find(thrown.errors[0]);
  if (!(thrown instanceof Error)) return undefined;
  const code = 'code' in thrown ? String(thrown.code) : '';
  const reply = IN_SCRIPT.exec(thrown.message)?.[1] ?? thrown.message;
  const word = /^-?([A-Z]+)\b/.exec(reply)?.[1] ?? '';
  const known = REDIS_ERRORS[code] ?? REDIS_ERRORS[thrown.constructor.name] ?? REDIS_ERRORS[word];
  return known ?? ERR_REPLIES.find(([pattern]) => pattern.test(reply))?.[1];
}

/** Code and text of an unknown error, in one line. */
function saidBy(thrown: unknown): string {
  if (thrown instanceof AggregateError) return saidBy(thrown.errors[0]);
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const text = (thrown instanceof Error ? thrown.message : String(thrown)).replace(/\s+/g, ' ').slice(0, 300);
  return `it says “${code === '' || text.includes(code) ? text : `${code}: ${text}`}”`;
}
