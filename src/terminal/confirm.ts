import { createInterface } from 'node:readline';
import { untilAborted } from '../core/abort.ts';
import { OrgsyncError } from '../errors.ts';
import { plain } from './terminal.ts';

export interface ConfirmOptions {
  /** Whether a person reads stderr. */
  readonly interactive: boolean;
  readonly signal: AbortSignal;
  /** Where the answer comes from; the process's stdin by default. */
  readonly input?: NodeJS.ReadStream;
}

/**
 * Asks a question on the terminal; only `y` and `yes` confirm. Throws `usage` when there is no terminal, and `signal.reason`
 * on abort.
 */
export async function confirm(question: string, { interactive, signal, input = process.stdin }: ConfirmOptions): Promise<boolean> {
  if (!interactive || !input.isTTY) {
    throw new OrgsyncError('usage', { code: 'not_confirmed', message: 'this command asks for confirmation, and there is no terminal to ask on', hint: 'repeat it with --yes' });
  }
  // With `terminal: false`, the terminal itself echoes and edits the line, and Ctrl-C stays a signal.
  const lines = createInterface({ input, output: process.stderr, terminal: false });
  try {
    const answer = new Promise<string>((resolve) => {
      lines.once('close', () => resolve(''));
      lines.question(`${plain(question)} [y/N] `, resolve);
    });
    return /^\s*y(es)?\s*$/iu.test(await untilAborted(answer, signal));
  } finally {
    lines.close();
  }
}
