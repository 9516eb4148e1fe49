import { readFile } from 'node:fs/promises';
import { Command } from '@commander-js/extra-typings';
import type { GetContext } from '../app/context.ts';
import { packageFile } from '../version.ts';

const EXAMPLES = `
Examples:
  orgsync config show                  what holds, wherever it was written; secrets as ***
  orgsync config show --json
  orgsync config example > config.yml  the commented example, to begin with
  orgsync config schema > orgsync.schema.json`;

/** `orgsync config`: shows the configuration, an example of one, and its schema. */
export function configCommand(getContext: GetContext): Command {
  const config = new Command('config').description('Show the configuration, or what it may hold').addHelpText('after', EXAMPLES);
  config
    .command('show')
    .description('Show the configuration that holds here, defaults included, secrets masked')
    .addHelpText('after', '\nExamples:\n  orgsync config show\n  orgsync -c staging.yml config show --json')
    .action(async () => {
      const { terminal, loadConfig } = getContext();
      const [loaded, { effectiveConfig, effectiveYaml }] = await Promise.all([loadConfig(), import('../config/show.ts')]);
      if (!terminal.takesNotes) for (const { message, fix } of loaded.warnings) terminal.warn(`orgsync: ${message}: ${fix}`);
      if (terminal.json) terminal.document(effectiveConfig(loaded));
      else terminal.data(effectiveYaml(loaded));
    });
  config
    .command('example')
    .description('Print the commented example, with every key')
    .addHelpText('after', '\nExamples:\n  orgsync config example > config.yml')
    .action(async () => {
      const { terminal } = getContext();
      const example = await readFile(packageFile('config.example.yml'), 'utf8');
      if (terminal.json) terminal.document({ example });
      else terminal.data(example.trimEnd());
    });
  config
    .command('schema')
    .description('Print the JSON Schema of the configuration')
    .addHelpText('after', '\nExamples:\n  orgsync config schema > orgsync.schema.json')
    .action(async () => {
      const { terminal } = getContext();
      const { jsonSchema } = await import('../config/json-schema.ts');
      if (terminal.json) terminal.document(jsonSchema());
      else terminal.data(JSON.stringify(jsonSchema(), null, 2));
    });
  return config;
}
