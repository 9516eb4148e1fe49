import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** How a process ended, and all that it printed. */
export interface Ended {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process of the built program. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

const BIN = new URL('../../bin/orgsync.js', import.meta.url).pathname;
/** The same program in modules: what hurts it from within (test/faults/die-at.js) finds no packages in the bundle. */
const MODULES = new URL('../../dist/cli.js', import.meta.url).pathname;

/** What cron gives a process, and the variables of the test. */
export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Makes another command of it: `unshare …` with this one at the end. */
  readonly through?: (command: readonly string[]) => readonly [string, ...string[]];
}

/** Starts the built `orgsync` as cron would: no terminal, hardly any environment. */
export function start(args: readonly string[], { cwd, env = {}, input, through = ([program = '', ...rest]) => [program, ...rest] }: CliOptions = {}): Running {
  const [program, ...words] = through([process.execPath, 'ORGSYNC_TEST_DIE_AT' in env ? MODULES : BIN, ...args]);
  const child = spawn(program, words, {
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: '/nonexistent', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  child.stdin.on('error', () => undefined).end(input ?? '');
  const ended = once(child, 'close').then((event) => {
    const [code, signal] = event as [number | null, NodeJS.Signals | null];
    return { code, signal, stdout, stderr };
  });
  return { child, ended };
}

/** Runs the built `orgsync` to its end. */
export async function orgsync(args: readonly string[], options: CliOptions = {}): Promise<Ended> {
  return await start(args, options).ended;
}

/** Runs a program with exactly these variables, and nothing of ours. */
export async function exactly(env: Readonly<Record<string, string>>, command: string, args: readonly string[]): Promise<Pick<Ended, 'code' | 'stdout' | 'stderr'>> {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
