import http from 'node:http';
import https from 'node:https';
import type { RequestFunction } from 'got';
import { HttpProxyAgent, HttpsProxyAgent } from 'hpagent';
import { getProxyForUrl } from 'proxy-from-env';

/** Connections of one directory, kept open between requests. */
export interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
}

/**
 * Opens the way to `api`: through `proxy`, or what HTTPS_PROXY, HTTP_PROXY and NO_PROXY say, or directly.
 * Through a proxy every connection is a CONNECT tunnel, so the proxy sees neither tokens nor people.
 */
export function openAgents(api: string, proxy?: string): Agents {
  const options = { keepAlive: true, keepAliveMsecs: 15_000, scheduling: 'lifo' } as const;
  const via = proxy ?? getProxyForUrl(api);
  if (via === '') return { http: new http.Agent(options), https: new https.Agent(options) };
  return {
    http: new HttpProxyAgent({ ...options, proxy: via }),
    https: new HttpsProxyAgent({ ...options, proxy: via }),
  };
}

/**
 * Makes a request for got. Since Node.js 24 the callback of `end` hears of a socket that closed before it was connected,
 * and got 14 lets that out past its hooks and repeats, though the event `error` brings it what happened: so the callback
 * hears of success alone.
 */
export const makeRequest: RequestFunction = (url, options, answered) => {
  const request = (url.protocol === 'https:' ? https : http).request(url, options, answered);
  const end = request.end.bind(request);
  const endQuietly = (ended: () => void): unknown =>
    end((error?: Error | null) => {
      if ((error ?? null) === null) ended();
    });
  return Object.assign(request, { end: endQuietly });
};
