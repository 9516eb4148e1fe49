import { Command } from '@commander-js/extra-typings';
import type { GetContext } from '../app/context.ts';
import { withApp } from '../app/with-app.ts';
import { OrgsyncError } from '../errors.ts';

const EXAMPLES = `
Examples:
  orgsync migrate                      create or upgrade the tables; safe to repeat
  orgsync migrate --print > tables.sql the SQL, for a DBA to read and run
  orgsync migrate --print --after 0003_external_position
                                       the SQL of an upgrade, from what SELECT MAX(name) FROM schema_migrations says`;

/** `orgsync migrate`: creates and upgrades the tables. */
export function migrateCommand(getContext: GetContext): Command {
  const command = new Command('migrate')
    .description('Create or upgrade the tables')
    .option('--print', 'print the SQL for an empty database, and connect to nothing')
    .option('--after <name>', 'with --print: only the migrations after this one, for tables that have it')
    .addHelpText('after', EXAMPLES);
  return command.action(async ({ print = false, after }) => {
    if (after !== undefined && !print) throw new OrgsyncError('usage', { code: 'conflicting_options', message: '--after goes with --print', hint: 'without --print, orgsync sees by itself what is missing' });
    const context = getContext();
    const { terminal } = context;
    await withApp(context, async (app) => {
      const migrator = await app.migrator();
      if (print) return show(terminal, { sql: migrator.sql(after) }, migrator.sql(after));
      const applied = await migrator.migrate();
      if (terminal.json || !terminal.quiet) show(terminal, { applied }, applied.length === 0 ? 'the tables are up to date' : applied.map((name) => `applied ${name}`).join('\n'));
    });
  });
}

function show(terminal: { json: boolean; data(text: string): void; document(value: unknown): void }, document: unknown, text: string): void {
  if (terminal.json) terminal.document(document);
  else terminal.data(text);
}
