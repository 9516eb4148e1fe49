import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { changeSchema } from './changes.ts';
import { churnSchema } from './churn.ts';
import { ENDPOINTS } from './endpoints/table.ts';
import { sendWhole } from './envelope.ts';
import { ruleSchema } from './faults.ts';
import type { Incoming } from './incoming.ts';
import { SandboxError } from './sandbox-error.ts';
import { secretKinds } from './secrets.ts';
import type { Sandbox } from './sandbox.ts';
import { settingsSchema } from './settings.ts';

/** The input of a route: the query as an object, and the JSON body. */
interface Order {
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface Route {
  readonly does: string;
  run(sandbox: Sandbox, order: Order): unknown;
}

const corpQuery = z.looseObject({ corp: z.string() });
const killSchema = z.strictObject({ corp: z.string().optional(), as: z.union([z.literal(40014), z.literal(42001)]).optional() });
const awaitSchema = z.looseObject({
  fault: z.string().optional(),
  times: z.coerce.number().int().min(1).default(1),
  corp: z.string().optional(),
  endpoint: z.string().optional(),
  count: z.coerce.number().int().min(1).default(1),
  timeout_ms: z.coerce.number().min(0).max(600_000).default(30_000),
});

/**
 * The control interface of the sandbox, with JSON requests and answers, below /sandbox. Tests and people use it to control
 * a sandbox in another process; `GET /sandbox` lists the routes. An impossible request is answered 400 with `{"error": …}`.
 */
const ROUTES: Readonly<Record<string, Route>> = {
  'GET /sandbox': {
    does: 'this list, the corps with their secrets, the endpoints served',
    run: ({ url, world }) => ({
      url,
      routes: Object.fromEntries(Object.entries(ROUTES).map(([route, { does }]) => [route, does])),
      endpoints: [...ENDPOINTS.keys()],
      robots: [...world.robots.keys()],
      corps: overview(world),
    }),
  },
  'GET /sandbox/corps': { does: 'the corps with their secrets', run: ({ world }) => overview(world) },
  'GET /sandbox/truth': {
    does: '?corp=&secret=KIND (app_pre2022): what a perfect client ends up with',
    run: (sandbox, { query }) => {
      const { corp, secret } = corpQuery.extend({ secret: z.enum(secretKinds).default('app_pre2022') }).parse(query);
      return sandbox.truth(corp, secret);
    },
  },
  'GET /sandbox/stats': {
    does: 'counts in total and per corp: requests, most in any sliding second, most in flight, by endpoint, by errcode; breaches of the strict guard',
    run: ({ stats }) => ({ total: stats.total, corps: stats.corps(), breaches: stats.breaches }),
  },
  'POST /sandbox/stats/reset': { does: 'counts from nothing again', run: ({ stats }) => stats.reset() },
  'GET /sandbox/arrivals': {
    does: '?corp=: when each request arrived, in milliseconds that never jump',
    run: ({ stats }, { query }) => stats.arrivals(corpQuery.parse(query).corp),
  },
  'POST /sandbox/change': {
    does: 'one change or a list: {"op": "moveMember", "corp": …, "userid": …, "places": [{"department": 2}]}; see changes.ts',
    run: (sandbox, { body }) => {
      const changes = z.union([z.array(changeSchema), changeSchema.transform((one) => [one])]).parse(body);
      sandbox.change(...changes);
      return { changed: changes.length };
    },
  },
  'POST /sandbox/churn': {
    does: '{"seed": 1, "rounds": 1, "join": 3, "leave": 2, …}: an ordinary week',
    run: (sandbox, { body }) => ({ changed: sandbox.churn(churnSchema.parse(body ?? {})) }),
  },
  'GET /sandbox/faults': { does: 'the rules in force, how often they matched and fired', run: ({ faults }) => faults.list() },
  'POST /sandbox/faults': {
    does: 'a rule or a list: {"match": {"endpoint": "user/list", "department": 3}, "nth": 2, "effect": {"kind": "errcode", "errcode": -1}}; see faults.ts',
    run: ({ faults }, { body }) => {
      const rules = z.union([z.array(ruleSchema), ruleSchema.transform((one) => [one])]).parse(body);
      return { ids: rules.map((rule) => faults.add(rule).id) };
    },
  },
  'DELETE /sandbox/faults': {
    does: '?id=: ends one rule, or all; whoever is held is let go',
    run: ({ faults }, { query }) => (query['id'] === undefined ? faults.clear() : faults.get(query['id']).remove()),
  },
  'POST /sandbox/release': {
    does: '?fault=ID: lets go the requests that this rule holds now',
    run: ({ faults }, { query }) => faults.get(query['fault'] ?? '').release(),
  },
  'GET /sandbox/await': {
    does: '?fault=ID&times=N until a rule has fired so often, or ?corp=&endpoint=&count=N until so many requests have arrived; &timeout_ms=30000. {"reached": false} when time was up',
    run: (sandbox, { query }) => awaitSomething(sandbox, awaitSchema.parse(query)),
  },
  'POST /sandbox/tokens/kill': {
    does: '{"corp": …, "as": 40014 or 42001}: ends tokens before their time',
    run: (sandbox, { body }) => {
      const { corp, as } = killSchema.parse(body ?? {});
      return { killed: sandbox.killTokens(corp, as) };
    },
  },
  'POST /sandbox/clock': {
    does: '{"advance_ms": 86400000}: puts the clock forward',
    run: (sandbox, { body }) => {
      sandbox.advance(z.strictObject({ advance_ms: z.number() }).parse(body).advance_ms);
      return { now: new Date(sandbox.now()).toISOString() };
    },
  },
  'GET /sandbox/settings': { does: 'latency, limits, switches', run: ({ settings }) => settings },
  'POST /sandbox/settings': {
    does: '{"latencyMs": 300, …}: changes some of them; see settings.ts',
    run: ({ settings }, { body }) => Object.assign(settings, settingsSchema.partial().parse(body)),
  },
  'POST /sandbox/limits/reset': { does: 'forgets counts, closures and bans', run: ({ limits }) => limits.reset() },
  'GET /sandbox/messages': {
    does: '?robot=KEY: what group robots were sent',
    run: ({ world }, { query }) => [...world.robots.values()].filter(({ key }) => (query['robot'] ?? key) === key).flatMap(({ messages }) => messages),
  },
};

/** Serves one request below /sandbox. */
export async function serveControl(sandbox: Sandbox, { request, response, url }: Incoming): Promise<void> {
  const json = { 'Content-Type': 'application/json; charset=UTF-8' };
  try {
    const route = ROUTES[`${request.method ?? 'GET'} ${url.pathname.replace(/\/$/, '')}`];
    if (route === undefined) throw new SandboxError(`no route ${request.method ?? ''} ${url.pathname}; GET /sandbox lists them`);
    const result = await route.run(sandbox, { query: Object.fromEntries(url.searchParams), body: await readJson(request) });
    sendWhole(response, 200, json, JSON.stringify(result ?? { done: true }));
  } catch (error) {
    const known = error instanceof SandboxError || error instanceof z.ZodError || error instanceof SyntaxError;
    sendWhole(response, known ? 400 : 500, json, JSON.stringify({ error: error instanceof z.ZodError ? z.prettifyError(error) : String(error) }));
  }
}

function overview(world: Sandbox['world']): unknown[] {
  return [...world.corps.values()].map(({ id, name, members, departments, memberLimit, frozen, secrets }) => ({
    id,
    name,
    members: members.size,
    departments: departments.size,
    memberLimit,
    frozen: frozen ?? null,
    secrets,
  }));
}

async function awaitSomething(sandbox: Sandbox, wanted: z.output<typeof awaitSchema>): Promise<{ readonly reached: boolean }> {
  const { fault, times, corp: corpId, endpoint, count, timeout_ms: timeoutMs } = wanted;
  const event = fault === undefined ? sandbox.stats.reached({ corpId, endpoint, count }) : sandbox.faults.get(fault).reached(times);
  const timer = new AbortController();
  const late = sleep(timeoutMs, false, { signal: timer.signal, ref: false }).catch(() => false);
  const reached = await Promise.race([event.then(() => true), late]);
  timer.abort();
  return { reached };
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const body = await text(request);
  return body === '' ? undefined : JSON.parse(body);
}
