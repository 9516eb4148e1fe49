import http from 'node:http';
import https from 'node:https';
import { isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import type { RequestFunction } from 'got';
import { getProxyForUrl } from 'proxy-from-env';
import { OrgsyncError } from './errors.ts';

/**
 * Makes a request for got. Since Node.js 24 the callback of `end` is also called with an error when a socket closes before
 * it was connected, and got 14 throws that error where nothing can catch it, though it gets the same error as an event.
 * So the callback is called on success only. Certificates are checked whatever NODE_TLS_REJECT_UNAUTHORIZED says. A server
 * that changes to another protocol (HTTP 101) is an error: got would wait for its answer without limit.
 */
export const makeRequest: RequestFunction = (url, options, answered) => {
  const request = (url.protocol === 'https:' ? https : http).request(url, { ...options, rejectUnauthorized: true }, answered);
  request.once('upgrade', (_answer, socket) => {
    socket.destroy();
    request.emit('error', new UpgradeError('the server changed to another protocol'));
  });
  const end = request.end.bind(request);
  const endQuietly = (ended: () => void): unknown =>
    end((error?: Error | null) => {
      if ((error ?? null) === null) ended();
    });
  return Object.assign(request, { end: endQuietly });
};

/** A server answered by changing to another protocol (HTTP 101). */
class UpgradeError extends Error {
  override readonly name = 'UpgradeError';
  readonly code = 'HTTP_101';
}

/** A proxy did not open a tunnel. The message names the proxy's host and port, never its user or password. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError';
  readonly code: 'ETIMEDOUT' | 'ERR_PROXY_REFUSED';

  constructor(code: 'ETIMEDOUT' | 'ERR_PROXY_REFUSED', message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The proxy that leads to `url`: `configured`, or what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say; undefined when
 * none does.
 * @throws OrgsyncError `config` for a proxy that does not speak HTTP, such as `socks5://`
 */
export function proxyFor(url: URL, configured?: string): URL | undefined {
  const address = configured ?? proxyOfEnvironment(url);
  if (address === '') return undefined;
  const proxy = URL.canParse(address) ? new URL(address) : undefined;
  if (proxy !== undefined && accountOf(proxy) === undefined) throw wrongProxy(`the proxy for ${url.host} has a % in its user or password that stands for no character`, 'write it as %25');
  if (proxy?.protocol === 'http:' || proxy?.protocol === 'https:') return proxy;
  throw wrongProxy(`the proxy for ${url.host} is not an HTTP proxy${proxy === undefined ? '' : `: ${proxy.protocol}//`}`, 'name an HTTP proxy by `wecom.proxy` or HTTPS_PROXY (http:// or https://), or list the host in NO_PROXY');
}

/** A proxy that is written without a scheme is an HTTP proxy, as curl takes it; proxy-from-env gives it the scheme of the target. */
function proxyOfEnvironment(url: URL): string {
  const address = getProxyForUrl(url.href);
  const [, bare = ''] = address.split(`${url.protocol}//`);
  const isWrittenBare = bare !== '' && Object.entries(process.env).some(([name, value]) => /proxy$/i.test(name) && value === bare);
  return isWrittenBare ? `http://${bare}` : address;
}

/** `user:password` of a proxy; undefined where a `%` stands for no character. */
function accountOf({ username, password }: URL): string | undefined {
  try {
    return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  } catch {
    return undefined;
  }
}

function wrongProxy(message: string, hint: string): OrgsyncError {
  return new OrgsyncError('config', { code: 'proxy_unsupported', message, hint });
}

interface AgentOptions {
  readonly proxy: URL | undefined;
  /** How long a proxy may take to open a tunnel, from looking up its name to its answer, in milliseconds. */
  readonly tunnelMs: number;
  /** Whether connections are kept for later requests. */
  readonly keepAlive: boolean;
}

/** Where requests get their connections from; got takes it as `agent`. */
export interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
}

/**
 * Opens connections directly, or through a proxy by CONNECT tunnels, so that the proxy sees neither tokens nor people.
 * Until a tunnel is there a request has no socket, and no limit of got's can end it: the tunnel's own limit does.
 */
export function openAgents({ proxy, tunnelMs, keepAlive }: AgentOptions): Agents {
  const options = { keepAlive, keepAliveMsecs: 15_000, scheduling: 'lifo' } as const;
  if (proxy === undefined) return { http: new http.Agent(options), https: new https.Agent(options) };
  const tunnels = new Tunnels(proxy, tunnelMs);
  return { http: new HttpTunnelAgent(options, tunnels), https: new HttpsTunnelAgent(options, tunnels) };
}

/** Connections to any number of servers, kept between requests. */
export class Connections {
  readonly #agents = new Map<string, Agents>();

  /** @throws OrgsyncError `config` as {@link proxyFor} does */
  to(url: URL, { proxy: configured, tunnelMs }: { readonly proxy: string | undefined; readonly tunnelMs: number }): Agents {
    const proxy = proxyFor(url, configured);
    const key = `${proxy?.href ?? ''} ${tunnelMs}`;
    const agents = this.#agents.get(key) ?? openAgents({ proxy, tunnelMs, keepAlive: true });
    this.#agents.set(key, agents);
    return agents;
  }

  close(): void {
    for (const agents of this.#agents.values()) {
      agents.http.destroy();
      agents.https.destroy();
    }
  }
}

type Connected = (error: Error | null, socket?: Duplex) => void;

class HttpTunnelAgent extends http.Agent {
  readonly #tunnels: Tunnels;

  constructor(options: http.AgentOptions, tunnels: Tunnels) {
    super(options);
    this.#tunnels = tunnels;
  }

  override createConnection(target: http.ClientRequestArgs, connected: Connected): undefined {
    this.#tunnels.open(target, connected);
  }

  override destroy(): void {
    this.#tunnels.close();
    super.destroy();
  }
}

class HttpsTunnelAgent extends https.Agent {
  readonly #tunnels: Tunnels;

  constructor(options: https.AgentOptions, tunnels: Tunnels) {
    super(options);
    this.#tunnels = tunnels;
  }

  override createConnection(target: https.RequestOptions, connected: Connected): undefined {
    this.#tunnels.open(target, (error, socket) => {
      const overTunnel = { ...target, socket };
      if (error === null) connected(null, super.createConnection(overTunnel) ?? undefined);
      else connected(error);
    });
  }

  override destroy(): void {
    this.#tunnels.close();
    super.destroy();
  }
}

