import { sendWhole } from './envelope.ts';
import type { Premises } from './endpoints/endpoint.ts';
import type { Incoming } from './incoming.ts';

/** Serves the files of exports, whole or from a byte on (Range). Anything else is 404 with an empty body. */
export function serveFile({ exports, now }: Premises, { request, response, url }: Incoming): void {
  const file = exports.file(url.pathname, now());
  if (file === undefined) return sendWhole(response, 404, { Server: 'nginx' }, '');
  const headers = { Server: 'nginx', 'Content-Type': 'application/octet-stream', 'Accept-Ranges': 'bytes' };
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  if (range === null) return sendWhole(response, 200, headers, file.bytes);
  const [from, to] = [Number(range[1]), range[2] === '' ? file.bytes.length - 1 : Number(range[2])];
  if (from >= file.bytes.length) return sendWhole(response, 416, { ...headers, 'Content-Range': `bytes */${file.bytes.length}` }, '');
  const part = file.bytes.subarray(from, to + 1);
  sendWhole(response, 206, { ...headers, 'Content-Range': `bytes ${from}-${from + part.length - 1}/${file.bytes.length}` }, part);
}
