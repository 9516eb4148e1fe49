import { countOf } from '../core/count.ts';
import { Command } from '@commander-js/extra-typings';
import type { App } from '../app/app.ts';
import type { Forgettable, Forgotten } from '../sync/forget.ts';
import { OrgsyncError } from '../errors.ts';
import { plain } from '../terminal/terminal.ts';
import type { CommandContext, GetContext } from '../app/context.ts';
import { withApp } from '../app/with-app.ts';
import { collect } from './options.ts';

const HELP = `
Examples:
  orgsync forget zhangsan --corp "Head office"
  orgsync forget 13800138000           everyone who has, or had last, this number
  orgsync forget zhangsan --yes        for scripts

Erases the person’s row, memberships and changes, and their userid where others’ rows and changes name them as a leader.
Not erased: log files, backups, reports made before, and WeCom’s own record. Needs DELETE on members and UPDATE on
changes, which a run does not.

Exit codes:
  0 done, or not confirmed · 1 nobody is known by this · 64 usage · 69 unreachable · 77 refused by the database`;

interface Options {
  readonly corp: readonly string[];
  readonly yes?: boolean | undefined;
  readonly current?: boolean | undefined;
}

/** `orgsync forget`: erases a person. */
export function forgetCommand(getContext: GetContext): Command<[string]> {
  const command = new Command('forget')
    .description('Erase a person, history included, after asking')
    .argument('<userid|phone>', 'whom')
    .option('--corp <id|name>', 'only in this corp; may be given several times', collect, [])
    .option('--current', 'also somebody who is still a member; the next run that sees them stores them again')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', HELP);
  return command.action(async (typed, options) => {
    const context = getContext();
    await withApp(context, async (app) => forgetPerson(typed, options, app, context));
  });
}

async function forgetPerson(typed: string, { corp, yes = false, current = false }: Options, app: App, context: CommandContext): Promise<void> {
  const { findForgettable, forget } = await import('../sync/forget.ts');
  if (app.config.read_only) throw new OrgsyncError('refused', { code: 'read_only', message: 'the store is read-only', hint: 'take read_only out of the configuration, or ORGSYNC_READ_ONLY out of the environment' });
  const deps = { store: await app.store(), history: await app.history(), ration: await app.ration(), log: app.log, region: app.config.lookup.default_region };
  const corpIds = corp.length === 0 ? undefined : (await app.corps(corp)).map(({ id }) => id);
  const people = await findForgettable(typed, corpIds, deps);
  if (!current) refuseCurrent(people);
  for (const person of people) context.terminal.note(`  ${inWords(person)}`);
  const agreed = yes || (await askToErase(people.length, context));
  show(agreed ? await forget(people, deps) : [], context);
}

/** Throws when a person is still a member: the next run would store them again, only without their history. */
function refuseCurrent(people: readonly Forgettable[]): void {
  const present = people.find(({ current }) => current);
  if (present === undefined) return;
  throw new OrgsyncError('usage', {
    code: 'still_member',
    message: `${inWords(present)}: the next run would store them again`,
    hint: 'take them out of the enterprise, or of the application’s visible range, and run; or insist with --current',
  });
}

function inWords({ corp, userid, name, current }: Forgettable): string {
  return plain(`${name ?? 'a person of whom only changes are left'} (${userid}) of ${corp.name}, ${current ? 'a current member' : 'departed'}`);
}

async function askToErase(count: number, { terminal, signal }: CommandContext): Promise<boolean> {
  const { confirm } = await import('../terminal/confirm.ts');
  return await confirm(`Erase ${count === 1 ? 'this person' : `these ${count} people`} for good?`, { interactive: terminal.interactive, signal });
}

function show(forgotten: readonly Forgotten[], { terminal }: CommandContext): void {
  if (terminal.json) {
    terminal.document({ forgotten: forgotten.map(({ corp, userid, erased }) => ({ corp_id: corp.id, userid, ...erased })) });
    return;
  }
  const lines = forgotten.map(({ corp, userid, erased }) =>
    plain(`erased ${userid} of ${corp.name}: ${countOf(erased.members, 'member')}, ${countOf(erased.memberships, 'membership')}, ${countOf(erased.changes, 'change')}, ${countOf(erased.mentions, 'mention')} elsewhere`));
  terminal.data(forgotten.length === 0 ? 'nobody was erased' : lines.join('\n'));
}
