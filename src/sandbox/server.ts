import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { serveApi, type Api } from './api.ts';
import { applyChange, changeSchema } from './changes.ts';
import { churn, churnSchema } from './churn.ts';
import { serveControl } from './control.ts';
import type { Premises } from './endpoints/endpoint.ts';
import { Exports } from './exports.ts';
import { Faults } from './faults.ts';
import { serveFile } from './files.ts';
import { Limits } from './limits.ts';
import { createRandom } from './random.ts';
import { SandboxError } from './sandbox-error.ts';
import type { Sandbox, SandboxOptions } from './sandbox.ts';
import { DEFAULT_SETTINGS, type Settings } from './settings.ts';
import { Stats } from './stats.ts';
import { TokenDesk } from './tokens.ts';
import { truthOf } from './truth.ts';
import { World } from './world.ts';

/** Starts a sandbox; resolves when it listens. Rejects with Node's own error when it cannot listen on the address. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { port = 0, host = '127.0.0.1', seed = 1, corps = 3, members = 200, departments = 20, now: wallClock = Date.now } = options;
  const world = options.world ?? new World({ seed, corps, members, departments });
  const settings: Settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const [stats, faults, tokens, limits] = [new Stats(), new Faults(seed), new TokenDesk(seed), new Limits(() => settings)];
  let offsetMs = 0;
  const now = (): number => wallClock() + offsetMs;
  const premises: Premises = { world, settings, tokens, limits, stats, exports: new Exports(seed), now };
  const closing = new AbortController();
  const server = createServer({ keepAliveTimeout: 60_000 });
  const url = await listen(server, host, port);
  const sandbox: Sandbox = {
    url,
    world,
    settings,
    stats,
    faults,
    limits,
    truth: (corpId, kind = 'app_pre2022') => truthOf(world.corp(corpId), world.secret(world.corp(corpId), kind)),
    change: (...changes) => changes.forEach((change) => applyChange(world, changeSchema.parse(change))),
    churn: (plan = {}) => churn(world, churnSchema.parse(plan)),
    killTokens: (corpId, as) => tokens.kill({ corpId }, as),
    advance: (ms) => (offsetMs += ms),
    now,
    close: () => close(server, faults, closing),
  };
  let serial = 0;
  const api: Api = { premises, faults, random: createRandom(`latency/${seed}`), signal: closing.signal, origin: url, nextSerial: () => (serial += 1) };
  server.on('request', (request, response) => void serve(api, sandbox, request, response));
  return sandbox;
}

async function serve(api: Api, sandbox: Sandbox, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const arrivedAt = performance.now();
  const url = new URL(request.url ?? '/', api.origin);
  const incoming = { request, response, url, arrivedAt };
  try {
    if (url.pathname.startsWith('/cgi-bin/')) await serveApi(api, incoming);
    else if (url.pathname === '/sandbox' || url.pathname.startsWith('/sandbox/')) await serveControl(sandbox, incoming);
    else serveFile(api.premises, incoming);
  } catch (error) {
    if (api.signal.aborted || response.destroyed) return;
    if (!response.headersSent) response.writeHead(500, { 'Content-Type': 'text/plain' });
    response.end(`sandbox: ${String(error)}`);
  }
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new SandboxError('the server has no port');
  const { address, family, port: taken } = bound;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`;
}

async function close(server: Server, faults: Faults, closing: AbortController): Promise<void> {
  closing.abort();
  faults.clear();
  server.closeAllConnections();
  if (!server.listening) return;
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
