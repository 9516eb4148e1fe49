import { Command, InvalidArgumentError } from '@commander-js/extra-typings';
import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { App } from '../../app/app.ts';
import type { Reporters } from '../../app/reporters.ts';
import type { Shard } from '../../core/shard.ts';
import { asOrgsyncError } from '../../errors.ts';
import type { RunReport, RunRequest } from '../../sync/run.ts';
import { complaints } from '../../terminal/complaints.ts';
import { plain } from '../../terminal/terminal.ts';
import type { Terminal } from '../../terminal/terminal.ts';
import type { CommandContext, GetContext } from '../../app/context.ts';
import { withApp } from '../../app/with-app.ts';
import { collect, duration } from '../options.ts';
import { failedRunDocument, runDocument } from './json.ts';
import { planText } from './plan.ts';
import { barWatch, reportLines, summary } from './view.ts';

/** `orgsync run`: what cron starts. */
export function runCommand(getContext: GetContext): CommandUnknownOpts {
  const command = new Command('run')
    .description('Sync every configured corp, or the named ones')
    .option('--corp <id|name>', 'only this corp; may be given several times', collect, [])
    .option('--shard <i/n>', 'only the i-th of n parts of the corps, each part with a lease of its own', shard)
    .option('--dry-run', 'show what would change, write nothing (the same as orgsync plan)', false)
    .option('--allow-departures', 'this once, write more departures and removals than safety: allows', false)
    .option('--ignore-gate', 'run although gate: says that this is not the place', false)
    .option('--wait <duration>', 'wait so long for a lease that is held', durationOrNone, 0)
    .option('--max-run <duration>', 'stop after so long, with exit code 75', duration)
    .addHelpText('after', EXAMPLES.run);
  return command.action(async ({ dryRun, ...options }) => {
    await start({ ...options, dryRun }, getContext(), false);
  });
}

/** `orgsync plan`: a run that writes nothing and shows the difference. */
export function planCommand(getContext: GetContext): CommandUnknownOpts {
  const command = new Command('plan')
    .description('Show what a run would change; read WeCom, write nothing')
    .option('--corp <id|name>', 'only this corp; may be given several times', collect, [])
    .option('--shard <i/n>', 'only the i-th of n parts of the corps', shard)
    .option('--max-run <duration>', 'stop after so long, with exit code 75', duration)
    .option('--allow-departures', 'show all of what a run with this option would change, also what safety: holds back', false)
    .option('--exit-code', 'end with 2 when there is something to change', false)
    .addHelpText('after', EXAMPLES.plan);
  return command.action(async ({ exitCode, ...options }) => {
    await start({ ...options, dryRun: true, ignoreGate: false, wait: 0 }, getContext(), exitCode);
  });
}

const EXAMPLES = {
  run: `
Examples:
  orgsync run                          every corp; what a crontab holds
  orgsync run --corp "Head office"     one corp, beside the scheduled runs
  orgsync run --shard 2/3              the second third, for several schedulers
  orgsync run --corp ww12ab --allow-departures

Exit codes:
  0 done, or nothing to do here · 1 a corp failed · 3 a corp was held back
  69 unreachable · 75 try again · 77 refused · 78 configuration · 130, 143 stopped by a signal`,
  plan: `
Examples:
  orgsync plan
  orgsync plan --corp "Head office" --exit-code`,
};

interface StartOptions {
  readonly corp: readonly string[];
  readonly shard?: Shard | undefined;
  readonly dryRun: boolean;
  readonly allowDepartures: boolean;
  readonly ignoreGate: boolean;
  readonly wait: number;
  readonly maxRun?: number | undefined;
}

/** Opens what a run needs, runs, and prints the result. With `--json`, a run that could not begin also prints a document. */
async function start(options: StartOptions, context: CommandContext, pendingIsTwo: boolean): Promise<void> {
  const { terminal, signal } = context;
  const startedAt = new Date();
  try {
    const { report, reporters } = await withApp(context, async (app) => {
      const opened = await app.reporters(options.shard);
      return { report: await runAndReport(options, { reporters: opened, app, context }), reporters: opened };
    });
    show(report, options, context);
    if (isTroubled(report)) complainOfAlerts(reporters, context);
    const pending = report.corps.some(({ changes }) => changes !== null && changes.members.length + changes.departments.length > 0);
    if (report.exitCode !== 0) context.endWith(report.exitCode);
    else if (pendingIsTwo && pending) context.endWith(2);
  } catch (error) {
    const known = asOrgsyncError(signal.aborted ? signal.reason : error);
    if (terminal.json) terminal.document(failedRunDocument(known, { startedAt, finishedAt: new Date() }));
    throw known;
  }
}

interface Opened {
  readonly reporters: Reporters;
  readonly app: App;
  readonly context: CommandContext;
}

