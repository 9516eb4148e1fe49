import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

const CHILD = new URL('bars-child.js', import.meta.url).pathname;
const run = promisify(execFile);

/** A real terminal, with a program in it that draws bars. */
export interface BarsOnScreen {
  /** The process that draws. */
  readonly pid: number;
  /** Has the program do something with its terminal (test/support/bars-child.js says what). */
  tell(name: string, ...args: readonly unknown[]): void;
  /** Its lines, without those that are empty at the end; with `history`, also what has been scrolled away. */
  lines(options?: { readonly history?: boolean }): Promise<readonly string[]>;
  resize(columns: number, rows: number): Promise<void>;
  cursorIsShown(): Promise<boolean>;
}

/** Starts the program in a tmux of its own, which ends with the running test; a shell prompt follows when the program has ended. */
export async function openBars({ columns = 80, rows = 24 }: { readonly columns?: number; readonly rows?: number } = {}): Promise<BarsOnScreen> {
  const folder = await mkdtemp(path.join(tmpdir(), 'orgsync-tmux-'));
  const tmux = async (...args: readonly string[]): Promise<string> => (await run('tmux', ['-S', path.join(folder, 'tmux'), '-f', '/dev/null', ...args])).stdout;
  const server = createServer().listen(path.join(folder, 'program'));
  onTestFinished(async () => {
    await tmux('kill-server').catch(() => undefined);
    server.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  const connected = once(server, 'connection') as Promise<[Socket]>;
  const command = `echo before; ${process.execPath} ${CHILD} ${path.join(folder, 'program')} 2>&1; printf '\\nended\\n'; exec cat`;
  await tmux('-u', 'new-session', '-d', '-x', String(columns), '-y', String(rows), command);
  const [socket] = await connected;
  const [pid] = (await once(socket.setEncoding('utf8').on('error', () => undefined), 'data')) as [string];
  return {
    pid: Number(pid),
    tell(...told) {
      socket.write(`${JSON.stringify(told)}\n`);
    },
    lines: async ({ history = false } = {}) => (await tmux('capture-pane', '-p', ...(history ? ['-S', '-'] : []))).trimEnd().split('\n'),
    async resize(x, y) {
      await tmux('resize-window', '-x', String(x), '-y', String(y));
    },
    cursorIsShown: async () => (await tmux('display-message', '-p', '#{cursor_flag}')).trim() === '1',
  };
}