/** Tunnels through one proxy. */
class Tunnels {
  readonly #proxy: URL;
  readonly #limitMs: number;
  readonly #opening = new Set<http.ClientRequest>();

  constructor(proxy: URL, limitMs: number) {
    this.#proxy = proxy;
    this.#limitMs = limitMs;
  }

  open({ host, port }: http.ClientRequestArgs, connected: Connected): void {
    const request = this.#connectRequest(`${isIPv6(host ?? '') ? `[${host}]` : host}:${port}`);
    const limit = setTimeout(() => request.destroy(new ProxyError('ETIMEDOUT', `the proxy ${this.#proxy.host} opened no tunnel in time`)), this.#limitMs);
    const ended = (): void => {
      clearTimeout(limit);
      this.#opening.delete(request);
    };
    this.#opening.add(request);
    request.once('connect', ({ statusCode = 0 }, socket) => {
      ended();
      if (statusCode >= 200 && statusCode < 300) {
        connected(null, socket);
      } else {
        socket.destroy();
        connected(new ProxyError('ERR_PROXY_REFUSED', `the proxy ${this.#proxy.host} opened no tunnel: HTTP ${statusCode}`));
      }
    });
    request.once('error', (error) => {
      ended();
      connected(error);
    });
    request.end();
  }

  #connectRequest(to: string): http.ClientRequest {
    const { protocol, hostname, port, username, password } = this.#proxy;
    const account = Buffer.from(accountOf(this.#proxy) ?? '').toString('base64');
    return (protocol === 'https:' ? https : http).request({
      method: 'CONNECT',
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : port,
      path: to,
      headers: { host: to, ...((username !== '' || password !== '') && { 'proxy-authorization': `Basic ${account}` }) },
      agent: false,
      rejectUnauthorized: true,
    });
  }

  /** Gives up the tunnels that are not open yet. */
  close(): void {
    for (const request of this.#opening) request.destroy();
  }
}
