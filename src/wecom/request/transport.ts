import http from 'node:http';
import https from 'node:https';
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
  // Said outright, for the proxy too: NODE_TLS_REJECT_UNAUTHORIZED=0 would switch the checks off.
  const options = { keepAlive: true, keepAliveMsecs: 15_000, scheduling: 'lifo', rejectUnauthorized: true, proxyRequestOptions: { rejectUnauthorized: true } } as const;
  const via = proxy ?? getProxyForUrl(api);
  if (via === '') return { http: new http.Agent(options), https: new https.Agent(options) };
  return {
    http: new HttpProxyAgent({ ...options, proxy: via }),
    https: new HttpsProxyAgent({ ...options, proxy: via }),
  };
}
