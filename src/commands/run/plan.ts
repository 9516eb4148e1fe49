import { describeChange } from '../../core/changes/words.ts';
import type { NameDepartment } from '../../core/ports/history.ts';
import type { ChangeSet, DepartmentChange, MemberChange } from '../../core/model.ts';
import type { CorpResult } from '../../core/outcome.ts';
import { plain } from '../../terminal/terminal.ts';
import type { Terminal } from '../../terminal/terminal.ts';

/** The most lines shown per corp; without `--verbose`, further lines are only counted. */
const SHOWN = 100;

/** Formats a plan for people: the differences, corp by corp. */
export function planText(corps: readonly CorpResult[], terminal: Pick<Terminal, 'paint' | 'verbose' | 'hang'>): string {
  return corps.map((result) => corpPlan(result, terminal)).join('\n\n');
}

function corpPlan({ corp, changes, departmentNames, outcome, rangeHints = [] }: CorpResult, { paint, verbose, hang }: Pick<Terminal, 'paint' | 'verbose' | 'hang'>): string {
  const title = paint.bold(`${plain(corp.name)} (${corp.id})`);
  if (changes === null) return `${title}: ${outcome === 'skipped' ? 'another process is reading it now' : `no plan: ${outcome.replace('_', ' ')}`}`;
  const lines = planLines(changes, { paint, hang, name: (id) => ({ id, name: departmentNames.get(id) ?? null }) });
  if (lines.length === 0) return `${title}: nothing to change`;
  const shown = verbose > 0 ? lines : lines.slice(0, SHOWN);
  const more = lines.length > shown.length ? [paint.dim(`  … and ${lines.length - shown.length} more (--verbose shows all)`)] : [];
  const doubts = rangeHints.map((hint) => paint.yellow(hang('  ! ', plain(hint))));
  return [`${title}: ${tally(changes)}`, ...doubts, ...shown, ...more].join('\n');
}

function tally({ members, departments }: ChangeSet): string {
  const count = (action: string): number => members.filter((change) => change.action === action).length;
  const parts = [
    [count('joined'), 'join'],
    [count('returned'), 'return'],
    [count('departed'), 'depart'],
    [count('changed'), 'change'],
    [departments.length, departments.length === 1 ? 'department changes' : 'departments change'],
  ] as const;
  return parts.filter(([number]) => number > 0).map(([number, word]) => `${number} ${word}`).join(', ');
}

interface Wording extends Pick<Terminal, 'paint' | 'hang'> {
  readonly name: NameDepartment;
}

function planLines({ departments, members }: ChangeSet, wording: Wording): readonly string[] {
  return [...departments.map((change) => departmentLine(change, wording)), ...members.map((change) => memberLine(change, wording))];
}

function departmentLine({ action, after, oldValues, newValues }: DepartmentChange, { paint, hang, name }: Wording): string {
  const who = `department ${plain(after.name ?? '(no name)')} (${after.id})`;
  if (action === 'created' || action === 'restored') return paint.green(hang('  + ', `${who}${action === 'restored' ? ', restored' : ''}`));
  if (action === 'removed') return paint.red(hang('  - ', who));
  return paint.yellow(hang('  ~ ', `${who}: ${plain(describeChange({ entity: 'department', action, oldValues, newValues }, name))}`));
}

function memberLine({ action, after, oldValues, newValues }: MemberChange, { paint, hang, name }: Wording): string {
  const who = `${plain(after.fields.name ?? '(no name)')} (${after.userid})`;
  if (action === 'joined') return paint.green(hang('  + ', who));
  if (action === 'departed') return paint.red(hang('  - ', who));
  if (action === 'returned') return paint.green(hang('  + ', `${who}, returned`));
  return paint.yellow(hang('  ~ ', `${who}: ${plain(describeChange({ entity: 'member', action, oldValues, newValues }, name))}`));
}
