import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { OrgsyncError } from '../../errors.ts';
import type { Channel } from './channel.ts';
import { noticeJson } from './json.ts';

const MOST_MS = 10_000;

/**
 * A shell command that gets each notice as JSON on its standard input. Its output is ignored, so that cron does not mail
 * it. After ten seconds it is stopped, with all processes that it started.
 */
export function createCommand({ command, timeoutMs = MOST_MS }: { readonly command: string; readonly timeoutMs?: number }): Channel {
  return {
    name: 'command',
    async tell(notice) {
      const ending = await runShell(command, noticeJson(notice), timeoutMs);
      if (ending !== null) throw new OrgsyncError('unavailable', { code: 'command_failed', message: `the alert command ${ending}`, hint: 'try it by hand, with some JSON on its standard input' });
    },
  };
}

/** The error, or null. */
async function runShell(command: string, input: string, timeoutMs: number): Promise<string | null> {
  // An own process group, so that all its processes can be stopped.
  const child = spawn('/bin/sh', ['-c', command], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  return await new Promise((resolve) => {
    const timer = setTimeout(() => {
      endGroup(child);
      resolve(`was ended after ${timeoutMs / 1000} s`);
    }, timeoutMs);
    const done = (ending: string | null): void => {
      clearTimeout(timer);
      resolve(ending);
    };
    child.once('error', () => done('could not be started'));
    child.once('exit', (code, signal) => done(code === 0 ? null : `ended with ${code ?? signal ?? 'nothing'}`));
    // A command does not have to read its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended at this moment.
  }
}
