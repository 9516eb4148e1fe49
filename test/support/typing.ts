import { spawn } from 'node:child_process';
import { once } from 'node:events';

const BIN = new URL('../../bin/orgsync.js', import.meta.url).pathname;

/** How a command on a terminal ended, and all that was to be seen. */
export interface Screen {
  readonly code: number | null;
  readonly screen: string;
}

/** Runs the built program on a terminal of its own (`script`), on which somebody types `answer()` once they are asked `[y/N]`. */
export async function typeTo(args: readonly string[], answer: () => string | Promise<string>): Promise<Screen> {
  const command = [process.execPath, BIN, ...args].join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'ignore'] });
  let screen = '';
  let answered = Promise.resolve();
  const type = async (): Promise<void> => void child.stdin.write(await answer());
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const asked = screen.includes('[y/N]');
    screen += chunk;
    if (!asked && screen.includes('[y/N]')) answered = type();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  await answered;
  return { code, screen };
}
