import { once } from 'node:events';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { openProxy, type Proxy } from './proxy.ts';
import type { ServerProcess } from './server-process.ts';

/** A TCP proxy that leads each new connection to the next of several servers, as HAProxy does, and passes over a dead one. */
export interface Balancer {
  readonly port: number;
  /** Leads the next connection to the first of these, the one after it to the second, and so on, in turns. */
  lead(...servers: readonly [ServerProcess, ...ServerProcess[]]): void;
  /** Resets every open connection. */
  cut(): void;
  /** How many connections led to this server. */
  ledTo(server: ServerProcess): number;
  /** The way to one server, where bytes can be watched and held. */
  wayTo(server: ServerProcess): Proxy;
  /** The url of a database behind it. */
  url(database: string): string;
}

/** Opens a balancer for the running test. */
export async function openBalancer(servers: readonly [ServerProcess, ...ServerProcess[]]): Promise<Balancer> {
  const ways = new Map<ServerProcess, Proxy>();
  for (const server of servers) ways.set(server, await openProxy(server.port));
  const open = new Set<Socket>();
  let turn = 0;
  const wayTo = (server: ServerProcess): Proxy => {
    const way = ways.get(server);
    if (way === undefined) throw new Error('no such server');
    return way;
  };
  let order: readonly ServerProcess[] = servers;
  const listener = createServer((client) => {
    void lead(client, async () => {
      for (const _ of order) {
        const server = order[turn++ % order.length];
        if (server !== undefined && (await answers(server.port))) return wayTo(server).port;
      }
      return undefined;
    });
  }).listen(0, '127.0.0.1');
  async function lead(client: Socket, choose: () => Promise<number | undefined>): Promise<void> {
    client.on('error', () => undefined);
    const chosen = await choose();
    if (chosen === undefined || client.destroyed) {
      client.resetAndDestroy();
      return;
    }
    const way = connectSocket({ port: chosen, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    for (const [one, other] of [[client, way], [way, client]] as const) {
      open.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
  await once(listener, 'listening');
  onTestFinished(async () => {
    for (const socket of open) socket.destroy();
    listener.close();
    for (const way of ways.values()) await way.close();
  });
  const address = listener.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return {
    port,
    lead(...next) {
      order = next;
      turn = 0;
    },
    cut() {
      for (const way of ways.values()) way.reset();
    },
    ledTo: (server: ServerProcess) => wayTo(server).accepted,
    wayTo,
    url(database: string) {
      const url = new URL(servers[0].url);
      url.port = String(port);
      url.pathname = `/${database}`;
      return url.href;
    },
  };
}

/** Whether a server accepts connections now. */
async function answers(port: number): Promise<boolean> {
  const socket = connectSocket({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(1_000) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
