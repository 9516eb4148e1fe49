import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { listenForTest } from './listener.ts';

/** An HTTP proxy that makes tunnels. */
export interface HttpProxy {
  readonly port: number;
  readonly url: string;
  /** Where tunnels were wanted to, `host:port`, refused ones included. */
  readonly tunnels: readonly string[];
}

/** Opens a proxy for the running test. `refusal` gives the status line for a tunnel that is not made: `407 Proxy Authentication Required`. */
export async function openHttpProxy(refusal: (request: IncomingMessage) => string | undefined = () => undefined): Promise<HttpProxy> {
  const tunnels: string[] = [];
  const server = createServer((_request, response) => response.writeHead(400).end());
  server.on('connect', (request, socket) => {
    const { url = '' } = request;
    tunnels.push(url);
    const refused = refusal(request);
    if (refused !== undefined) {
      socket.end(`HTTP/1.1 ${refused}\r\n\r\n`);
      return;
    }
    const [host = '', port = ''] = url.split(':');
    const target = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      target.pipe(socket).pipe(target);
    });
    target.on('error', () => socket.destroy());
    socket.on('error', () => target.destroy());
  });
  const port = await listenForTest(server);
  return { port, url: `http://127.0.0.1:${port}`, tunnels };
}