/** Runs, and calls the reporters with the result. */
async function runAndReport(options: StartOptions, { reporters, app, context }: Opened): Promise<RunReport> {
  try {
    const report = await runWithBars(options, app, reporters, context);
    if (!options.dryRun) await afterwards(report, { reporters, app, context });
    return report;
  } catch (error) {
    if (!options.dryRun) await reportRunFailure(error, { reporters, app, context });
    complainOfAlerts(reporters, context);
    throw error;
  }
}

/** Runs with a bar for each corp. */
async function runWithBars(options: StartOptions, app: App, reporters: Reporters, { terminal }: CommandContext): Promise<RunReport> {
  const { run } = await import('../../sync/run.ts');
  const watch = barWatch(terminal);
  try {
    // Check corps named by hand first. A whole run reads its corps later, because that may need the store.
    const named = options.corp.length > 0 ? await app.corps(options.corp) : undefined;
    return await run(request(options, async () => named ?? app.corps()), await app.runDeps(reporters, watch, options));
  } finally {
    watch.stop();
  }
}

/** Logs that a run could not begin, and reports it, unless it was stopped by a signal. */
async function reportRunFailure(thrown: unknown, { reporters, app: { log }, context: { signal } }: Opened): Promise<void> {
  const error = asOrgsyncError(signal.aborted ? signal.reason : thrown);
  log('error', 'run_failed', error.message, { code: error.code, hint: error.hint });
  if (!signal.aborted) await reporters.failed(error);
}

/** Finishes a run: calls the reporters, and deletes changes and runs older than `history.keep`. This does not change the result of the run. */
async function afterwards(report: RunReport, { reporters, app, context: { signal } }: Opened): Promise<void> {
  if (report.stale !== null) return await reporters.failed(report.stale);
  await reporters.ended(report, reportLines(report).join('\n'));
  if (report.outcome === 'skipped' || report.outcome === 'interrupted' || signal.aborted) return;
  const { pruneHistory } = await import('../../sync/changes.ts');
  await pruneHistory(app.config.history.keep, { history: await app.history(), clock: app.clock, log: app.log, signal });
}

function request(options: StartOptions, corps: RunRequest['corps']): RunRequest {
  return {
    corps,
    named: options.corp.length > 0,
    dryRun: options.dryRun,
    allowDepartures: options.allowDepartures,
    ignoreGate: options.ignoreGate,
    waitMs: options.wait,
    ...(options.shard === undefined ? {} : { shard: options.shard }),
    ...(options.maxRun === undefined ? {} : { maxRunMs: options.maxRun }),
  };
}

function show(report: RunReport, { dryRun }: StartOptions, { terminal }: CommandContext): void {
  if (terminal.json) terminal.document(runDocument(report));
  else if (dryRun) terminal.data(planText(report.corps, terminal));
  else if ((terminal.interactive || terminal.verbose > 0) && report.corps.length > 0) terminal.data(summary(report, terminal));
  if (report.note !== null) terminal.note(report.note);
  complain(report, terminal);
}

/** Prints all errors, because cron ignores exit codes; also one line when another process has the lease and makes no progress. */
function complain({ corps, stale }: RunReport, terminal: Terminal): void {
  if (stale !== null) terminal.warn(`orgsync: ${stale.message}; ${stale.hint ?? ''}`);
  for (const { about, error, departing } of complaints(corps)) {
    terminal.corpError(about, error);
    if (departing.length > 0) terminal.warn(`  would depart: ${plain(departing.join(', '))}${departing.length < 20 ? '' : ', …'}`);
  }
}

/** Whether something is printed on stderr even for cron. */
function isTroubled({ corps, stale }: RunReport): boolean {
  return stale !== null || corps.some(({ error }) => error !== null);
}

/** Beside a failure, one line when people were not told of it: the log, which says so as well, need not be configured. */
function complainOfAlerts(reporters: Pick<Reporters, 'undelivered'>, { terminal }: CommandContext): void {
  const lost = reporters.undelivered();
  if (lost.length > 0) terminal.warn(`orgsync: an alert about this could not be delivered by ${plain(lost.join('; '))}`);
}

function shard(value: string): Shard {
  const [, index, of] = /^(\d+)\/(\d+)$/.exec(value) ?? [];
  const parsed = { index: Number(index), of: Number(of) };
  if (!(parsed.index >= 1 && parsed.index <= parsed.of && parsed.of <= 1000)) throw new InvalidArgumentError('Write it as I/N, such as 1/3, with I from 1 to N.');
  return parsed;
}

/** As {@link duration}, but also accepts 0, which the help shows as the default. */
function durationOrNone(value: string): number {
  return value.trim() === '0' ? 0 : duration(value);
}
