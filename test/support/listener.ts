import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** A request that a {@link Listener} got. */
export interface Heard {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An HTTP server that remembers what it is told. */
export interface Listener {
  readonly url: string;
  readonly heard: readonly Heard[];
  /** The `n`-th request from now on, counted from 1. */
  next(n?: number): Promise<Heard>;
}

/** Answers a request; what it does not end stays without an answer. */
export type Answer = (request: Heard, response: ServerResponse) => void;

/** Starts a listener for the running test. */
export async function listen(answer: Answer = (_request, response) => response.end('OK')): Promise<Listener> {
  const heard: Heard[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const one = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
      heard.push(one);
      answer(one, response);
      waiting.splice(0).forEach((wake) => wake());
    });
  });
  const port = await listenForTest(server);
  const next = async (n = 1): Promise<Heard> => {
    const wanted = heard.length + n;
    while (heard.length < wanted) await new Promise<void>((resolve) => waiting.push(resolve));
    return heard[wanted - 1] as Heard;
  };
  return { url: `http://127.0.0.1:${port}`, heard, next };
}

/** Lets a server listen on a free port, which is returned, until the running test has ended. */
export async function listenForTest(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
