import { describeChange } from '../../core/changes/words.ts';
import { departmentNamer } from '../../core/ports/history.ts';
import type { ChangeRecord, Changes } from '../../core/ports/history.ts';
import { isList, snakeCase } from '../../core/json.ts';
import type { Json } from '../../core/model.ts';
import { plain } from '../../terminal/terminal.ts';
import { localTime } from '../../terminal/text.ts';
import type { Terminal } from '../../terminal/terminal.ts';

/** Creates the document of `changes --json`: the oldest change first; `more` when the limit cut off older ones; values have the names of the store's columns; times in UTC. */
export function changesDocument({ records, more, departmentNames }: Changes, since: Date | undefined): Json {
  return {
    since: since?.toISOString() ?? null,
    more,
    changes: records.map((record) => ({
      id: record.id,
      at: record.at.toISOString(),
      corp_id: record.corp.id,
      corp_name: record.corp.name,
      run_id: record.runId,
      entity: record.entity,
      entity_id: record.entityId,
      name: record.name,
      action: record.action,
      text: describeChange(record, departmentNamer(departmentNames, record.corp.id)),
      old_values: renameKeys(record.oldValues),
      new_values: renameKeys(record.newValues),
    })),
  };
}

/** Renames the keys to those of the tables, at every depth: `mainDepartment` becomes `main_department`. */
function renameKeys(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (isList(value)) return value.map(renameKeys);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [snakeCase(name), name === 'extattr' ? inner : renameKeys(inner)]));
}

const CSV_HEAD = ['at', 'corp_id', 'corp_name', 'entity', 'entity_id', 'name', 'action', 'text', 'old_values', 'new_values', 'run_id'];

/**
 * Creates the table of `changes --csv` (RFC 4180), with a byte order mark, which Excel needs for Chinese. No cell can be read
 * as a formula: see {@link csvCell}.
 */
export function changesCsv(changes: Changes): string {
  const rows = changes.records.map((record) => [
    record.at.toISOString(),
    record.corp.id,
    record.corp.name,
    record.entity,
    record.entityId,
    record.name ?? '',
    record.action,
    describeChange(record, departmentNamer(changes.departmentNames, record.corp.id)),
    record.oldValues === null ? '' : JSON.stringify(renameKeys(record.oldValues)),
    record.newValues === null ? '' : JSON.stringify(renameKeys(record.newValues)),
    record.runId === null ? '' : String(record.runId),
  ]);
  return `\ufeff${[CSV_HEAD, ...rows].map((row) => row.map(csvCell).join(',')).join('\r\n')}\r`;
}

/** The beginning of a cell that spreadsheets read as a formula, full-width forms included (OWASP, CSV Injection). */
const FORMULA = /^\s*[=+\-@\t\r\n＝＋－＠]/u;

/** Control and bidi characters: tables are shown on terminals, too. Line breaks and tabs may stand in a cell. */
const UNSAFE = /[^\P{C}\t\n]|[\u2028\u2029]/gu;

/** Quotes a cell. An apostrophe is put before a formula, so that a name like `=HYPERLINK(…)` stays text. */
export function csvCell(text: string): string {
  const safe = text.replace(/\u0000/gu, '').replace(UNSAFE, plain);
  return `"${(FORMULA.test(safe) ? `'${safe}` : safe).replaceAll('"', '""')}"`;
}

/** Formats changes for people: one line each, the oldest first, in local time. */
export function changesText({ records, departmentNames }: Changes, { table, paint }: Pick<Terminal, 'table' | 'paint'>): string {
  const severalCorps = new Set(records.map(({ corp }) => corp.id)).size > 1;
  const rows = records.map((record) => [
    localTime(record.at),
    ...(severalCorps ? [plain(record.corp.name)] : []),
    plain(whom(record)),
    colour(record, plain(describeChange(record, departmentNamer(departmentNames, record.corp.id))), paint) + (record.runId === null ? ' (seen by a live lookup)' : ''),
  ]);
  return table(['When', ...(severalCorps ? ['Corp'] : []), 'Who', 'What'], rows);
}

function whom({ entity, entityId, name }: ChangeRecord): string {
  const id = entity === 'member' ? entityId : `department ${entityId}`;
  return name === null ? id : `${name} (${id})`;
}

const COLOURS: Readonly<Partial<Record<ChangeRecord['action'], 'green' | 'red'>>> = {
  joined: 'green',
  returned: 'green',
  created: 'green',
  restored: 'green',
  departed: 'red',
  removed: 'red',
};

function colour({ action }: ChangeRecord, text: string, paint: Terminal['paint']): string {
    const wanted = COLOURS[action];
  return wanted === undefined ? text : paint[wanted](text);
}
