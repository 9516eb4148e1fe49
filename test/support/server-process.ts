import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server program of a test's own: it can be frozen, killed and started again, always on the same port and data. */
export interface ServerProcess {
  readonly url: string;
  readonly port: number;
  /** Its directory, gone after {@link ServerProcess.close}. */
  readonly dir: string;
  /** The running process; another one after {@link ServerProcess.restart}. */
  readonly pid: number;
  /** Ends the process and waits until it is gone; SIGKILL unless told otherwise. Data stay for `restart`. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Freezes it: connections stay open, nothing answers. */
  stop(): void;
  /** Wakes it up. */
  cont(): void;
  /** Kills it if it lives, starts it again, and waits until it answers. */
  restart(): Promise<void>;
  /** What it wrote to stdout and stderr. */
  log(): Promise<string>;
  /** Ends it and deletes its directory. Idempotent. */
  close(): Promise<void>;
}

/** How one kind of server is prepared, started and asked whether it answers. */
export interface Recipe {
  readonly name: string;
  readonly prepare?: (dir: string) => Promise<void>;
  readonly command: (dir: string, port: number) => readonly [string, ...string[]];
  readonly url: (port: number) => string;
  /** Resolves when the server answers; rejects while it does not. */
  readonly probe: (port: number) => Promise<void>;
}

const READY_WITHIN_MS = 60_000;

/** Our environment; Debian keeps mariadbd where only root's PATH looks. */
export const WITH_SBIN = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` };

/** A port on loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Resolves with the first bytes that a server sends, after `greeting` was sent to it; rejects after so much silence. */
export async function firstBytes(port: number, greeting = '', silenceMs = 1_000): Promise<Buffer> {
  const socket = createConnection({ port, host: '127.0.0.1' });
  try {
    socket.write(greeting);
    const [bytes] = (await once(socket, 'data', { signal: AbortSignal.timeout(silenceMs) })) as [Buffer];
    return bytes;
  } finally {
    socket.destroy();
  }
}

/** Starts a server in a directory of its own and waits until it answers. */
export async function startServer(recipe: Recipe): Promise<ServerProcess> {
  const dir = await mkdtemp(path.join(tmpdir(), `orgsync-${recipe.name}-`));
  const server = new Running(recipe, dir, await freePort());
  try {
    await recipe.prepare?.(dir);
    await server.restart();
  } catch (error) {
    const log = await server.log();
    await server.close();
    throw new Error(`${recipe.name} does not start:\n${log}`, { cause: error });
  }
  return server;
}

class Running implements ServerProcess {
  readonly dir: string;
  readonly port: number;
  readonly url: string;
  readonly #recipe: Recipe;
  readonly #guardian: ChildProcess;
  #child: ChildProcess | undefined;

  constructor(recipe: Recipe, dir: string, port: number) {
    this.#recipe = recipe;
    this.dir = dir;
    this.port = port;
    this.url = recipe.url(port);
    this.#guardian = watchOver(dir);
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.#recipe.name} is not running`);
    return pid;
  }

  async restart(): Promise<void> {
    await this.kill();
    const [program, ...args] = this.#recipe.command(this.dir, this.port);
    // A group of its own: Ctrl-C ends the tests first, and the tests end their servers.
    const child = spawn('sh', ['-c', 'exec "$0" "$@" >>"$LOG" 2>&1', program, ...args], {
      detached: true,
      stdio: 'ignore',
      env: { ...WITH_SBIN, LOG: this.#logFile },
    });
    this.#child = child;
    child.unref();
    await once(child, 'spawn');
    await writeFile(path.join(this.dir, 'pid'), String(child.pid));
    await this.#answers(child);
  }

  async #answers(child: ChildProcess): Promise<void> {
    const deadline = performance.now() + READY_WITHIN_MS;
    for (;;) {
      try {
        return await this.#recipe.probe(this.port);
      } catch (error) {
        if (child.exitCode !== null || performance.now() > deadline) throw error;
        await sleep(20);
      }
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.ref();
    child.kill(signal);
    child.kill('SIGCONT');
    await exit;
  }

  stop(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  cont(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  get #logFile(): string {
    return path.join(this.dir, 'log');
  }

  async log(): Promise<string> {
    return await readFile(this.#logFile, 'utf8').catch(() => '(no log)');
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.dir, { recursive: true, force: true });
    this.#guardian.stdin?.destroy();
  }
}

/**
 * A shell that outlives us, however we end: when its stdin closes it kills the server and deletes the directory,
 * and finds nothing to do after an orderly close.
 */
function watchOver(dir: string): ChildProcess {
  const script = 'trap "" INT TERM HUP; read -r _; test -f "$0/pid" && kill -KILL "$(cat "$0/pid")"; rm -rf "$0"';
  const guardian = spawn('sh', ['-c', script, dir], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  guardian.unref();
  return guardian;
}
