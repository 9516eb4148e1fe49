import { connect as connectSocket, isIP, type Socket } from 'node:net';
import { type Connection as Driver, createConnection } from 'mysql2';
import type { Clock } from '../../../core/ports/system.ts';
import type { MysqlAddress } from './url.ts';

/** How to reach the server, and the time limits. */
export interface ConnectOptions {
  readonly address: MysqlAddress;
  /** How long connecting may take, from looking up the name to the login; and how long a statement may be silent before we look whether the server still works on it. */
  readonly connectMs: number;
  readonly clock: Clock;
}

/** The most prepared statements of a session. Only few are used often, and servers limit the number over all sessions. */
const PREPARED = 8;

/** A connection that is being made. mysql2 sends what it is given when it has logged in. */
export class Connecting {
  readonly driver: Driver;
  readonly socket: Socket;
  readonly #address: MysqlAddress;
  #isNameKnown: boolean;

  constructor({ address, connectMs }: ConnectOptions) {
    const socket = connectTo(address);
    this.#address = address;
    this.#isNameKnown = address.socket !== undefined || isIP(address.host) !== 0;
    socket.once('lookup', () => (this.#isNameKnown = true));
    this.socket = socket;
    this.driver = createConnection({
      stream: () => socket,
      host: address.host,
      port: address.port,
      user: address.user,
      password: address.password,
      database: address.database,
      ...(address.ssl === undefined ? {} : { ssl: address.ssl }),
      charset: 'utf8mb4_unicode_ci',
      dateStrings: true,
      jsonStrings: true,
      // Our own limit comes first, because it knows what was not answered.
      connectTimeout: 2 * connectMs,
      maxPreparedStatements: PREPARED,
      connectAttributes: { program_name: 'orgsync' },
    });
  }

  /** What is not answered yet, for the message when it takes too long. */
  get step(): string {
    if (!this.#isNameKnown) return 'the name look-up';
    if (this.socket.connecting) return 'the connection';
    if (this.socket.bytesRead === 0) return 'the connection: the server sent no greeting';
    return this.#address.ssl === undefined ? 'the login' : 'the TLS handshake or the login';
  }
}

function connectTo({ host, port, socket: path }: MysqlAddress): Socket {
  const socket = path === undefined ? connectSocket({ host, port, noDelay: true, keepAlive: true }) : connectSocket({ path });
  // mysql2 passes only host names to TLS, and no IP addresses. Node.js then checks the certificate against `_host`.
  return isIP(host) === 0 ? socket : Object.assign(socket, { _host: host });
}
