import http from 'node:http';
import https from 'node:https';
import type { RequestFunction } from 'got';

/**
 * Makes a request for got. Since Node.js 24 the callback of `end` hears of a socket that closed before it was connected,
 * and got 14 lets that out past its hooks and repeats, though the event `error` brings it what happened: so the callback
 * hears of success alone. Certificates are checked whatever NODE_TLS_REJECT_UNAUTHORIZED says.
 */
export const makeRequest: RequestFunction = (url, options, answered) => {
  const request = (url.protocol === 'https:' ? https : http).request(url, { ...options, rejectUnauthorized: true }, answered);
  const end = request.end.bind(request);
  const endQuietly = (ended: () => void): unknown =>
    end((error?: Error | null) => {
      if ((error ?? null) === null) ended();
    });
  return Object.assign(request, { end: endQuietly });
};
