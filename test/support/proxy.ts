import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** One direction through a {@link Proxy}. Assign to it at any time; what is already on its way keeps its delay. */
interface Path {
  /** One way, in milliseconds; beside it a random extra of up to `jitterMs`. Bytes never overtake each other. */
  latencyMs: number;
  jitterMs: number;
  /** `hold` keeps bytes until it is set to `pass` again; `drop` swallows them for ever, as a dead network does. */
  mode: 'pass' | 'hold' | 'drop';
  /** Lets this many further bytes through over all connections; then the connection in which the next one comes is reset, or stays silent. */
  bytesLeft: number;
  whenSpent: 'reset' | 'silence';
  /** Bytes that came in so far, whatever became of them. */
  readonly bytes: number;
}

/** A TCP proxy on loopback that spoils a connection on purpose. */
export interface Proxy {
  readonly port: number;
  /** From the client to the server. */
  readonly up: Path;
  /** From the server to the client. */
  readonly down: Path;
  /** New connections are reset at once while this is true. */
  refuse: boolean;
  /** Connections accepted so far, and those open now. */
  readonly accepted: number;
  readonly open: number;
  /** Resolves with the next bytes in `direction` that hold `text`, as they come in and before they go on. */
  next(direction: 'up' | 'down', text?: string): Promise<Buffer>;
  /**
   * Lets the next request that holds `text` through to the server and loses the answer: the client's connection is
   * reset, or just stays silent. Resolves when the answer was lost: the server has done what it was asked.
   */
  loseReply(text: string, then?: 'reset' | 'silence'): Promise<void>;
  /** Resets every open connection. */
  reset(): void;
  close(): Promise<void>;
}

/** Opens a {@link Proxy} before a server on loopback. `random` gives the jitter: 0 … 1. */
export async function openProxy(target: number, random: () => number = Math.random): Promise<Proxy> {
  const proxy = new SpoilingProxy(target, random);
  await proxy.listen();
  return proxy;
}

type Direction = 'up' | 'down';

class Way implements Path {
  latencyMs = 0;
  jitterMs = 0;
  bytesLeft = Infinity;
  whenSpent: Path['whenSpent'] = 'reset';
  bytes = 0;
  #mode: Path['mode'] = 'pass';
  #released: (() => void)[] = [];

  get mode(): Path['mode'] {
    return this.#mode;
  }

  set mode(mode: Path['mode']) {
    this.#mode = mode;
    if (mode === 'hold') return;
    for (const release of this.#released.splice(0)) release();
  }

  async passable(): Promise<boolean> {
    while (this.#mode === 'hold') await new Promise<void>((resolve) => this.#released.push(resolve));
    return this.#mode === 'pass';
  }
}

interface Expectation {
  readonly direction: Direction;
  readonly text: string;
  readonly seen: (bytes: Buffer, pair: Pair) => void;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** What becomes of the next answer. */
  lose?: (() => void) | undefined;
}

class SpoilingProxy implements Proxy {
  readonly up = new Way();
  readonly down = new Way();
  refuse = false;
  accepted = 0;
  readonly #target: number;
  readonly #random: () => number;
  readonly #server = createServer((socket) => this.#accept(socket));
  readonly #pairs = new Set<Pair>();
  #expected: Expectation[] = [];

  constructor(target: number, random: () => number) {
    this.#target = target;
    this.#random = random;
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed');
    return address.port;
  }

  get open(): number {
    return this.#pairs.size;
  }

  async next(direction: Direction, text = ''): Promise<Buffer> {
    return await new Promise((resolve) => this.#expected.push({ direction, text, seen: resolve }));
  }

  async loseReply(text: string, then: 'reset' | 'silence' = 'reset'): Promise<void> {
    await new Promise<void>((resolve) => {
      const seen = (_: Buffer, pair: Pair): void => {
        pair.lose = () => {
          if (then === 'reset') pair.client.resetAndDestroy();
          resolve();
        };
      };
      this.#expected.push({ direction: 'up', text, seen });
    });
  }

  reset(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
  }

  async close(): Promise<void> {
    this.up.mode = 'drop';
    this.down.mode = 'drop';
    this.reset();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    this.accepted += 1;
    if (this.refuse) {
      client.resetAndDestroy();
      return;
    }
    const pair: Pair = { client, server: createConnection({ port: this.#target, host: '127.0.0.1', noDelay: true }) };
    client.setNoDelay(true);
    this.#pairs.add(pair);
    for (const socket of [pair.client, pair.server]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#pairs.delete(pair);
        pair.client.destroy();
        pair.server.destroy();
      });
    }
    this.#carry('up', pair);
    this.#carry('down', pair);
  }

  #carry(direction: Direction, pair: Pair): void {
    const way = this[direction];
    const [from, to] = direction === 'up' ? [pair.client, pair.server] : [pair.server, pair.client];
    let before = Promise.resolve();
    from.on('data', (bytes: Buffer) => {
      way.bytes += bytes.length;
      this.#announce(direction, bytes, pair);
      if (direction === 'down' && pair.lose !== undefined) {
        pair.lose();
        pair.lose = () => undefined;
        return;
      }
      const delay = way.latencyMs + this.#random() * way.jitterMs;
      const due = delay === 0 ? undefined : sleep(delay);
      before = before.then(async () => {
        await due;
        if (!(await way.passable()) || to.destroyed) return;
        const allowed = Math.min(bytes.length, way.bytesLeft);
        way.bytesLeft -= allowed;
        if (allowed > 0) to.write(bytes.subarray(0, allowed));
        if (allowed < bytes.length && way.whenSpent === 'reset') pair.client.resetAndDestroy();
      });
    });
  }

  #announce(direction: Direction, bytes: Buffer, pair: Pair): void {
    const met = this.#expected.filter((one) => one.direction === direction && bytes.includes(one.text));
    this.#expected = this.#expected.filter((one) => !met.includes(one));
    for (const one of met) one.seen(bytes, pair);
  }
}
