import { Command, InvalidArgumentError } from '@commander-js/extra-typings';
import { DURATION_FORM } from '../../core/duration.ts';
import { idleHere } from '../../core/gate.ts';
import { HEALTH_EXIT_CODES } from '../../core/status.ts';
import { asOrgsyncError } from '../../errors.ts';
import type { Status } from '../../sync/status.ts';
import type { AnswerMisread, CommandContext, GetContext } from '../../app/context.ts';
import { withApp } from '../../app/with-app.ts';
import { duration } from '../options.ts';
import { nagiosLine, nagiosText, statusDocument, statusText, unknownDocument } from './view.ts';

const HELP = `
Examples:
  orgsync status                       every corp, who holds which lease, what went wrong last
  orgsync status --max-age 2h          critical when a last success is older
  orgsync status --nagios              one line with performance data, for Nagios, Icinga, Sensu, Zabbix …
  orgsync status --quiet               nothing while all is well; for cron

Exit codes:
  0 fresh · 1 warning (held back, interrupted, Redis down) · 2 stale or failing
  3 unknown (the store cannot tell, or the command line is wrong)

Last runs, oldest first: ▁…█ how long they took · ✗ failed · ! held back · ~ interrupted · ? ended without a word`;

interface Options {
  readonly maxAge?: number | undefined;
  readonly nagios?: boolean | undefined;
}

/** `orgsync status`: whether every corp is fresh, for people and for monitoring systems. */
export function statusCommand(getContext: GetContext): Command {
  const command = new Command('status')
    .description('Show each corp’s last success, last failure and size, and who holds which lease')
    .option('--max-age <duration>', 'how old a last success may be (default: alerts.stale_after)', age)
    .option('--nagios', 'print one line as monitoring plugins do')
    .addHelpText('after', HELP);
  return command.action(async (options) => {
    const context = getContext();
    try {
      show(await look(options, context), options, context);
    } catch (thrown) {
      if (context.signal.aborted) throw thrown;
      showUnknown(thrown, options, context);
    }
  });
}

async function look({ maxAge }: Options, context: CommandContext): Promise<Status> {
  return await withApp(context, async (app) => {
    const { readStatus } = await import('../../sync/status.ts');
    const { store, replica } = await app.reading();
    return await readStatus({
      store,
      replica,
      leases: { holders: async () => (await app.leases()).holders() },
      clock: app.clock,
      corps: await app.corps(),
      maxAgeMs: maxAge ?? app.config.alerts.stale_after,
      idleHere: idleHere({ gate: app.config.gate, env: context.env, readOnly: app.config.read_only }),
    });
  });
}

function show(status: Status, { nagios }: Options, context: CommandContext): void {
  const { terminal } = context;
  context.endWith(HEALTH_EXIT_CODES[status.health]);
  if (terminal.json) terminal.document(statusDocument(status));
  else if (nagios) terminal.data(nagiosLine(status));
  else if (!terminal.quiet || status.health !== 'ok') terminal.data(statusText(status, terminal));
}

/** Answers a wrong command line with the status "unknown". */
export const answerMisread: AnswerMisread = (error, context) => showUnknown(error, { nagios: context.argv.includes('--nagios') }, context);

/** Prints the status "unknown". For a monitoring system, any other exit code, or an empty line, would mean that the plugin is broken. */
function showUnknown(thrown: unknown, { nagios }: Options, context: Pick<CommandContext, 'terminal' | 'scrub' | 'endWith'>): void {
  const { terminal } = context;
  const error = asOrgsyncError(thrown);
  const exitCode = HEALTH_EXIT_CODES.unknown;
  context.endWith(exitCode);
  if (terminal.json) terminal.document(unknownDocument(error));
  else if (nagios) terminal.data(context.scrub(nagiosText('unknown', error.hint === undefined ? error.message : `${error.message} (fix: ${error.hint})`)));
  if (!nagios) terminal.error(error, exitCode);
}

function age(text: string): number {
  const ms = duration(text);
  if (ms === 0) throw new InvalidArgumentError(`Write it as ${DURATION_FORM}, more than 0.`);
  return ms;
}
