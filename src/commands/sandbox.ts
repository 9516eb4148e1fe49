import { Command } from '@commander-js/extra-typings';
import { OrgsyncError } from '../errors.ts';
import type { Sandbox, SandboxOptions } from '../sandbox/sandbox.ts';
import type { CommandContext, GetContext } from '../app/context.ts';
import { wholeNumber } from './options.ts';

const EXAMPLES = `
Examples:
  orgsync sandbox --write-config config.yml     serve, and leave a configuration; then: orgsync run
  orgsync sandbox --corps 30 --members 2000 --latency 300 --strict 10
  curl http://127.0.0.1:7300/sandbox            what it serves, and how it is driven
  curl -X POST http://127.0.0.1:7300/sandbox/churn
                                                people join, move and leave; then: orgsync plan`;

const DEFAULT_PORT = 7300;

/** `orgsync sandbox`: serves the local WeCom until it is stopped. */
export function sandboxCommand(getContext: GetContext): Command {
  const command = new Command('sandbox')
    .description('Serve a local WeCom with invented corps, for trials and load tests')
    .option('--port <n>', 'where to listen; 0 takes a free port', wholeNumber(0, 65_535), DEFAULT_PORT)
    .option('--host <address>', 'what to bind; only a loopback address unless --allow-remote is given', '127.0.0.1')
    .option('--allow-remote', 'bind any address, and let everyone there drive the sandbox', false)
    .option('--corps <n>', 'how many corps to invent', wholeNumber(1, 1000), 3)
    .option('--members <n>', 'members of each corp', wholeNumber(0, 200_000), 200)
    .option('--departments <n>', 'departments of each corp', wholeNumber(1, 30_000), 20)
    .option('--seed <n>', 'what they are invented from; the same seed gives the same corps', wholeNumber(0, 4_294_967_295), 1)
    .option('--latency <ms>', 'how long every answer takes', wholeNumber(0, 600_000), 0)
    .option('--jitter <ms>', 'up to this much more, at random', wholeNumber(0, 600_000), 0)
    .option('--strict <n>', 'bar an address that sends more than n requests for one corp in any second', wholeNumber(1, 10_000))
    .option('--max-list <n>', 'answer 45029 for departments with more members', wholeNumber(0, 200_000))
    .option('--write-config <file>', 'write a configuration for orgsync, ready to use')
    .option('--contacts', 'with the contacts-sync secrets in it', false)
    .option('--hide-mobiles', 'with the secret of an application made after 2022-06-20, which gets no mobiles', false)
    .addHelpText('after', EXAMPLES);
  return command.action(async (options) => {
    const context = getContext();
    if (!options.allowRemote) requireLoopback(options.host);
    const sandbox = await open(optionsFor(options));
    try {
      await introduce(sandbox, options, context);
      await waitForAbort(context.signal);
    } finally {
      await sandbox.close();
    }
  });
}

interface Given {
  readonly port: number;
  readonly host: string;
  readonly corps: number;
  readonly members: number;
  readonly departments: number;
  readonly seed: number;
  readonly latency: number;
  readonly jitter: number;
  readonly strict?: number | undefined;
  readonly maxList?: number | undefined;
}

function optionsFor({ port, host, corps, members, departments, seed, latency, jitter, strict, maxList }: Given): SandboxOptions {
  const settings = { latencyMs: latency, jitterMs: jitter, strictPerSecond: strict ?? null, maxListMembers: maxList ?? null };
  return { port, host, corps, members, departments, seed, settings };
}

async function open(options: SandboxOptions): Promise<Sandbox> {
  const { startSandbox } = await import('../sandbox/server.ts');
  try {
    return await startSandbox(options);
  } catch (cause) {
    throw new OrgsyncError('unavailable', {
      code: 'sandbox_address',
      message: `the sandbox cannot listen on ${options.host ?? ''}:${options.port ?? 0}: ${cause instanceof Error ? cause.message : String(cause)}`,
      hint: 'choose another --port (0 takes a free one) or --host',
      cause,
    });
  }
}

/** Prints the address and the next step; with `--json`, the same facts as one document. */
async function introduce(sandbox: Sandbox, { writeConfig, contacts, hideMobiles }: ConfigGiven, { terminal }: CommandContext): Promise<void> {
  const [{ configFor }, { writeSandboxConfig }] = await Promise.all([import('../sandbox/config-file.ts'), import('../app/sandbox-config.ts')]);
  const kind = hideMobiles ? 'app' : 'app_pre2022';
  if (writeConfig !== undefined) await writeSandboxConfig(writeConfig, configFor(sandbox, { kind, withContacts: contacts }));
  const corps = [...sandbox.world.corps.values()].map((corp) => {
    const { secret, agentId } = sandbox.world.secret(corp, kind);
    return { id: corp.id, name: corp.name, secret, agent_id: agentId, members: corp.members.size, departments: corp.departments.size };
  });
  if (terminal.json) return terminal.document({ url: sandbox.url, config: writeConfig ?? null, corps });
  const next = writeConfig === undefined ? 'add --write-config config.yml to have a configuration for it' : `try: orgsync --config ${writeConfig} run`;
  const lines = corps.slice(0, 10).map(({ id, name, secret }) => `  ${id}  ${secret}  ${name}`);
  const more = corps.length > 10 ? [`  … and ${corps.length - 10} more: ${sandbox.url}/sandbox/corps`] : [];
  terminal.data([`WeCom sandbox at ${sandbox.url}`, ...lines, ...more, `${next}; drive it: ${sandbox.url}/sandbox; stop it: Ctrl-C`].join('\n'));
}

interface ConfigGiven {
  readonly writeConfig?: string | undefined;
  readonly contacts: boolean;
  readonly hideMobiles: boolean;
}

/** Throws when the address is not a loopback address: everyone who reaches the sandbox can control it. */
function requireLoopback(host: string): void {
  if (host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)) return;
  throw new OrgsyncError('usage', {
    code: 'sandbox_not_loopback',
    message: `the sandbox binds only loopback addresses, not ${host}`,
    hint: 'use --host 127.0.0.1, or add --allow-remote if everyone who can reach that address may drive it',
  });
}

function waitForAbort(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
