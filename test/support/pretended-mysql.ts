import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { SETTINGS_IN_EFFECT } from '../../src/store/engine/mysql/settings.ts';

/** What a client of a {@link PretendedMysql} does; `sql` is empty where there is none. */
export interface Asked {
  readonly step: 'greeting' | 'login' | 'query' | 'prepare' | 'reset';
  readonly sql: string;
}

/** An error packet, and whether the connection is closed after it. */
export interface Refusal {
  readonly errno: number;
  readonly text: string;
  readonly closes?: boolean;
}

/** A server that speaks MySQL's protocol, keeps no data, and says yes to everything that is not refused. Its settings are those that a session sets. */
export interface PretendedMysql {
  /** With account and database. */
  readonly url: string;
  readonly asked: readonly Asked[];
}

const COMMANDS = { quit: 0x01, query: 0x03, prepare: 0x16, close: 0x19, reset: 0x1f } as const;
const OK = Buffer.from([0, 0, 0, 2, 0, 0, 0]);
const AS_SET = 'utf8mb4 utf8mb4 utf8mb4 1 +00:00 STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION';

/** Starts a pretended MySQL for the running test. `answer` refuses a step; without a refusal the step succeeds. */
export async function pretendMysql(answer: (asked: Asked) => Refusal | undefined): Promise<PretendedMysql> {
  const asked: Asked[] = [];
  const port = await serve((socket) => {
    const reply = (step: Asked['step'], sql: string, sequence: number, yes: Buffer | undefined): void => {
      const question = { step, sql };
      asked.push(question);
      const refusal = answer(question);
      if (refusal !== undefined) socket.write(packet(sequence, errorOf(refusal)));
      else socket.write(yes === undefined ? oneText('settings', AS_SET) : packet(sequence, yes));
      if (refusal !== undefined && (refusal.closes === true || step === 'greeting' || step === 'login')) socket.end();
    };
    reply('greeting', '', 0, greeting());
    let loggedIn = false;
    onPackets(socket, (payload) => {
      if (!loggedIn) {
        loggedIn = true;
        reply('login', '', 2, OK);
        return;
      }
      const sql = payload.subarray(1).toString();
      if (payload[0] === COMMANDS.quit) socket.end();
      else if (payload[0] === COMMANDS.query) reply('query', sql, 1, sql === SETTINGS_IN_EFFECT ? undefined : OK);
      else if (payload[0] === COMMANDS.prepare) reply('prepare', sql, 1, prepared());
      else if (payload[0] === COMMANDS.reset) reply('reset', '', 1, OK);
      else if (payload[0] !== COMMANDS.close) socket.write(packet(1, OK));
    });
  });
  return { url: `mysql://u:p@127.0.0.1:${port}/orgsync`, asked };
}

/** Serves connections on a free port of loopback for the running test, and returns the port. */
export async function serve(talk: (socket: Socket) => void): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).once('close', () => open.delete(socket));
    talk(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function onPackets(socket: Socket, handle: (payload: Buffer) => void): void {
  let received = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    while (received.length >= 4 && received.length >= 4 + received.readUIntLE(0, 3)) {
      const end = 4 + received.readUIntLE(0, 3);
      handle(received.subarray(4, end));
      received = received.subarray(end);
    }
  });
}

/** A packet as MySQL frames it. */
export function packet(sequence: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUIntLE(payload.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, payload]);
}

/** A server's greeting: protocol 10, with the capabilities that clients of today ask for, and no TLS. */
export function greeting(): Buffer {
  const [lower, upper] = [Buffer.from([0x09, 0xa2]), Buffer.from([0x08, 0x00])];
  const scramble = Buffer.alloc(8, 'a');
  return Buffer.concat([
    Buffer.from([10]),
    Buffer.from('8.0.36\0'),
    Buffer.from([1, 0, 0, 0]),
    scramble,
    Buffer.from([0]),
    lower,
    Buffer.from([45, 2, 0]),
    upper,
    Buffer.from([21]),
    Buffer.alloc(10),
    Buffer.alloc(12, 'b'),
    Buffer.from([0]),
    Buffer.from('mysql_native_password\0'),
  ]);
}

/** The packets of a result of one row and one column. */
function oneText(column: string, value: string): Buffer {
  const text = (words: string): Buffer => Buffer.concat([Buffer.from([words.length]), Buffer.from(words)]);
  const definition = Buffer.concat([...['def', '', '', '', column, ''].map(text), Buffer.from([0x0c, 45, 0, 0, 1, 0, 0, 0xfd, 0, 0, 0, 0, 0])]);
  const end = Buffer.from([0xfe, 0, 0, 2, 0]);
  return Buffer.concat([Buffer.from([1]), definition, end, text(value), end].map((payload, index) => packet(index + 1, payload)));
}

/** A statement without parameters and columns. */
function prepared(): Buffer {
  return Buffer.from([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

function errorOf({ errno, text }: Refusal): Buffer {
  return Buffer.concat([Buffer.from([0xff, errno & 0xff, errno >> 8]), Buffer.from('#HY000'), Buffer.from(text)]);
}
