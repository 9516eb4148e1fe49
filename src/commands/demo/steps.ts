import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Json } from '../../core/model.ts';
import type { CommandContext } from '../../app/context.ts';

/** A command of the demo, as in the document of `demo --json`. */
interface DemoStep {
  readonly command: string;
  readonly exit_code: number;
  /** What it printed with `--json`; null when it was stopped before. */
  readonly document: Json;
}

/** Runs the commands of the demo, each as the user would type it. */
export interface DemoSteps {
  /** The commands run so far; only with `--json`. */
  readonly done: readonly DemoStep[];
  /** Runs this program with `args`, which are shown to the user, and `more`, which are not. Resolves with its exit code. */
  run(args: readonly string[], more?: readonly string[]): Promise<number>;
}

/** Creates the runner of the demo's commands, with the demo's configuration. The user's own ORGSYNC_… variables are not passed on. */
export function createDemoSteps(config: string, { terminal, env, signal }: CommandContext): DemoSteps {
  const done: DemoStep[] = [];
  return {
    done,
    async run(args, more = []) {
      const command = `orgsync ${args.map(quote).join(' ')}`;
      terminal.data(terminal.paint.cyan(`$ ${command}`));
      const { code, printed } = await orgsync(['--config', config, ...args, ...(terminal.json ? ['--json'] : more)], { json: terminal.json, env, signal });
      if (terminal.json) done.push({ command, exit_code: code, document: printed === '' ? null : (JSON.parse(printed) as Json) });
      return code;
    },
  };
}

interface Surroundings extends Pick<CommandContext, 'env' | 'signal'> {
  /** Whether the output is returned instead of printed. */
  readonly json: boolean;
}

async function orgsync(args: readonly string[], { json, env, signal }: Surroundings): Promise<{ readonly code: number; readonly printed: string }> {
  const clean = Object.entries(env).filter(([name]) => !name.startsWith('ORGSYNC_'));
  const local = { ...Object.fromEntries(clean), NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' };
  const child = spawn(process.execPath, [process.argv[1] ?? '', ...args], { stdio: ['inherit', json ? 'pipe' : 'inherit', 'inherit'], env: local });
  let printed = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  const [code] = (await once(child, 'close')) as [number | null];
  signal.removeEventListener('abort', stop);
  return { code: code ?? 1, printed };
}

function quote(argument: string): string {
  return /^[\w./:+-]+$/.test(argument) ? argument : `'${argument}'`;
}
