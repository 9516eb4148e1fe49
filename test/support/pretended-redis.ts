import { createConnection, type Socket } from 'node:net';
import { serve } from './pretended-mysql.ts';

/** One command: its name in capitals, and its arguments. */
export interface RedisCommand {
  readonly name: string;
  readonly args: readonly string[];
}

/** What stands before a Redis answers in its place: an error without the leading `-`, or `hangs up`; undefined to hand the command on. */
export type Edition = (command: RedisCommand) => string | undefined;

/** The answer of an {@link Edition} that closes the connection without a word. */
export const HANGS_UP = 'hangs up';

/** Serves a Redis as a managed edition or a proxy would show it, for the running test; `port` is the Redis behind. Returns the port. */
export async function pretendEdition(port: number, edition: Edition): Promise<number> {
  return await serve((client) => {
    const server = createConnection({ port, host: '127.0.0.1' });
    server.on('error', () => client.destroy());
    client.once('close', () => server.destroy());
    const answers = readReplies(server);
    let turn = Promise.resolve();
    onCommands(client, (command, bytes) => {
      turn = turn.then(async () => {
        const refusal = edition(command);
        if (refusal === HANGS_UP) client.end();
        else if (refusal !== undefined) client.write(`-${refusal}\r\n`);
        else {
          server.write(bytes);
          client.write(await answers());
        }
      });
    });
  });
}

function onCommands(socket: Socket, handle: (command: RedisCommand, bytes: Buffer) => void): void {
  let received = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    for (let end = endOf(received, 0); end !== undefined; end = endOf(received, 0)) {
      const whole = received.subarray(0, end);
      received = received.subarray(end);
      const [name = '', ...args] = wordsOf(whole);
      handle({ name: name.toUpperCase(), args }, whole);
    }
  });
}

/** Returns a function that gives the next whole reply. */
function readReplies(socket: Socket): () => Promise<Buffer> {
  let received = Buffer.alloc(0);
  let wake: () => void = () => undefined;
  socket.on('data', (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    wake();
  });
  return async () => {
    for (;;) {
      const end = endOf(received, 0);
      if (end !== undefined) {
        const reply = received.subarray(0, end);
        received = received.subarray(end);
        return reply;
      }
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
}

/** Where the value of RESP2 that begins at `at` ends; undefined while it is not complete. */
function endOf(bytes: Buffer, at: number): number | undefined {
  const line = bytes.indexOf('\r\n', at);
  if (line === -1) return undefined;
  const kind = String.fromCharCode(bytes[at] ?? 0);
  const count = Number(bytes.subarray(at + 1, line));
  let end: number | undefined = line + 2;
  if (kind === '$' && count >= 0) end += count + 2;
  if (kind === '*') for (let item = 0; item < count && end !== undefined; item += 1) end = endOf(bytes, end);
  return end === undefined || end > bytes.length ? undefined : end;
}

/** The texts of a command, which is a list of bulk strings. */
function wordsOf(command: Buffer): readonly string[] {
  const words: string[] = [];
  let at = command.indexOf('\r\n') + 2;
  while (at < command.length) {
    const line = command.indexOf('\r\n', at);
    const length = Number(command.subarray(at + 1, line));
    words.push(command.subarray(line + 2, line + 2 + length).toString());
    at = line + 2 + length + 2;
  }
  return words;
}
