import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openApp } from '../../src/app/app.ts';
import type { CommandContext } from '../../src/app/context.ts';
import { loadConfig } from '../../src/config/load.ts';
import { NO_METER } from '../../src/core/meter.ts';
import type { SandboxOptions } from '../../src/sandbox/sandbox.ts';
import { run } from '../../src/sync/run.ts';
import type { RunReport, RunRequest } from '../../src/sync/run.ts';
import { createTerminal } from '../../src/terminal/terminal.ts';
import { openDatabase } from './database.ts';
import { configFor, startSandbox } from './sandbox.ts';
import type { Sandbox } from './sandbox.ts';
import { storedOrganisation, trueOrganisation } from './truth.ts';
import type { Organisation } from './truth.ts';

/** The engines that everything has to hold on. */
export const ENGINES = ['sqlite', 'mariadb'] as const;
export type EngineName = (typeof ENGINES)[number];

/** A sandbox, an empty store and a configuration that joins them; all gone when the test is over. */
export interface Stage {
  readonly sandbox: Sandbox;
  readonly folder: string;
  readonly configPath: string;
  readonly storeUrl: string;
  /** Runs in this process, with everything opened anew as a process would. */
  sync(request?: Partial<RunRequest>, signal?: AbortSignal): Promise<RunReport>;
  /** The store and the source, to be compared; of the first corp unless told otherwise. What the source does not say is as it was in `before`. */
  organisations(corpId?: string, before?: Organisation): Promise<{ readonly stored: Organisation; readonly source: Organisation }>;
}

/** What a stage is made of. */
export interface StageOptions extends SandboxOptions {
  readonly engine?: EngineName;
  /** A MariaDB of the test's own, by its url without a database. */
  readonly server?: string;
  /** Where the SQLite file lies, instead of the stage's own folder. */
  readonly storeFolder?: string;
  /** Lines of YAML added to the configuration. `wecom:` is taken: see `wecom`. */
  readonly yaml?: string;
  /** Lines under `wecom:`; a pace that a test need not wait for unless told otherwise. */
  readonly wecom?: string;
}

const FAST = '  rate: 500\n  rate_address: 1000\n  concurrency: 10\n  frequency_wait: 50ms\n';

/** Sets the stage, tables included. Call it in a test, not in a hook. */
export async function setStage({ engine = 'sqlite', server, storeFolder, yaml = '', wecom = FAST, ...options }: StageOptions = {}): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'orgsync-test-'));
  const sandbox = await startSandbox({ corps: 1, members: 60, departments: 12, ...options });
  onTestFinished(async () => {
    await sandbox.close();
    await rm(folder, { recursive: true, force: true });
  });
  const storeUrl = engine === 'sqlite' ? `sqlite:${join(storeFolder ?? folder, 'orgsync.sqlite')}` : await openDatabase(server);
  const configPath = join(folder, 'config.yml');
  await writeFile(configPath, `${configFor(sandbox)}${wecom}store: ${storeUrl}\n${yaml}`, { mode: 0o600 });
  await migrate(configPath);
  return {
    sandbox,
    folder,
    configPath,
    storeUrl,
    sync: (request, signal) => sync(configPath, request, signal),
    async organisations(corpId = [...sandbox.world.corps.keys()][0] ?? '', before) {
      return { stored: await storedOrganisation(storeUrl, corpId), source: trueOrganisation(sandbox.truth(corpId), before) };
    },
  };
}

const CALM = new AbortController().signal;

const MUTE = createTerminal(
  { json: false, quiet: true, verbose: 0, color: false },
  { stdout: process.stdout, stderr: process.stderr, env: {}, scrub: (text) => text },
);

async function migrate(configPath: string): Promise<void> {
  const app = await open(configPath, CALM);
  try {
    await (await app.migrator()).migrate();
  } finally {
    await app.close();
  }
}

async function sync(configPath: string, request: Partial<RunRequest> = {}, signal = CALM): Promise<RunReport> {
  const app = await open(configPath, signal);
  try {
    const deps = await app.runDeps({ meter: NO_METER, started: () => undefined }, { onCorps: () => undefined, onStep: () => undefined, onEnd: () => undefined }, { dryRun: request.dryRun ?? false });
    const all = { corps: () => app.corps(), named: false, dryRun: false, allowDepartures: false, ignoreGate: false, waitMs: 0 };
    return await run({ ...all, ...request }, deps);
  } finally {
    await app.close();
  }
}

function open(configPath: string, signal: AbortSignal): ReturnType<typeof openApp> {
  const loaded = loadConfig({ explicitPath: configPath, env: {}, cwd: '/', home: '/nonexistent' });
  const context: CommandContext = { terminal: MUTE, env: {}, signal, scrub: (text) => text, protect: () => undefined, loadConfig: () => loaded, endWith: () => undefined };
  return loaded.then((config) => openApp(config, context));
}
