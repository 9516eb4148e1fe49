import { Command } from '@commander-js/extra-typings';
import type { App } from '../app/app.ts';
import { nearest } from '../core/nearest.ts';
import type { Holder, Leases } from '../core/ports/leases.ts';
import { formatAge } from '../core/status.ts';
import { OrgsyncError } from '../errors.ts';
import { plain } from '../terminal/terminal.ts';
import type { CommandContext, GetContext } from '../app/context.ts';
import { withApp } from '../app/with-app.ts';

const HELP = `
Examples:
  orgsync status                       who holds what
  orgsync unlock run                   asks before it frees the lease of the scheduled run
  orgsync unlock corp:ww12ab --yes     for scripts

Only the lease that was shown is freed: when it has changed hands before the answer, it is left alone. A lease ends by
itself when its holder is gone (lock.ttl), so this is for one that is stuck. Whoever held it is fenced
off as soon as the next run begins: it cannot write over what that one does.

Exit codes:
  0 free now, or it was · 64 there is no such lease, or nobody could be asked · 69 unreachable`;

/** `orgsync unlock`: frees a lease of any holder, but only the lease that was shown: the answer to the question may come late. */
export function unlockCommand(getContext: GetContext): Command<[string]> {
  const command = new Command('unlock')
    .description('Free a lease whoever holds it, after asking')
    .argument('<name>', 'the lease: run, run:1/4, corp:ww…; orgsync status shows them')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', HELP);
  return command.action(async (name, { yes = false }) => {
    const context = getContext();
    await withApp(context, async (app) => unlock(name, yes, app, context));
  });
}

async function unlock(typed: string, yes: boolean, app: App, context: CommandContext): Promise<void> {
  const { terminal } = context;
  const leases = await app.leases();
  const held = await leases.holders();
  const holder = held.find((one) => one.name.toLowerCase() === typed.toLowerCase());
  if (holder === undefined) {
    const name = await leaseCalled(typed, held, app);
    const others = held.length === 0 ? 'no lease is held' : `held are: ${held.map((one) => one.name).join(', ')}`;
    show(context, { name, released: false, holder: null }, `nobody holds ${name}; ${others}`);
    return;
  }
  const { name } = holder;
  const who = `${name} is held by ${holder.host} (pid ${holder.pid}) for ${formatAge(Math.max(0, app.clock.now() - holder.since.getTime()))}`;
  terminal.note(plain(who));
  if (!yes && !(await askToFree(name, context))) {
    show(context, { name, released: false, holder }, 'left as it is');
    return;
  }
  if (!(await leases.forceRelease(holder))) {
    show(context, { name, released: false, holder }, `${name} is no longer what it was: ${await newsOf(name, leases)}; nothing was freed`);
    return;
  }
  app.log('warn', 'lease_forced', `the lease ${name} of ${holder.host} (pid ${holder.pid}) was freed by hand`, { lease: name });
  const others = await othersOf(holder, leases);
  const more = others.length === 0 ? [] : ['the same process still holds others; if it is dead, free each of them, too:', ...others.map((other) => `  orgsync unlock ${other}`)];
  show(context, { name, released: true, holder, others }, [`freed ${name}, which ${holder.host} (pid ${holder.pid}) held`, ...more].join('\n'));
}

/** The other leases of a holder: a run that was killed leaves those of its corps as well, and the next run would skip these corps. */
async function othersOf({ host, pid }: Holder, leases: Leases): Promise<readonly string[]> {
  const held = await leases.holders();
  return held.filter((one) => one.host === host && one.pid === pid).map(({ name }) => name);
}

/** Returns the lease's name, in its own spelling. Throws `usage` / `unknown_lease` when there is no lease of this name. */
async function leaseCalled(typed: string, held: readonly Holder[], app: Pick<App, 'corps'>): Promise<string> {
  const wanted = typed.toLowerCase();
  if (/^run(:\d+\/\d+)?$/.test(wanted)) return wanted;
  const corps = await app.corps();
  const name = corps.map(({ id }) => `corp:${id}`).find((lease) => lease.toLowerCase() === wanted);
  if (name !== undefined) return name;
  const called = corps.filter((corp) => [corp.id.toLowerCase(), corp.name.toLowerCase()].includes(wanted)).map(({ id }) => `corp:${id}`);
  const near = called[0] ?? nearest(typed, [...held.map((one) => one.name), 'run', ...corps.map(({ id }) => `corp:${id}`)]);
  throw new OrgsyncError('usage', {
    code: 'unknown_lease',
    message: `there is no lease ${typed}`,
    hint: `${near === undefined ? '' : `did you mean ${near}? `}${held.length === 0 ? 'no lease is held' : `held are: ${held.map((one) => one.name).join(', ')}`}; the names are run, run:I/N, and corp:ID of a configured corp`,
  });
}

/** Describes what happened to a lease between the question and the answer. */
async function newsOf(name: string, leases: Leases): Promise<string> {
  const now = (await leases.holders()).find((one) => one.name === name);
  return now === undefined ? 'its holder is done with it' : `${now.host} (pid ${now.pid}) has taken it meanwhile`;
}

async function askToFree(name: string, { terminal, signal }: CommandContext): Promise<boolean> {
  const { confirm } = await import('../terminal/confirm.ts');
  return await confirm(`Free ${name}?`, { interactive: terminal.interactive, signal });
}

interface Unlocked {
  readonly name: string;
  readonly released: boolean;
  readonly holder: Holder | null;
  /** The leases that the same process still holds. */
  readonly others?: readonly string[];
}

function show({ terminal }: CommandContext, { name, released, holder, others = [] }: Unlocked, text: string): void {
  const was = holder === null ? null : { host: holder.host, pid: holder.pid, since: holder.since.toISOString(), expires_at: holder.expiresAt?.toISOString() ?? null };
  if (terminal.json) terminal.document({ name, released, holder: was, still_held: others });
  else if (!terminal.quiet) terminal.data(text.split('\n').map(plain).join('\n'));
}
