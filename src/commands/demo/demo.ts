import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import type { CommandContext, GetContext } from '../../app/context.ts';
import { makeFolders } from '../../files.ts';
import { createDemoSteps } from './steps.ts';
import type { DemoSteps } from './steps.ts';

const EXAMPLES = `
Examples:
  orgsync demo
  orgsync demo --keep ./demo           and leave the configuration and the store there, to look at
  orgsync demo --json                  what each step says to programs, in one document`;

/** What to do after the demo, with `program` as it is called here. */
function nextSteps(program: string): string {
  return `
Next, with invented corps that stay:
  ${program} sandbox --write-config config.yml   in a second terminal, and there it stays
  ${program} run
  ${program} doctor
or with a corp of yours:
  ${program} config example > config.yml         then edit it
  ${program} migrate
  ${program} doctor
  ${program} plan
  ${program} run`;
}

/** How the user calls this program: by its name where it is installed, else by its file. */
function programName(): string {
  const [, file = 'orgsync'] = process.argv;
  return basename(file) === 'orgsync' ? 'orgsync' : `node ${relative('', file)}`;
}

/** `orgsync demo`: the whole product on invented corps, each step the command that a user would type. */
export function demoCommand(getContext: GetContext): CommandUnknownOpts {
  const command = new Command('demo')
    .description('See it work on three invented corps; nothing to install or configure')
    .option('--keep <dir>', 'leave the configuration and the store there')
    .addHelpText('after', EXAMPLES);
  return command.action(async ({ keep }) => {
    const context = getContext();
    const folder = keep === undefined ? await mkdtemp(join(tmpdir(), 'orgsync-demo-')) : resolve(keep);
    const [{ startSandbox }, { configFor }, { writeSandboxConfig }] = await Promise.all([import('../../sandbox/server.ts'), import('../../sandbox/config-file.ts'), import('../../app/sandbox-config.ts')]);
    const sandbox = await startSandbox({ corps: 3, members: 400, departments: 36, seed: 7 });
    try {
      if (keep !== undefined) await makeFolders(folder, 0o777);
      const config = join(folder, 'config.yml');
      await writeSandboxConfig(config, configFor(sandbox));
      const steps = createDemoSteps(config, context);
      await play(sandbox, steps, context);
      if (context.terminal.json) context.terminal.document({ steps: steps.done, most_requests_in_one_second: busiestSecond(sandbox), kept: keep === undefined ? null : folder });
      if (keep !== undefined) context.terminal.data(`\nThe configuration and the store are in ${folder}.`);
    } finally {
      await sandbox.close();
      if (keep === undefined) await rm(folder, { recursive: true, force: true });
    }
  });
}

/** Explains each step and runs the real command. Stops at the first that fails, with its exit code. */
async function play(sandbox: Sandbox, steps: DemoSteps, { terminal, signal, endWith }: CommandContext): Promise<void> {
  const say = (text: string): void => terminal.data(`\n${terminal.paint.bold(text)}`);
  const type = async (args: readonly string[], more: readonly string[] = []): Promise<boolean> => {
    if (signal.aborted) return false;
    const code = await steps.run(args, more);
    if (code !== 0) endWith(code);
    return code === 0;
  };
  // On a terminal a run shows its summary by itself.
  const summary = terminal.interactive ? [] : ['-v'];
  say('Three corps, invented, behind a local WeCom that counts every request. The first sync:');
  if (!(await type(['run'], summary))) return;
  const leaving = somebodyWithMobile(sandbox, 1);
  const staying = somebodyWithMobile(sandbox, 2);
  sandbox.churn({ seed: 7 });
  sandbox.change({ op: 'removeMember', corp: leaving.corp, userid: leaving.userid });
  say('A week goes by: people join, move and leave. The next sync writes only what changed:');
  if (!(await type(['run'], summary))) return;
  if (!(await type(['changes', '--since', '1h', '--limit', '12']))) return;
  say('Somebody calls. Who is that?');
  if (!(await type(['lookup', staying.mobile]))) return;
  say('And this one? Gone, but not forgotten, and nobody had to ask WeCom:');
  await steps.run(['lookup', leaving.mobile]);
  say(`The local WeCom counted at most ${busiestSecond(sandbox)} requests in any second and corp; ten are allowed.`);
  terminal.data(nextSteps(programName()));
}

/** Returns the most requests that one corp got in one second. */
function busiestSecond({ stats, world }: Sandbox): number {
  return Math.max(...[...world.corps.keys()].map((corp) => stats.corp(corp).maxInOneSecond));
}

interface Somebody {
  readonly corp: string;
  readonly userid: string;
  readonly mobile: string;
}

/** Returns the first active member of the n-th corp who has a mainland mobile. */
function somebodyWithMobile({ world }: Sandbox, nth: number): Somebody {
  const corp = [...world.corps.values()][nth - 1];
  for (const { userid, mobile, status } of corp?.members.values() ?? []) {
    if (corp !== undefined && status === 1 && mobile !== undefined && /^1\d{10}$/.test(mobile)) return { corp: corp.id, userid, mobile };
  }
  throw new TypeError(`corp ${nth} of the demo has nobody with a mobile`);
}
