import { Command } from '@commander-js/extra-typings';
import type { App } from '../app/app.ts';
import { once } from '../app/once.ts';
import { withApp } from '../app/with-app.ts';
import type { LoadedConfig } from '../config/load.ts';
import { NO_METER } from '../core/meter.ts';
import type { Corp, Json } from '../core/model.ts';
import { formatNames, reportFailure } from '../core/finding.ts';
import type { Finding } from '../core/finding.ts';
import { asOrgsyncError, EXIT_CODES } from '../errors.ts';
import type { ErrorKind } from '../errors.ts';
import type { CheckDeps, Diagnosis } from '../sync/checks.ts';
import { plain } from '../terminal/terminal.ts';
import type { Bars, Terminal } from '../terminal/terminal.ts';
import type { CommandContext, GetContext } from '../app/context.ts';
import { collect } from './options.ts';

const HELP = `
Examples:
  orgsync doctor                       is everything as a run needs it?
  orgsync doctor --corp "Head office"  only this corp’s credential, beside the rest
  orgsync doctor --quiet               only what is wrong

Writes nothing. Sends WeCom a handful of requests per corp.

Exit codes:
  0 nothing is wrong (doubts may be) · 69 unreachable · 77 refused · 78 configuration`;

/** `orgsync doctor`: checks everything that a run needs, and prints one line per finding, with the fix. */
export function doctorCommand(getContext: GetContext): Command {
  const command = new Command('doctor')
    .description('Check configuration, store, Redis, and what each corp’s credential may do')
    .option('--corp <id|name>', 'of the corps, only this one; may be given several times', collect, [])
    .addHelpText('after', HELP);
  return command.action(async ({ corp }) => {
    const context = getContext();
    const loaded = await load(context);
    if ('finding' in loaded) {
      conclude([loaded.finding], EXIT_CODES[loaded.kind], context);
      return;
    }
    await withApp(context, (app) => examine(app, loaded, corp, context));
  });
}

/** With more corps than this, what is alike in several of them is shown once, after the last of them. */
const MOST_ONE_BY_ONE = 5;

/** Combines findings that are alike: those without a problem by their title, the others by all that they say. */
function combine(findings: readonly Diagnosis[], total: number): readonly Diagnosis[] {
  const groups = new Map<string, [Diagnosis, ...Diagnosis[]]>();
  for (const finding of findings) {
    const key = JSON.stringify(finding.result === 'ok' ? finding.title : { ...finding, corp: null });
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [finding]);
    else group.push(finding);
  }
  return [...groups.values()].map((group) => {
    const [first] = group;
    const isShared = group.every(({ detail }) => detail === first.detail);
    const name = group.length === total ? `all ${total} corps` : formatNames(group.flatMap(({ corp }) => corp?.name ?? []));
    return { ...first, detail: isShared ? first.detail : '', corp: { id: first.corp?.id ?? '', name } };
  });
}

/** Loads the configuration. When that fails, the failure is the only finding. */
async function load(context: CommandContext): Promise<LoadedConfig | { readonly finding: Diagnosis; readonly kind: ErrorKind }> {
  try {
    return await context.loadConfig();
  } catch (thrown) {
    const error = asOrgsyncError(thrown);
    if (error.kind === 'defect') throw thrown;
    const finding: Diagnosis = { ...reportFailure('the configuration is valid', error), corp: null };
    show(finding, context.terminal);
    return { finding, kind: error.kind };
  }
}

async function examine(app: App, loaded: LoadedConfig, corps: readonly string[], context: CommandContext): Promise<void> {
  const { diagnose, diagnosisExitCode } = await import('../sync/checks.ts');
  const findings: Diagnosis[] = [];
  const deps = depsOf(app, loaded, corps, context);
  let bars: Bars | undefined;
  let total = 0;
  const known = async (): Promise<readonly Corp[]> => {
    const found = await deps.corps();
    total = found.length;
    return found;
  };
  try {
    for await (const finding of diagnose({ ...deps, corps: known })) {
      findings.push(finding);
      if (finding.corp === null || total <= MOST_ONE_BY_ONE) show(finding, context.terminal);
      else (bars ??= context.terminal.bars()).update('corps', new Set(findings.map(({ corp }) => corp?.id)).size - 1, total);
    }
  } finally {
    bars?.stop();
  }
  if (total > MOST_ONE_BY_ONE) for (const finding of combine(findings.filter(({ corp }) => corp !== null), total)) show(finding, context.terminal);
  conclude(findings, diagnosisExitCode(findings), context);
}

function depsOf(app: App, { config, path, warnings, oldNames }: LoadedConfig, corps: readonly string[], { env, signal }: CommandContext): CheckDeps {
  const directory = once(() => app.openDirectory(NO_METER));
  return {
    config: { path, warnings: [...warnings, ...oldNames], gate: config.gate, readOnly: config.read_only },
    env,
    signal,
    clock: app.clock,
    inspectStore: () => app.inspectStore(),
    inspectRedis: config.redis === undefined ? null : () => app.inspectRedis(),
    inspectMetrics: async () => (await import('../app/reporters.ts')).inspectMetrics(config.metrics),
    leases: { holders: async () => (await app.leases()).holders() },
    corps: () => app.corps(corps),
    refusals: async () => (await app.store()).refusals(app.writer),
    probe: async (corp: Corp, until: AbortSignal) => (await directory()).probe(corp, until),
  };
}

function show(finding: Diagnosis, terminal: Terminal): void {
  if (terminal.quiet && finding.result === 'ok') return;
  terminal.data(findingText(finding, terminal));
}

/** Formats a finding: one line, and below it the fix, if there is one. */
function findingText(finding: Diagnosis, { paint, hang }: Pick<Terminal, 'paint' | 'hang'>): string {
  const { title, detail, corp } = finding;
  const mark = { ok: paint.green('ok  '), warning: paint.yellow('warn'), failed: paint.red('FAIL') }[finding.result];
  const about = corp === null ? title : `${corp.name}: ${title}`;
  const [first = '', ...more] = detail.split('\n');
  const lines = [hang(`${mark}  `, plain(first === '' ? about : `${about}: ${first}`)), ...more.map((line) => hang('        ', plain(line)))];
  const fix = fixOf(finding);
  return [...lines, ...(fix === null ? [] : [hang(`      ${paint.bold('fix:')} `, plain(fix))])].join('\n');
}

function conclude(findings: readonly Diagnosis[], exitCode: number, context: CommandContext): void {
  const { terminal } = context;
  context.endWith(exitCode);
  const wrong = findings.filter(({ result }) => result === 'failed').length;
  const doubtful = findings.filter(({ result }) => result === 'warning').length;
  if (terminal.json) terminal.document({ exit_code: exitCode, wrong, doubtful, checks: findings.map(findingDocument) });
  else if (!terminal.quiet) terminal.data(`\n${wrong === 0 ? 'nothing is wrong' : `${wrong} wrong`}${doubtful === 0 ? '' : `, ${doubtful} worth a look`}`);
}

/** The results in the document of `doctor --json`. */
const RESULTS = { ok: 'ok', warning: 'warn', failed: 'fail' } as const satisfies Record<Finding['result'], string>;

function findingDocument(finding: Diagnosis): Json {
  const { title, result, detail, corp } = finding;
  return { title, result: RESULTS[result], detail, fix: fixOf(finding), corp_id: corp?.id ?? null };
}

function fixOf(finding: Finding): string | null {
  return finding.result === 'ok' || finding.fix === '' ? null : finding.fix;
}
