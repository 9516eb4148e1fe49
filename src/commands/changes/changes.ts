import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { DURATION_FORM, parseDuration } from '../../core/duration.ts';
import type { ChangeRecord, Changes } from '../../core/ports/history.ts';
import { OrgsyncError } from '../../errors.ts';
import type { ChangesRequest } from '../../sync/changes.ts';
import { changesCsv, changesDocument, changesText } from './view.ts';
import { replicaText } from '../../terminal/replica.ts';
import { localTime } from '../../terminal/text.ts';
import type { CommandContext, GetContext } from '../../app/context.ts';
import { withApp } from '../../app/with-app.ts';
import { collect, duration, wholeNumber } from '../options.ts';

const HELP = `
Examples:
  orgsync changes                                 the last seven days, every corp
  orgsync changes --since 2026-03-01 --action departed
  orgsync changes --member 13800138000            a person's whole story; a userid will do
  orgsync changes --department 研发 --since 90d   its own changes, and who came and went
  orgsync changes --since 30d --csv > changes.csv for a spreadsheet

Exit codes:
  0 done · 1 nobody is known by --member · 69 unreachable · 77 refused · 78 configuration`;

const ACTIONS = ['joined', 'departed', 'returned', 'changed', 'created', 'removed', 'restored'] as const satisfies readonly ChangeRecord['action'][];
const MS_PER_WEEK = 7 * 24 * 3_600_000;

interface Options {
  readonly since?: Date | undefined;
  readonly corp: readonly string[];
  readonly member?: string | undefined;
  readonly department?: string | undefined;
  readonly action: readonly ChangeRecord['action'][];
  readonly limit: number;
  readonly csv?: true | undefined;
}

const NO_ACTIONS: readonly ChangeRecord['action'][] = [];

/** `orgsync changes`: who joined, left, moved, was renamed, and when. */
export function changesCommand(getContext: GetContext): Command {
  const action = new Option('--action <action>', 'only this kind; may be given several times').choices(ACTIONS).default(NO_ACTIONS);
  const command = new Command('changes')
    .description('Show who joined, left, moved, was renamed, and when')
    .option('--since <when>', 'a duration such as 7d, or a date such as 2026-03-01 (default: 7d, or everything for one member or department)', moment)
    .option('--corp <id|name>', 'only this corp; may be given several times', collect, [])
    .option('--member <userid|phone>', 'only this person')
    .option('--department <id|name>', 'only this department, and who came to it or left it')
    .addOption(action.argParser(collectAction))
    .option('--limit <n>', 'the newest so many', wholeNumber(1, 99_999_999), 1_000)
    .option('--csv', 'print a table for spreadsheets')
    .addHelpText('after', HELP);
  return command.action(async (options) => {
    const context = getContext();
    if (options.csv && context.terminal.json) throw usage('--csv and --json cannot be combined', 'choose one');
    const request = requestOf(options);
    show(await look(request, options.corp, context), request, options, context);
  });
}

function requestOf({ since, member, department, action, limit }: Options): ChangesRequest {
  const from = since ?? (member === undefined && department === undefined ? new Date(Date.now() - MS_PER_WEEK) : undefined);
  return {
    limit,
    ...(from === undefined ? {} : { since: from }),
    ...(member === undefined ? {} : { member }),
    ...(department === undefined ? {} : { department }),
    ...(action.length === 0 ? {} : { actions: action }),
  };
}

async function look(request: ChangesRequest, corps: readonly string[], context: CommandContext): Promise<Changes> {
  return await withApp(context, async (app) => {
    const { readChanges } = await import('../../sync/changes.ts');
    const { store, history, replica } = await app.reading();
    const corpIds = corps.length === 0 ? {} : { corpIds: (await app.corps(corps)).map(({ id }) => id) };
    const changes = await readChanges({ ...request, ...corpIds }, { store, history, region: app.config.lookup.default_region });
    const ofReplica = replicaText(await replica);
    if (ofReplica !== null) context.terminal.warn(ofReplica);
    return changes;
  });
}

function show(changes: Changes, { since, limit }: ChangesRequest, { csv }: Options, { terminal }: CommandContext): void {
  if (terminal.json) terminal.document(changesDocument(changes, since));
  else if (csv) terminal.data(changesCsv(changes));
  else if (changes.records.length > 0) terminal.data(changesText(changes, terminal));
  else terminal.note(`no changes${since === undefined ? '' : ` since ${localTime(since)}`}`);
  if (changes.more) terminal.warn(`these are the newest ${limit}; --limit ${limit * 10} reaches further back`);
}

function moment(text: string): Date {
  if (parseDuration(text) !== undefined) return new Date(Date.now() - duration(text));
  const day = /^\d{4}-\d{2}-\d{2}/u.exec(text)?.[0];
  if (day === undefined) throw new InvalidArgumentError(`Give ${DURATION_FORM}, or a date such as 2026-03-01.`);
  const at = new Date(text === day ? `${day}T00:00:00` : text);
  if (Number.isNaN(at.getTime()) || !isInCalendar(day)) throw new InvalidArgumentError('There is no such date; give one such as 2026-03-01 or 2026-03-01T09:30.');
  return at;
}

/** Whether the date exists: `new Date` turns the 30th of February into the 2nd of March. */
function isInCalendar(day: string): boolean {
  const at = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day);
}

function collectAction(value: string, earlier: readonly ChangeRecord['action'][]): readonly ChangeRecord['action'][] {
  const known = ACTIONS.find((action) => action === value);
  if (known === undefined) throw new InvalidArgumentError(`Give one of ${ACTIONS.join(', ')}.`);
  return [...earlier, known];
}

function usage(message: string, hint: string): OrgsyncError {
  return new OrgsyncError('usage', { code: 'conflicting_options', message, hint });
}
