import { homedir } from 'node:os';
import { join } from 'node:path';
import type { App } from '../../app/app.ts';
import type { CommandContext } from '../../app/context.ts';
import { readCorpNames } from '../../config/names.ts';
import type { Surroundings } from '../../config/find.ts';
import { parseDuration } from '../../core/duration.ts';
import type { Corp } from '../../core/model.ts';
import { formatAge } from '../../core/status.ts';
import type { Candidate, Expected, Source } from './expected.ts';

/** How long a store or Redis may take, because a person waits and does not know of either. {@link PATIENCE} sets another time, for slow machines. */
const PATIENCE_MS = 700;
const PATIENCE = 'ORGSYNC_COMPLETE_PATIENCE';

/** Finds the values of a source. What cannot be read in time has none: nothing is said, and nothing is thrown. */
export async function findValues(source: Exclude<Source, 'files'>, { given }: Expected, typed: string, context: CommandContext): Promise<readonly Candidate[]> {
  const from = surroundings(given.get('--config')?.at(-1), context);
  const wanted = given.get('--corp') ?? [];
  try {
    switch (source) {
      case 'corps':
        return corpCandidates(await findCorps(from, context), typed);
      case 'departments':
        return await withStore(from, context, (app) => findDepartments(app, wanted, typed));
      case 'leases':
        return await withStore(from, context, findLeases);
    }
  } catch {
    return [];
  }
}

function surroundings(named: string | undefined, { env }: CommandContext): Surroundings {
  const explicitPath = named?.startsWith('~/') === true ? join(homedir(), named.slice(2)) : named;
  return { explicitPath, env, get cwd() { return process.cwd(); }, get home() { return homedir(); } };
}

/** Reads the corps from the file, which needs none of its secrets; where a query reads them, those of the store. */
async function findCorps(from: Surroundings, context: CommandContext): Promise<readonly Corp[]> {
  const named = await readCorpNames(from);
  return named ?? (await withStore(from, context, async (app) => (await (await app.reading()).store.corps()).map(({ corp }) => corp)));
}

/** Corps are offered by their names, and by their ids where no name begins like that. */
function corpCandidates(corps: readonly Corp[], typed: string): readonly Candidate[] {
  const isNamed = corps.some(({ name }) => name.toLowerCase().startsWith(typed));
  return corps.map(({ id, name }) => (isNamed ? { word: name, about: id } : { word: id, about: name }));
}

async function findDepartments(app: App, named: readonly string[], typed: string): Promise<readonly Candidate[]> {
  const { history } = await app.reading();
  const corps = await app.corps(named);
  const found = new Map<string, string>();
  for (const corp of corps) {
    for (const { id, name } of await history.departments(corp.id)) {
      if (name !== null && name !== '') found.set(name, `${found.has(name) ? `${found.get(name) ?? ''}; ` : ''}${id}, ${corp.name}`);
      if (/^\d/.test(typed)) found.set(String(id), `${name ?? ''}, ${corp.name}`);
    }
  }
  return [...found].map(([word, about]) => ({ word, about }));
}

async function findLeases(app: App): Promise<readonly Candidate[]> {
  const held = await (await app.leases()).holders();
  return held.map(({ name, host, pid, since }) => ({ word: name, about: `held by ${host} (pid ${pid}) for ${formatAge(Math.max(0, app.clock.now() - since.getTime()))}` }));
}

/** Opens the application without its log, and gives up in time. */
async function withStore<T>(from: Surroundings, context: CommandContext, use: (app: App) => Promise<T>): Promise<T> {
  const [{ loadConfig }, { openApp }] = await Promise.all([import('../../config/load.ts'), import('../../app/app.ts')]);
  const loaded = await loadConfig(from);
  const { file: _unused, ...log } = loaded.config.log;
  const quiet = { ...loaded, oldNames: [], config: { ...loaded.config, log: { ...log, console: 'never' as const } } };
  const signal = AbortSignal.timeout(parseDuration(context.env[PATIENCE] ?? '') ?? PATIENCE_MS);
  const app = await openApp(quiet, { ...context, signal });
  const late = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
  try {
    return await Promise.race([use(app), late]);
  } finally {
    await app.close();
  }
}
