import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { applyChange } from './changes.ts';
import type { Premises, Question } from './endpoints/endpoint.ts';
import { idParameter } from './endpoints/departments.ts';
import { ENDPOINTS } from './endpoints/table.ts';
import { dress, envelopeHeaders, refuse, type Answer } from './envelope.ts';
import type { Effect, Faults, Firing } from './faults.ts';
import { answerTo, type Call } from './gate.ts';
import type { Incoming } from './incoming.ts';
import type { Random } from './random.ts';
import type { Secret } from './secrets.ts';
import { bare, deliver, drop, replacement, reshape, type Reply } from './reply.ts';

/** What is needed to serve a request. */
export interface Api {
  readonly premises: Premises;
  readonly faults: Faults;
  readonly random: Random;
  /** Aborts when the sandbox closes. */
  readonly signal: AbortSignal;
  readonly origin: string;
  readonly nextSerial: () => number;
}

/**
 * Serves one request to /cgi-bin/: counts it, applies the faults, asks the gate for the answer as of the moment when the
 * request arrived (or was released), and sends the answer after the latency.
 */
export async function serveApi(api: Api, incoming: Incoming): Promise<void> {
  const { premises, faults } = api;
  const { request, response, url } = incoming;
  const name = url.pathname.slice('/cgi-bin/'.length);
  const seen = identify(premises, incoming, name);
  const { inOneSecond, leave } = premises.stats.arrived(seen);
  response.once('close', leave);
  guard(premises, seen, inOneSecond);
  const body = await readBody(request);
  const subject = { endpoint: name, corpId: seen.corpId, department: departmentOf(url.searchParams), userid: url.searchParams.get('userid') ?? undefined };
  const firings = faults.meet(subject);
  const label = await answer(api, incoming, { name, ...seen, body }, firings);
  premises.stats.answered(seen.corpId, label);
}

interface Seen {
  readonly corpId: string;
  readonly endpoint: string;
  readonly ip: string;
  readonly at: number;
}

function identify({ tokens, settings, now }: Premises, { request, url, arrivedAt }: Incoming, endpoint: string): Seen {
  const token = url.searchParams.get('access_token');
  const check = token === null ? undefined : tokens.check(token, now());
  const corpId = check !== undefined && check.is !== 'unknown' ? check.corp.id : (url.searchParams.get('corpid') ?? '');
  const ip = settings.callerIp ?? (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  return { corpId, endpoint, ip, at: arrivedAt };
}

/** The strict guard: when requests for a corp come too fast, their address is banned permanently and the violation is recorded. */
function guard({ settings, limits, stats }: Premises, { corpId, ip, at }: Seen, inOneSecond: number): void {
  if (settings.strictPerSecond === null || corpId === '' || inOneSecond <= settings.strictPerSecond) return;
  limits.ban(ip);
  stats.breached({ corpId, ip, at, inOneSecond });
}

function departmentOf(query: URLSearchParams): number | undefined {
  return idParameter(query, 'department_id') ?? idParameter(query, 'id');
}

interface Request extends Seen {
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Returns the result, under the name that the statistics use. */
async function answer(api: Api, incoming: Incoming, request: Request, firings: readonly Firing[]): Promise<string> {
  const effects = firings.map(({ effect }) => effect);
  const fate = await suffer(api, incoming, request, firings);
  if (fate !== undefined) return drop(incoming.response, fate);
  const reply = effects.reduce(reshape, replyTo(api, incoming, request, effects));
  await latency(api);
  for (const { effect, hold } of firings) if (effect.kind === 'hold' && effect.when === 'after') await hold();
  return deliver(incoming.response, reply, effects, api.signal);
}

/** Everything that happens before the answer is computed. Returns how the request ended, or undefined when it goes on. */
async function suffer(api: Api, incoming: Incoming, request: Request, firings: readonly Firing[]): Promise<string | undefined> {
  for (const { effect, hold } of firings) {
    if (effect.kind === 'reset') return 'reset';
    if (effect.kind === 'delay') await sleep(effect.ms, undefined, { signal: api.signal });
    if (effect.kind === 'hold' && effect.when === 'before') await hold();
    if (effect.kind === 'hang') {
      await Promise.race([hold(), once(incoming.response, 'close')]);
      return 'hung';
    }
    meddle(api.premises, effect, incoming, request);
  }
  return undefined;
}

/** Changes the world, or ends a token, just before the answer is computed. */
function meddle({ world, tokens }: Premises, effect: Effect, { url }: Incoming, { corpId }: Request): void {
  if (effect.kind === 'change') applyChange(world, effect.change);
  if (effect.kind === 'killToken') tokens.kill(effect.all ? {} : { corpId, token: url.searchParams.get('access_token') ?? undefined }, effect.as);
}

function replyTo(api: Api, incoming: Incoming, request: Request, effects: readonly Effect[]): Reply {
  for (const effect of effects) {
    const other = replacement(effect);
    if (other !== undefined) return other;
  }
  const endpoint = ENDPOINTS.get(request.name);
  if (endpoint === undefined) return bare(404, {}, '', 'http 404');
  const { premises, origin } = api;
  const query = incoming.url.searchParams;
  const question: Question = { query, body: request.body, ip: request.ip, origin };
  const token = query.get('access_token') ?? undefined;
  const check = premises.tokens.check(token ?? '', premises.now());
  const call: Call = { endpoint, method: incoming.request.method ?? 'GET', question, token, check, corpId: request.corpId };
  return envelop(api, call, forced(effects) ?? answerTo(call, premises));
}

/** The refusal that an effect demands; it replaces the endpoint's own answer. */
function forced(effects: readonly Effect[]): Answer | undefined {
  for (const effect of effects) {
    if (effect.kind !== 'errcode') continue;
    const { errcode, text, hint, lists } = effect;
    return refuse(errcode, { ...(text === undefined ? {} : { text }), ...(hint === undefined ? {} : { hint }), ...(lists === undefined ? {} : { lists }) });
  }
  return undefined;
}

function envelop({ premises, nextSerial }: Api, call: Call, found: Answer): Reply {
  const { settings, now } = premises;
  const { endpoint, question } = call;
  const serial = nextSerial();
  const secret = secretOf(premises, call);
  const hinted = found.is === 'refused' && settings.hints !== null ? { hint: settings.hints, ...found } : found;
  const dressed = dress(hinted, {
    now: now(),
    serial,
    ip: question.ip,
    emptyLists: settings.emptyLists ? (endpoint.emptyLists ?? {}) : {},
    omitErrcode: secret?.omitErrcode ?? false,
    omitErrmsg: secret?.omitErrmsg ?? false,
  });
  return { status: 200, headers: envelopeHeaders(dressed, serial), body: Buffer.from(JSON.stringify(dressed.body)), label: String(dressed.errcode) };
}

/** The secret that decides the form of the envelope: the one of the token, or the one that requests a token. */
function secretOf({ world }: Premises, { check, question: { query } }: Call): Secret | undefined {
  if (check.is === 'good') return check.secret;
  return world.corps.get(query.get('corpid') ?? '')?.secrets.find(({ secret }) => secret === query.get('corpsecret'));
}

async function latency({ premises: { settings }, random, signal }: Api): Promise<void> {
  const ms = settings.latencyMs + random.next() * settings.jitterMs;
  if (ms > 0) await sleep(ms, undefined, { signal });
}

/** The JSON body. A body that cannot be read counts as `{}`: WeCom parses what it can and continues. */
async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const body = await text(request);
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : {};
  } catch {
    return {};
  }
}
