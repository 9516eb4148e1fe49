import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ChangeInput } from '../../src/sandbox/changes.ts';
import type { ChurnInput } from '../../src/sandbox/churn.ts';
import { configFor } from '../../src/sandbox/config-file.ts';
import type { Corp } from '../../src/sandbox/corp.ts';
import type { RuleInput } from '../../src/sandbox/faults.ts';
import type { Sandbox, SandboxOptions } from '../../src/sandbox/sandbox.ts';
import type { Secret, SecretKind } from '../../src/sandbox/secrets.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import type { Settings } from '../../src/sandbox/settings.ts';
import type { Breach, Counts } from '../../src/sandbox/stats.ts';
import type { Truth } from '../../src/sandbox/truth.ts';

export { configFor, startSandbox };
export type { Sandbox };

/** Runs `use` against a sandbox in this process, and closes it whatever happens. */
export async function withSandbox<T>(options: SandboxOptions, use: (sandbox: Sandbox) => Promise<T>): Promise<T> {
  const sandbox = await startSandbox(options);
  try {
    return await use(sandbox);
  } finally {
    await sandbox.close();
  }
}

/** The n-th corp of a sandbox, counted from 1. */
export function corpOf({ world }: Sandbox, nth = 1): Corp {
  const corp = [...world.corps.values()][nth - 1];
  if (corp === undefined) throw new Error(`the sandbox has no ${nth}. corp`);
  return corp;
}

/** Asks an endpoint (`user/get`) and returns what came, parsed where it is JSON. */
export async function ask(url: string, endpoint: string, query: Readonly<Record<string, string | number>> = {}, body?: unknown): Promise<Asked> {
  const address = new URL(`${url}/cgi-bin/${endpoint}`);
  for (const [key, value] of Object.entries(query)) address.searchParams.set(key, String(value));
  const response = await fetch(address, body === undefined ? {} : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
}

/** What came of asking. `json` is `{}` where the text is none. */
export interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** A token for a corp's secret, had from the sandbox itself. */
export async function tokenFor(url: string, corp: { readonly id: string }, secret: Pick<Secret, 'secret'>): Promise<string> {
  const { json } = await ask(url, 'gettoken', { corpid: corp.id, corpsecret: secret.secret });
  if (typeof json['access_token'] !== 'string') throw new Error(`no token: ${JSON.stringify(json)}`);
  return json['access_token'];
}

/** The effect of a rule that answers with a file of test/fixtures/wecom/adversarial, byte for byte. */
export function adversarial(file: string, status = 200): Extract<RuleInput['effect'], { kind: 'body' }> {
  const bytes = readFileSync(new URL(`../fixtures/wecom/adversarial/${file}`, import.meta.url));
  const type = file.endsWith('.html') ? 'text/html' : 'application/json; charset=UTF-8';
  return { kind: 'body', body: bytes.toString('base64'), base64: true, status, headers: { 'Content-Type': type } };
}

/** A sandbox in a process of its own, driven over its control interface. */
export interface SandboxProcess {
  readonly url: string;
  readonly control: SandboxControl;
  readonly process: ChildProcessWithoutNullStreams;
  close(): Promise<void>;
}

/** Starts `orgsync sandbox` (the built one) with these arguments on a free port; resolves when it serves. */
export async function spawnSandbox(args: readonly string[] = []): Promise<SandboxProcess> {
  const bin = new URL('../../bin/orgsync.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [bin, 'sandbox', '--json', '--port', '0', ...args]);
  const { url } = JSON.parse(await firstDocument(child)) as { url: string };
  const close = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  };
  return { url, control: controlOf(url), process: child, close };
}

/** All that comes on stdout until it is a whole JSON document. */
async function firstDocument(child: ChildProcessWithoutNullStreams): Promise<string> {
  let [out, errors] = ['', ''];
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the sandbox ended with ${code}: ${errors}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (isJson(out)) resolve(out);
    });
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A corp as the control interface tells it. */
interface CorpOverview {
  readonly id: string;
  readonly name: string;
  readonly members: number;
  readonly departments: number;
  readonly secrets: readonly Secret[];
}

/** What can be awaited: a rule that fires, or requests that arrive. */
type AwaitWish =
  | { readonly fault: string; readonly times?: number; readonly timeoutMs?: number }
  | { readonly corp?: string; readonly endpoint?: string; readonly count: number; readonly timeoutMs?: number };

/** The control interface of a sandbox, typed. A request it refuses rejects with what it said. */
export interface SandboxControl {
  corps(): Promise<readonly CorpOverview[]>;
  truth(corp: string, secret?: SecretKind): Promise<Truth>;
  stats(): Promise<{ readonly total: Counts; readonly corps: Readonly<Record<string, Counts>>; readonly breaches: readonly Breach[] }>;
  resetStats(): Promise<void>;
  arrivals(corp: string): Promise<readonly number[]>;
  change(...changes: readonly ChangeInput[]): Promise<void>;
  churn(plan?: ChurnInput): Promise<number>;
  /** Returns the rules' ids. */
  fault(...rules: readonly RuleInput[]): Promise<readonly string[]>;
  clearFaults(): Promise<void>;
  release(fault: string): Promise<void>;
  /** Rejects when it is not reached in time. */
  reached(wish: AwaitWish): Promise<void>;
  killTokens(corp?: string, as?: 40014 | 42001): Promise<number>;
  advance(ms: number): Promise<void>;
  settings(patch: Partial<Settings>): Promise<Settings>;
  resetLimits(): Promise<void>;
  messages(): Promise<readonly unknown[]>;
}

/** Drives the sandbox at `url`. */
export function controlOf(url: string): SandboxControl {
  const send = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${url}/sandbox/${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const answer = (await response.json()) as T & { error?: string };
    if (!response.ok) throw new Error(`${method} /sandbox/${path}: ${answer.error ?? response.status}`);
    return answer;
  };
  const query = (values: Readonly<Record<string, string | number | undefined>>): string =>
    new URLSearchParams(Object.entries(values).flatMap(([key, value]): [string, string][] => (value === undefined ? [] : [[key, String(value)]]))).toString();
  return {
    corps: () => send('GET', 'corps'),
    truth: (corp, secret) => send('GET', `truth?${query({ corp, secret })}`),
    stats: () => send('GET', 'stats'),
    resetStats: async () => {
      await send('POST', 'stats/reset');
    },
    arrivals: (corp) => send('GET', `arrivals?${query({ corp })}`),
    change: async (...changes) => {
      await send('POST', 'change', changes);
    },
    churn: async (plan = {}) => (await send<{ changed: number }>('POST', 'churn', plan)).changed,
    fault: async (...rules) => (await send<{ ids: string[] }>('POST', 'faults', rules)).ids,
    clearFaults: async () => {
      await send('DELETE', 'faults');
    },
    release: async (fault) => {
      await send('POST', `release?${query({ fault })}`);
    },
    reached: async ({ timeoutMs, ...wish }) => {
      const { reached } = await send<{ reached: boolean }>('GET', `await?${query({ ...wish, timeout_ms: timeoutMs })}`);
      if (!reached) throw new Error(`not reached in time: ${JSON.stringify(wish)}`);
    },
    killTokens: async (corp, as) => (await send<{ killed: number }>('POST', 'tokens/kill', { corp, as })).killed,
    advance: async (ms) => {
      await send('POST', 'clock', { advance_ms: ms });
    },
    settings: (patch) => send('POST', 'settings', patch),
    resetLimits: async () => {
      await send('POST', 'limits/reset');
    },
    messages: () => send('GET', 'messages'),
  };
}
