import { countOf } from '../../core/count.ts';
import type { ChangeCounts } from '../../core/model.ts';
import type { CorpResult } from '../../core/outcome.ts';
import type { RunWatch } from '../../sync/attempt.ts';
import type { CorpStep } from '../../sync/corp.ts';
import type { RunReport } from '../../sync/run.ts';
import { NO_BARS } from '../../terminal/bars.ts';
import { plain } from '../../terminal/terminal.ts';
import type { Bars, Terminal } from '../../terminal/terminal.ts';

/** Draws a bar for each corp, until it is stopped. */
export function barWatch(terminal: Pick<Terminal, 'bars'>): RunWatch & Pick<Bars, 'stop'> {
  let bars = NO_BARS;
  return {
    onCorps(corps) {
      bars = terminal.bars(corps.length);
    },
    onStep(corp, step) {
      const { done, total } = position(step);
      bars.update(corp.name, done, total);
    },
    onEnd({ corp, outcome }) {
      bars.end(corp.name, outcome.replace('_', ' '));
    },
    stop: () => bars.stop(),
  };
}

/** Returns the position of a corp's bar. Reading takes nearly all the time, so the later steps are shown as its end. */
function position(step: CorpStep): { readonly done: number; readonly total: number } {
  return step.at === 'reading' || step.at === 'confirming' ? step : { done: 1, total: 1 };
}

/** Formats one line per corp, without colours, for alerts and pings. */
export function reportLines({ corps }: RunReport): readonly string[] {
  return corps.map(({ corp, outcome, counts, members, error }) => {
    const figures = `${countOf(members, 'member')}, +${counts.joined} -${counts.departed} ~${counts.changed}`;
    return `${corp.name}: ${outcome.replace('_', ' ')}${error === null ? `, ${figures}` : `: ${error.message}`}`;
  });
}

/** Formats the table that a run prints on a terminal. */
export function summary({ corps, startedAt, finishedAt }: RunReport, { table, paint, hang }: Pick<Terminal, 'table' | 'paint' | 'hang'>): string {
  const head = ['Corp', 'Outcome', 'Members', 'Joined', 'Departed', 'Changed', 'Departments', 'Requests', 'Time'];
  const rows = corps.map((result) => [result.corp.name, colourOutcome(result, paint), ...figures(result)]);
  const seconds = (finishedAt.getTime() - startedAt.getTime()) / 1000;
  const doubts = corps.flatMap(({ corp, rangeHints = [] }) => rangeHints.map((hint) => paint.yellow(hang('', plain(`${corp.name}: members departed, and ${hint}`)))));
  return `${[table(head, rows), ...doubts].join('\n')}\n${paint.dim(`${countOf(corps.length, 'corp')} in ${seconds.toFixed(1)} s`)}`;
}

function figures({ outcome, members, counts, departments, requests, seconds }: CorpResult): readonly string[] {
  if (outcome === 'skipped') return ['', '', '', '', '', '', ''];
  const departmentsText = counts.departmentsChanged === 0 ? String(departments) : `${departments} ~${counts.departmentsChanged}`;
  return [String(members), formatSigned('+', counts.joined), formatSigned('-', counts.departed), formatSigned('~', counts.changed), departmentsText, String(requests), `${seconds.toFixed(1)} s`];
}

function formatSigned(sign: string, count: number): string {
  return count === 0 ? '·' : `${sign}${count}`;
}

/** What a held-back run would have written: the other columns show what was. */
function wouldText({ joined, departed, changed, departmentsChanged }: ChangeCounts): string {
  const parts = [['+', joined], ['-', departed], ['~', changed]] as const;
  const members = parts.flatMap(([sign, count]) => (count === 0 ? [] : [formatSigned(sign, count)]));
  const departments = departmentsChanged === 0 ? [] : [countOf(departmentsChanged, 'department')];
  return members.length + departments.length === 0 ? '' : ` (would: ${[...members, ...departments].join(' ')})`;
}

function colourOutcome({ outcome, wouldChange }: CorpResult, paint: Terminal['paint']): string {
  const word = outcome === 'skipped' ? 'skipped (another process has it)' : `${outcome.replace('_', ' ')}${wouldChange === undefined ? '' : wouldText(wouldChange)}`;
  if (outcome === 'ok') return paint.green(word);
  return outcome === 'failed' ? paint.red(word) : paint.yellow(word);
}
