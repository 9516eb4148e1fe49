import { Command } from '@commander-js/extra-typings';
import { contextOf } from '../app/context.ts';

const EXAMPLES = `
Examples:
  orgsync migrate                      create or upgrade the tables; safe to repeat
  orgsync migrate --print > tables.sql the SQL, for a DBA to read and run`;

/** `orgsync migrate`: creates and upgrades the tables. */
export function migrateCommand(): Command {
  const command = new Command('migrate')
    .description('Create or upgrade the tables')
    .option('--print', 'print the SQL for an empty database, and connect to nothing')
    .addHelpText('after', EXAMPLES);
  return command.action(async ({ print = false }, self) => {
    const context = contextOf(self);
    const { terminal } = context;
    const { openApp } = await import('../app/app.ts');
    const app = await openApp(await context.loadConfig(), context);
    try {
      const migrator = await app.migrator();
      if (print) show(terminal, { sql: migrator.sql() }, migrator.sql());
      else {
        const applied = await migrator.migrate();
        if (terminal.json || !terminal.quiet) show(terminal, { applied }, applied.length === 0 ? 'the tables are up to date' : applied.map((name) => `applied ${name}`).join('\n'));
      }
    } finally {
      await app.close();
    }
  });
}

function show(terminal: { json: boolean; data(text: string): void; document(value: unknown): void }, document: unknown, text: string): void {
  if (terminal.json) terminal.document(document);
  else terminal.data(text);
}
