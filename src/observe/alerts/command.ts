import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { OrgsyncError } from '../../errors.ts';
import type { Channel } from './channel.ts';
import { noticeJson } from './json.ts';

const MOST_MS = 10_000;

/**
 * A shell command that gets each notice as JSON on its standard input. What it prints is dropped, so that cron mails
 * nothing of it. After ten seconds it is ended, with everything it has started.
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

/** What went wrong, or null. */
async function runShell(command: string, input: string, timeoutMs: number): Promise<string | null> {
  // A group of its own, so that all of it can be ended.
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
    // A command that does not read its input is free not to.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Gone in this very moment.
  }
}
