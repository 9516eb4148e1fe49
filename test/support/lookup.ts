import { openApp } from '../../src/app/app.ts';
import type { App } from '../../src/app/app.ts';
import type { CommandContext } from '../../src/app/context.ts';
import { loadConfig } from '../../src/config/load.ts';
import { NO_METER } from '../../src/core/meter.ts';
import type { Ration } from '../../src/core/ports/ration.ts';
import { lookup, lookupMany } from '../../src/sync/lookup/lookup.ts';
import type { LookupAnswer, LookupDeps } from '../../src/sync/lookup/lookup.ts';
import { createLiveQuestion } from '../../src/sync/lookup/live.ts';
import type { LiveQuestion } from '../../src/sync/lookup/live.ts';
import { createTerminal } from '../../src/terminal/terminal.ts';
import type { Stage } from './stage.ts';

/** How to ask. */
export interface Asking {
  readonly readOnly?: boolean;
  /** Instead of the configured one. */
  readonly ration?: Ration;
}

const MUTE = createTerminal(
  { json: false, quiet: true, verbose: 0, color: false },
  { stdout: process.stdout, stderr: process.stderr, env: {}, scrub: (text) => text },
);

/** Opens everything anew, as a process would, lets `use` work with it, and closes it. */
async function withStageApp<T>({ configPath }: Pick<Stage, 'configPath'>, readOnly: boolean, use: (app: App) => Promise<T>): Promise<T> {
  const env: Record<string, string> = readOnly ? { ORGSYNC_READ_ONLY: '1' } : {};
  const loaded = await loadConfig({ explicitPath: configPath, env, cwd: '/', home: '/nonexistent' });
  const context: CommandContext = { terminal: MUTE, env, signal: new AbortController().signal, scrub: (text) => text, protect: () => undefined, loadConfig: () => Promise.resolve(loaded), endWith: () => undefined };
  const app = await openApp(loaded, context);
  try {
    return await use(app);
  } finally {
    await app.close();
  }
}

/** Asks the store and WeCom for one number after the other, as one process does. */
export async function askLive(stage: Stage, phones: readonly string[], { readOnly = false, ration }: Asking = {}): Promise<readonly LookupAnswer[]> {
  return withStageApp(stage, readOnly, async (app) => {
    const ask = await liveQuestion(app, ration);
    const answers: LookupAnswer[] = [];
    for (const phone of phones) answers.push(await lookup(phone, { ...(await storeDeps(app)), ask }));
    return answers;
  });
}

/** Asks the store and WeCom for a batch of numbers, as one process does with a file. */
export async function askBatch(stage: Stage, phones: readonly string[]): Promise<readonly LookupAnswer[]> {
  return withStageApp(stage, false, async (app) => {
    const deps = { ...(await storeDeps(app)), ask: await liveQuestion(app, undefined) };
    const answers: LookupAnswer[] = [];
    for await (const { answer } of lookupMany(phones.map((phone) => ({ phone })), deps)) if (answer !== undefined) answers.push(answer);
    return answers;
  });
}

/** Asks the store for one number. */
export async function askStore(stage: Stage, phone: string): Promise<LookupAnswer> {
  return withStageApp(stage, false, async (app) => lookup(phone, await storeDeps(app)));
}

async function storeDeps(app: App): Promise<LookupDeps> {
  return { store: await app.store(), clock: app.clock, corps: await app.corps(), named: false, staleAfterMs: app.config.alerts.stale_after };
}

async function liveQuestion(app: App, ration: Ration | undefined): Promise<LiveQuestion> {
  const { read_only: readOnly, lookup: settings } = app.config;
  return createLiveQuestion({
    corps: await app.corps(),
    directory: await app.openDirectory(NO_METER),
    ration: ration ?? (await app.ration()),
    store: await app.store(),
    writer: app.writer,
    clock: app.clock,
    log: app.log,
    readOnly,
    region: settings.default_region,
    maxWrongShare: settings.max_wrong_share,
    forgetWrongAfterMs: settings.forget_wrong_after,
    signal: new AbortController().signal,
  });
}
