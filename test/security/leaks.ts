import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { type Canary, leaks, phonesIn } from './canary.ts';
import { type Scene, type Servers, setScene, startServers } from './scene.ts';

/** Starts the servers of a file's tests, and returns what sets the scene in each. */
export function scenes(): () => Promise<Scene> {
  let servers: Servers;
  beforeAll(async () => {
    servers = await startServers();
  });
  afterAll(() => servers.close());
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), 'orgsync-canary-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    return await setScene(servers, folder);
  };
}

/** What a command may answer with whole numbers: it is what was asked for. */
const TELLS_NUMBERS: ReadonlySet<string> = new Set(['lookup', 'changes', 'plan', 'report', 'forget']);

interface Expected {
  readonly code?: number;
  readonly canaries?: readonly Canary[];
  readonly env?: Readonly<Record<string, string>>;
  /** Which forms are tried; both of them, but that a table has one only. */
  readonly forms?: readonly (readonly string[])[];
}

/** Runs a command at the highest verbosity, with and without `--json`, and returns what leaked from it, and a code that was not expected. */
export async function leaksOf(set: Scene, config: string, args: readonly string[], { code: expected, canaries = set.canaries, env = {}, forms = [[], ['--json']] }: Expected = {}): Promise<readonly string[]> {
  const found: string[] = [];
  for (const form of args.includes('--csv') ? [[]] : forms) {
    const place = ['orgsync -vv', ...form, ...args].join(' ');
    const { code, stdout, stderr, title } = await set.watched(['--config', config, '-vv', ...form, ...args], { cwd: set.folder, env });
    if (expected !== undefined && code !== expected) found.push(`${place} ended with ${code}: ${stderr}${stdout}`);
    const mayTell = TELLS_NUMBERS.has(args[0] ?? '') || args.includes('--dry-run');
    found.push(...leaks(stdout, `stdout of ${place}`, canaries), ...leaks(stderr, `stderr of ${place}`, canaries), ...leaks(title, `ps of ${place}`, canaries));
    found.push(...phonesIn(stderr, `stderr of ${place}`, set.phones()), ...(mayTell ? [] : phonesIn(stdout, `stdout of ${place}`, set.phones())));
  }
  return found;
}

/** Several commands, two at a time. */
export async function leaksOfAll(set: Scene, config: string, commands: readonly (readonly string[])[], expected: Expected = {}): Promise<readonly string[]> {
  const found: string[] = [];
  const queue = commands.values();
  const worker = async (): Promise<void> => {
    for (const args of queue) found.push(...(await leaksOf(set, config, args, expected)));
  };
  await Promise.all([worker(), worker(), worker()]);
  return found;
}

/** What leaked into anything that outlives the processes. */
export async function remains(set: Scene, canaries: readonly Canary[]): Promise<readonly string[]> {
  const [{ statements, ...texts }, redis] = [await set.written(), await set.redisContents()];
  const kept = Object.entries({ ...texts, redis });
  return [...kept.flatMap(([place, text]) => [...leaks(text, place, canaries), ...phonesIn(text, place, set.phones())]), ...leaks(statements, 'statements', canaries)];
}
