import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Command } from '@commander-js/extra-typings';
import type { ReportData } from '../../core/report.ts';
import { OrgsyncError } from '../../errors.ts';
import { writeWhole } from '../../files.ts';
import { replicaText } from '../../terminal/replica.ts';
import { plain } from '../../terminal/terminal.ts';
import { packageVersion } from '../../version.ts';
import type { CommandContext, GetContext } from '../../app/context.ts';
import { withApp } from '../../app/with-app.ts';
import { collect, wholeNumber } from '../options.ts';
import { reportHtml } from './page.ts';
import type { PageParts } from './page.ts';

const HELP = `
Examples:
  orgsync report                       writes orgsync-report.html here
  orgsync report --out /srv/www/orgsync.html --weeks 12
  orgsync report --out - | ssh web 'cat > orgsync.html'

One file that needs no network: runs, organisation and newest changes of each corp; light and dark, English and Chinese.
It holds names and numbers of people: only its owner may read it.

Exit codes:
  0 written · 1 the file could not be written · 64 usage · 69 unreachable · 78 configuration`;

interface Options {
  readonly out: string;
  readonly corp: readonly string[];
  readonly weeks: number;
}

/** `orgsync report`: the organisation and its runs as one HTML file. */
export function reportCommand(getContext: GetContext): Command {
  const command = new Command('report')
    .description('Write runs, organisation and newest changes as one HTML file')
    .option('-o, --out <file>', 'where to; - is stdout', 'orgsync-report.html')
    .option('--corp <id|name>', 'only this corp; may be given several times', collect, [])
    .option('--weeks <n>', 'how far back runs and changes go', wholeNumber(1, 999), 4)
    .addHelpText('after', HELP);
  return command.action(async (options) => {
    const context = getContext();
    if (options.out === '-' && context.terminal.json) throw new OrgsyncError('usage', { code: 'conflicting_options', message: '--out - and --json cannot be combined', hint: 'name a file, or leave one of them out' });
    const [data, parts] = await Promise.all([readData(options, context), readParts()]);
    await deliver(reportHtml(data, parts), options, context);
  });
}

async function readData({ corp, weeks }: Options, context: CommandContext): Promise<ReportData> {
  return await withApp(context, async (app) => {
    const { readReport } = await import('../../sync/report.ts');
    const { store, history, replica } = await app.reading();
    const report = await readReport({
      store,
      history,
      leases: { holders: async () => (await app.leases()).holders() },
      clock: app.clock,
      corps: await app.corps(corp),
      maxAgeMs: app.config.alerts.stale_after,
      onlyConfigured: corp.length > 0,
      weeks,
      version: packageVersion(),
    });
    const ofReplica = replicaText(await replica);
    if (ofReplica !== null) context.terminal.warn(ofReplica);
    return report;
  });
}

/** Reads the page's script and style, which are next to the compiled commands. */
async function readParts(): Promise<PageParts> {
  const folder = new URL('../../report-page/', import.meta.url);
  const [script, style] = await Promise.all([readFile(new URL('page.js', folder), 'utf8'), readFile(new URL('style.css', folder), 'utf8')]);
  return { script, style };
}

async function deliver(html: string, { out }: Options, { terminal }: CommandContext): Promise<void> {
  if (out === '-') {
    terminal.data(html);
    return;
  }
  const file = path.resolve(out);
  await write(file, html);
  if (terminal.json) terminal.document({ file, bytes: Buffer.byteLength(html) });
  else if (!terminal.quiet) terminal.note(`wrote ${plain(file)} (${Math.round(Buffer.byteLength(html) / 1024)} KB)`);
}

async function write(file: string, html: string): Promise<void> {
  try {
    await writeWhole(file, html, { mode: 0o600 });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new OrgsyncError('failed', { code: 'report_not_written', message: `the report could not be written: ${message}`, hint: 'name a file in a folder that this account may write to: --out FILE', cause: error });
  }
}
