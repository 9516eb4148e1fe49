import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import type { App } from '../../app/app.ts';
import type { LiveParts } from '../../app/live.ts';
import { parseMainlandMobile } from '../../core/mobile.ts';
import type { ParsedPhone } from '../../core/phone.ts';
import { gravestExitCode, OrgsyncError } from '../../errors.ts';
import type { LookupAnswer, LookupDeps } from '../../sync/lookup/lookup.ts';
import type { ReplicaState } from '../../core/ports/replica.ts';
import type { CommandContext, GetContext } from '../../app/context.ts';
import { withApp } from '../../app/with-app.ts';
import { collect } from '../options.ts';
import { notAPhone } from './error.ts';

const HELP = `
Examples:
  orgsync lookup 13800138000
  orgsync lookup '+852 6123 4567' --corp "Head office"
  orgsync lookup 13800138000 --live          ask WeCom as well, and write its answer to the store
  orgsync lookup --file numbers.txt          one number a line; - reads standard input
  orgsync lookup --file numbers.txt --json   one JSON document a line

Exit codes:
  0 found · 1 no current member has this number (with --live: none that WeCom shows, nor the store where WeCom was not asked)
  2 nobody was found, and not every corp could have known: never synced, not for long, shown no mobiles, with members who could not be read, or no longer configured
  64 not a phone number, or an unknown corp · 69 unreachable · 75 try again · 77 refused · 78 configuration`;

interface Options {
  readonly corp: readonly string[];
  readonly live?: true | undefined;
  readonly file?: string | undefined;
}

/** `orgsync lookup`: who has this number. */
export function lookupCommand(getContext: GetContext): CommandUnknownOpts {
  const command = new Command('lookup')
    .description('Show who has a phone number')
    .argument('[phone...]', 'the number, in any usual spelling')
    .option('--corp <id|name>', 'only in this corp; may be given several times', collect, [])
    .option('--live', 'ask WeCom, corp by corp, the likeliest first, and write its answer to the store')
    .option('--file <path>', 'look up the numbers in this file, one a line; - reads standard input')
    .addHelpText('after', HELP);
  return command.action(async (words, options) => {
    const context = getContext();
    const typed = words.join(' ');
    if ((typed === '') === (options.file === undefined)) throw new OrgsyncError('usage', WHAT_TO_LOOK_UP);
    if (options.file === undefined) await lookupOne(typed, options, context);
    else await lookupFile(options.file, options, context);
  });
}

const WHAT_TO_LOOK_UP = { code: 'no_phone' as const, message: 'lookup wants one phone number, or --file', hint: 'give the number after lookup, or name a file: orgsync lookup --file numbers.txt' };

async function lookupOne(typed: string, options: Options, context: CommandContext): Promise<void> {
  const { config } = await context.loadConfig();
  const parsed = await parse(typed, config.lookup.default_region);
  if ('problem' in parsed) throw notAPhone(typed, parsed.problem);
  await withDeps(options, context, async ({ replica, ...deps }, app) => {
    const [{ lookup }, { lookupErrors }] = await Promise.all([import('../../sync/lookup/lookup.ts'), import('../../sync/lookup/exit.ts')]);
    const answer = await lookup(parsed.e164, deps);
    await show(answer, await replica, context, app.config.read_only);
    context.endWith(gravestExitCode(lookupErrors(answer)));
  });
}

async function lookupFile(path: string, options: Options, context: CommandContext): Promise<void> {
  const { config } = await context.loadConfig();
  const { lookupBatch, readNumbers } = await import('./batch.ts');
  const numbers = await readNumbers(path, process.stdin, context.signal);
  await withDeps(options, context, async ({ replica, ...deps }) => {
    context.endWith(await lookupBatch({ numbers, region: config.lookup.default_region, deps, replica: await replica }, context));
  });
}

/** Parses a number. The numbering plans of other countries are loaded only when it is not a mainland mobile. */
async function parse(typed: string, region: string): Promise<ParsedPhone> {
  const mainland = parseMainlandMobile(typed, region);
  if (mainland !== undefined) return { e164: mainland };
  const { parsePhone } = await import('../../core/phone.ts');
  return parsePhone(typed, region);
}

async function withDeps(options: Options, context: CommandContext, use: (deps: Deps, app: App) => Promise<void>): Promise<void> {
  await withApp(context, async (app) => {
    const { flush, ...deps } = await lookupDeps(options, app, context);
    await use(deps, app).finally(flush);
  });
}

/** What a lookup needs, and how the replica that it reads compares with the store. */
interface Deps extends LookupDeps {
  readonly replica: Promise<ReplicaState | null>;
}

/** @returns also `flush`, which must be called when the lookup has ended */
async function lookupDeps({ corp: named, live }: Options, app: App, { signal }: CommandContext): Promise<Deps & Partial<Pick<LiveParts, 'flush'>>> {
  // WeCom's answer is compared with what the store holds, and written there.
  const { store, replica } = live ? { store: await app.store(), replica: Promise.resolve(null) } : await app.reading();
  const corps = await app.corps(named);
  const within = { store, replica, clock: app.clock, corps, named: named.length > 0, staleAfterMs: app.config.alerts.stale_after };
  if (!live) return within;
  const { createLiveQuestion } = await import('../../sync/lookup/live.ts');
  const { read_only: readOnly, lookup } = app.config;
  const { flush, ...parts } = await app.liveParts();
  const ask = createLiveQuestion({
    ...parts,
    corps,
    store,
    writer: app.writer,
    clock: app.clock,
    log: app.log,
    signal,
    readOnly,
    region: lookup.default_region,
    maxWrongShare: lookup.max_wrong_share,
    forgetWrongAfterMs: lookup.forget_wrong_after,
  });
  return { ...within, ask, flush };
}

async function show(answer: LookupAnswer, replica: ReplicaState | null, { terminal }: CommandContext, readOnly: boolean): Promise<void> {
  if (terminal.json) {
    const { lookupDocument } = await import('./json.ts');
    terminal.document(lookupDocument(answer, replica));
  } else {
    const { answerText } = await import('./text.ts');
    terminal.data(answerText(answer, replica, terminal, readOnly));
  }
  if (answer.live !== null) {
    const { complain } = await import('./live-text.ts');
    complain(answer.live, terminal);
  }
}
