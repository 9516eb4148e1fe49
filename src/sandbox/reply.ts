import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerResponse } from 'node:http';
import type { Effect } from './faults.ts';

/** An answer as it is sent. `label` is its name in the statistics. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly label: string;
}

const JSON_TYPE = { 'Content-Type': 'application/json; charset=UTF-8' };
const PROXY_PAGE = `<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`;

/** The reply with which an effect replaces WeCom's own, if it does. */
export function replacement(effect: Effect): Reply | undefined {
  if (effect.kind === 'status') return bare(effect.status, {}, '', `http ${effect.status}`);
  if (effect.kind === 'html') return bare(effect.status, { 'Content-Type': 'text/html' }, PROXY_PAGE, `http ${effect.status}`);
  if (effect.kind === 'empty') return bare(200, JSON_TYPE, '', 'empty');
  if (effect.kind !== 'body') return undefined;
  return bare(effect.status, { ...JSON_TYPE, ...effect.headers }, Buffer.from(effect.body, effect.base64 ? 'base64' : 'utf8'), 'body');
}

/** A reply without WeCom's envelope, as gateways and failing servers send it. */
export function bare(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer, label: string): Reply {
  return { status, headers: { Server: 'nginx', ...headers }, body: Buffer.from(body), label };
}

/** Applies an effect to a reply: another body, with its correct length. */
export function reshape(reply: Reply, effect: Effect): Reply {
  if (effect.kind === 'cut') {
    return { ...reply, body: reply.body.subarray(0, Math.floor(reply.body.length * effect.share)), label: 'cut' };
  }
  if (effect.kind !== 'patch') return reply;
  const sent = { ...(JSON.parse(reply.body.toString()) as Record<string, unknown>), ...effect.set };
  const kept = Object.fromEntries(Object.entries(sent).filter(([key]) => !effect.drop.includes(key)));
  return { ...reply, body: Buffer.from(JSON.stringify(kept)) };
}

/** Sends a reply as the effects demand: normally, never, only its first half, or very slowly. Returns the result. */
export async function deliver(response: ServerResponse, reply: Reply, effects: readonly Effect[], signal: AbortSignal): Promise<string> {
  for (const effect of effects) {
    if (effect.kind === 'lose') return drop(response, 'lost');
    if (effect.kind === 'break') return breakOff(response, reply, effect.share);
    if (effect.kind === 'drip') return drip(response, reply, effect, signal);
  }
  writeHead(response, reply);
  response.end(reply.body);
  return reply.label;
}

/** Ends the connection without an answer; the client gets ECONNRESET. */
export function drop(response: ServerResponse, label: string): string {
  response.socket?.resetAndDestroy();
  return label;
}

function writeHead(response: ServerResponse, { status, headers, body }: Reply): void {
  response.writeHead(status, { ...headers, 'Content-Length': body.length });
}

async function breakOff(response: ServerResponse, reply: Reply, share: number): Promise<string> {
  writeHead(response, reply);
  await new Promise<void>((resolve) => response.write(reply.body.subarray(0, Math.max(1, Math.floor(reply.body.length * share))), () => resolve()));
  response.socket?.destroy();
  return 'broken';
}

async function drip(response: ServerResponse, reply: Reply, { chunks, everyMs }: Extract<Effect, { kind: 'drip' }>, signal: AbortSignal): Promise<string> {
  writeHead(response, reply);
  const size = Math.max(1, Math.ceil(reply.body.length / chunks));
  for (let from = 0; from < reply.body.length && !response.destroyed; from += size) {
    response.write(reply.body.subarray(from, from + size));
    await sleep(everyMs, undefined, { signal });
  }
  response.end();
  return reply.label;
}
